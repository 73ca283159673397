/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of operations. To add one is one row and one function: arity and
 * kinds are checked from the row by the parser, never by the function.
 */
#ifndef SIM_SCN_OP_H
#define SIM_SCN_OP_H

#include "scn/scn.h"
#include "scn/words.h"

enum param_kind {
	PARAM_NONE,
	PARAM_FD,		/* name of a descriptor */
	PARAM_FD_NUMBER,	/* such a name, or a number */
	PARAM_NEW,		/* result: a new name for the descriptor */
	PARAM_MEMORY,		/* name of memory that a module has */
	PARAM_NEW_MEMORY,	/* result: a new name for it */
	PARAM_NUMBER,		/* or one of @words */
	PARAM_FLAGS,		/* or words of @words joined with '|' */
	PARAM_OCTAL,
	PARAM_WORD,		/* one of @words */
	PARAM_STRING,		/* at most @max bytes */
	PARAM_FIELD,		/* a string: the path of a field that is handed over */
	PARAM_OBJECT,		/* or of an object */
	PARAM_PIECES,		/* strings, fd(), u8(), u16(), u32(), u64() */
	PARAM_FIELDS,		/* result: key=value... */
};

#define MAX_TRIES	2

/* What one argument, result or field is. */
struct param {
	const char *name;	/* as manual and messages call it */
	enum param_kind kind;
	gint64 min;
	guint64 max;
	words_fn words;
};

/* An argument with loop variables and names replaced. */
struct actual {
	gint64 number;		/* of a name: its descriptor */
	char *bytes;
	gsize len;
	bool given;
};

struct op_info;

struct call {
	const struct op_info *info;
	struct machine *machine;
	const struct boot *next;	/* for kexec: the kernel that comes */
	struct actual args[MAX_ARGS];
	gint64 fields[MAX_FIELDS];	/* out: of a PARAM_FIELDS result */
	GString *out;			/* out: of a PARAM_STRING result or field */
	gint64 fd;			/* out: descriptor for "-> name", or -1 */
	const char *process;		/* that makes the call */
	const char *ended;		/* out: the process that ended, or NULL */
	bool boots;			/* out: another kernel runs, without processes */
};

/* What may end that an operation is refused. */
enum refusal_end {
	END_CLOSED = 1,		/* its session is closed */
	END_EMPTIED = 2,	/* or gives its files up */
	END_FILE = 4,		/* something is done to its file, or to who has it */
	END_TOKEN = 8,		/* a file is preserved in its session */
};

#define MAX_REFUSALS	3

struct refusal {
	int error;		/* what it returns, 0 after the last one */
	guint ends;		/* mask */
};

/* What it does to memory that a module has, if it works. */
enum on_memory {
	MEMORY_LEAVES, MEMORY_PRESERVES, MEMORY_UNPRESERVES, MEMORY_RESTORES,
	MEMORY_RESTORES_FREE, MEMORY_GIVES_UP, MEMORY_NAMES, MEMORY_UNNAMES
};

struct op_info {
	const char *name;
	struct param args[MAX_ARGS];
	guint optional;			/* mask of arguments that may be left out */
	struct param result;
	const struct param *fields;	/* of PARAM_FIELDS; ends with a NULL name */
	gint64 (*call)(struct call *c);	/* what the system call returns */
	const struct luosim_call *handler_call;	/* that a handler brings; or NULL */
	bool binds_fd;			/* "= 0 -> name" is allowed */
	bool closes;			/* the name of its descriptor stands for none then */
	bool model_only;		/* a kernel tree's own code has none of it */
	bool reboots;			/* the next kernel runs when it worked */
	/*
	 * How a search tries it: steps with DEV, SESSION, NAME, FILE, ANY (descriptor), TOKEN,
	 * PEER (the other process), FOLIO and AREA (of a module) in place of what the world
	 * has. What is opened is OUTGOING or INCOMING, as sessions are, or NEW, as files are.
	 * "word: " before a step is how --ops calls it.
	 */
	const char *tries[MAX_TRIES];
	bool loads;			/* the next kernel, if there is one */
	bool ends;			/* the process that makes the call */
	bool empties;			/* its session has no tokens then */
	/*
	 * It reads and changes no more than is behind its descriptors, the session that it
	 * opens, and the table of descriptors.
	 */
	bool apart;
	struct refusal refusals[MAX_REFUSALS];	/* that last until something happens */
	enum on_memory on_memory;
	const char *about;
};

/** op_table() - all operations; the last row has no name. */
const struct op_info *op_table(void);
const struct op_info *op_find(const char *name);
/**
 * op_load() - scenarios have the operations that a loaded handler brings, too; those are
 * not explored.
 * Return: NULL, or the name of the first one that there is already.
 */
const char *op_load(const struct handler_script *script);
guint op_nr_args(const struct op_info *info);

/** op_try() - of all that a search may try number @nr, as its row has it; NULL after the last. */
const char *op_try(guint nr, const struct op_info **info);
/** op_try_name() - "truncate" of "truncate: ftruncate(FILE, 0)", "dup" of "dup(FILE)". */
char *op_try_name(const char *text);
/** op_try_find() - the number of the try of that name, or -1. */
int op_try_find(const char *name);

/** op_signature() - append "reopen(FD[, O_FLAGS]) = NEW". */
void op_signature(GString *out, const struct op_info *info);

#endif
