/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words that a handler brings into the scenario language: operations, and kinds of files
 * of which a searched world may have some. luosim.h and luosim-handler.h include it.
 */
#ifndef LUOSIM_WORDS_H
#define LUOSIM_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define LUOSIM_MAX_PARAMS	4
#define LUOSIM_MAX_STEPS	4
#define LUOSIM_MAX_BYTES	(1u << 20)	/* of a string, or of what is read */

enum luosim_param_kind {
	LUOSIM_FD = 1,			/* a descriptor */
	LUOSIM_NUMBER,
	LUOSIM_STRING
};

/**
 * struct luosim_param - an argument of an operation.
 * @name: as the manual and messages call it, such as "VM".
 * @min, @max: of a number; of a string @max bytes.
 */
struct luosim_param {
	const char *name;
	enum luosim_param_kind kind;
	int64_t min;
	uint64_t max;
};

/**
 * struct luosim_arg - what a step has for it.
 * @number: the number, or the descriptor.
 * @bytes, @len: a string, with a NUL after it; of what reads, room for the result in
 *	place of its last argument, @len bytes.
 */
struct luosim_arg {
	int64_t number;
	char *bytes;
	size_t len;
};

/**
 * struct luosim_call - an operation, a system call of its own: "kvm_create_vcpu(VM, ID)".
 * @params: up to one without a name.
 * @optional: a bit for each number of them that may be left out.
 * @otherwise: what it is then.
 * @call: what the step returns, or a negative errno.
 * @open: in place of @call: returns a struct file, which becomes a descriptor, or an
 *	ERR_PTR().
 * @reads: the last argument is a length; what @call returns is how many bytes are in
 *	its @bytes, which the step shows.
 * @tries: how a search tries it, as luosim-scn(5) has it, "name(FILE, FILE)"; NULL: not.
 * @about: one sentence, without a full stop.
 */
struct luosim_call {
	const char *name;
	struct luosim_param params[LUOSIM_MAX_PARAMS];
	int64_t (*call)(const struct luosim_arg *args);
	void *(*open)(const struct luosim_arg *args);
	int reads;
	const char *tries;
	const char *about;
	unsigned int optional;
	int64_t otherwise[LUOSIM_MAX_PARAMS];
};

/**
 * struct luosim_kind - a kind of files that "luosim explore --handlers @name" makes.
 * @needs: a kind of which one must stand before it, to which it belongs; or NULL.
 * @uses: a kind that it is used with where there is one before it; or NULL.
 * @steps: how one is made, "CALL = RESULT". NEW is its name, ON that of the one it
 *	belongs to or is used with: a step that has ON is left out where there is none.
 *	# is its number in the world, #+32 that and 32, #+1 that and 1.
 */
struct luosim_kind {
	const char *name, *needs, *uses;
	const char *steps[LUOSIM_MAX_STEPS];
};

#endif
