/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world: the few objects that a search plays with, and every operation that can be
 * done with them. Descriptors lie in slots; an operation is a number.
 */
#ifndef SIM_EXPLORE_WORLD_H
#define SIM_EXPLORE_WORLD_H

#include <glib.h>

#include "luosim-search.h"
#include "run/run.h"
#include "scn/explore-block.h"
#include "scn/op.h"

/* The variant of an operation: 0 as it is, then the step that fails, then the damage done. */
#define FIRST_DAMAGE	256
/* /dev/liveupdate; outgoing sessions; retrieved sessions; files. */
#define MAX_WORLD_SLOTS	(1 + 2 * MAX_SESSIONS + MAX_INODES * MAX_OPENS + MAX_OTHERS)
/* Of a file that is there only while others are made. */
#define TMP_SLOT	(MAX_PROCESSES * MAX_WORLD_SLOTS)

/* Where the descriptor goes that an operation returns. */
enum world_gives { GIVES_NONE, GIVES_OUTGOING, GIVES_INCOMING, GIVES_FILE, GIVES_MEMORY };

/* Two operations at once, as places in world.ops. */
struct world_pair {
	guint16 ops[MAX_WORLD_TASKS];
};

/**
 * struct world_op - one operation.
 * @op: as a scenario has it.
 * @args: what its arguments are, but for descriptors.
 * @slots: of descriptors; NO_SLOT for an argument that is not one.
 * @name: as --ops takes it.
 * @action: which try of the table it is, the same number in all worlds.
 * @process: that does it, counted from 0.
 * @session: slot of the session that it is about, or that it opens; 0: of none.
 * @file: slot of the first file, if it has one.
 * @result: slot of the file that it opens, of a step that makes files.
 * @token: counted from 0, if it has one.
 * @peer: it hands the descriptor @file to the other process.
 */
struct world_op {
	struct op op;
	struct actual args[MAX_ARGS];
	guint8 slots[MAX_ARGS];
	enum world_gives gives;
	const char *name;
	guint action;
	guint8 process, session, file, result, token;
	bool has_file, has_token, peer;
	guint8 memory;		/* that it is about, of those with on_memory */
};

/**
 * struct world_begin - a step by which the world begins.
 * @text: in the search's own names; as which it is @op.
 * @fail: what fails in it, if @fails.
 * @sends: it hands a descriptor to the other process.
 */
struct world_begin {
	char *text;
	guint process;
	struct world_op op;
	struct fail fail;
	bool fails, sends;
};

/**
 * struct world - what there is.
 * @sessions: names, of outgoing and of incoming sessions each.
 * @inodes: memfds, made before the search begins.
 * @opens: open files of each.
 * @tokens: of each session.
 * @memories: of modules that call KHO, made likewise.
 * @kernels: the last one cannot be left.
 * @faults: allocations that may fail, one after the other, on one path.
 * @damage: handovers that may be damaged on one path.
 * @processes: each with slots of its own; the first one boots.
 * @tasks: that make one call each at one time; 1: there are no races.
 * @races: on one path, at most.
 * @max_states: of one race, at which its search stops.
 * @no_reduction: as of struct overrides.
 * @depth: operations on a path, at most.
 * @reduced: only what the reduced machine does, see project.h.
 * @beside: the same with other kernels, with which it is compared, or NULL: twin.h.
 * @log: lines of the log count.
 * @words: the operations that are tried, and files other than memfds.
 * @contents: what is in files makes a state.
 * @no_nodes: as in struct failure.
 * @scn: whose steps the world begins with, or NULL; those from line @from on are left out.
 * @begin: of struct world_begin, these steps; they open @begun_files.
 * @boots: of each kernel.
 * @mem: bytes; @least_mem unless the command line says otherwise.
 * @hugepages: set aside at boot, likewise.
 * @prelude: of struct world_op, that makes all files, and ...
 * @start: ... the same as steps.
 * @ops: of struct world_op.
 * @damages: of struct world_damage.
 * @pairs: of struct world_pair: operations with numbers behind those of @ops.
 */
struct world {
	guint sessions, inodes, opens, tokens, memories, kernels, faults, damage, depth;
	guint tasks, races, processes, max_states;
	bool no_reduction;
	struct world_words words;
	bool reduced, log, contents, no_nodes;
	const struct world *beside;
	const struct scenario *scn;
	guint from, begun_files;
	GArray *begin;
	struct boot boots[MAX_KERNELS];
	guint64 mem, least_mem;
	guint hugepages;
	guint nr_slots;		/* of each process */
	const char *out;	/* the directory that findings are written to; NULL: none */
	GString *start;
	GArray *prelude, *ops, *damages, *pairs;
};

/**
 * struct world_damage - one thing that may happen to a handover.
 * @pattern: which handover_field() @field is.
 * @other: an object, another field or a string, or NULL.
 * @unless: fields; where there is one, @field is part of it by another name. Or NULL.
 */
struct world_damage {
	guint pattern;
	enum luosim_damage_kind kind;
	char *field;
	guint64 number;
	char *other;
	char **unless;
};

/** struct place_memory - how often it is held and preserved, and may be restored. */
struct place_memory {
	guint8 held, kept, waiting;
};

/** struct place - what belongs to a state in addition to the machine. */
struct place {
	int fds[MAX_PROCESSES * MAX_WORLD_SLOTS + 1];	/* of each process; TMP_SLOT */
	guint8 kernel;				/* that runs, counted from 1 */
	guint8 faults, races;			/* that happened */
	guint8 damages;				/* done to handovers */
	guint8 damaged;				/* the last one's pattern, counted from 1 */
	guint8 tokens[2 * MAX_SESSIONS + 1];	/* mask of those in use, by session slot */
	guint8 waiting[MAX_SESSIONS];		/* the same of sessions not retrieved */
	struct place_memory memory[MAX_MEMORIES];
	guint8 blob, blob_in;			/* memory that the subtree is, from 1; 0: none */
};

/** struct done - what an operation did. */
struct done {
	gint64 ret;
	bool refused;		/* -EBUSY, and no session has the object */
	bool damage;		/* that was asked for, and no failure */
	bool hit;		/* the failure or damage that was asked for happened: */
	struct failure failure;
	const char *in[FAIL_CALLERS];	/* where it did, see struct fail_stats */
	bool opened;		/* it was a retrieve_session() */
	gint slot;		/* that got the descriptor; -1: it was closed at once */
	bool left;		/* the kernel; the next one may have stopped at once */
	bool booted;		/* the next kernel runs */
	gint64 dev;		/* what the open of /dev/liveupdate returned in it, or ... */
	bool restarted;		/* ... after the end of the first process */
	gint64 received;	/* by the other process */
};

/**
 * world_plan() - boots from what the command line says, and the list of operations.
 * Return: FALSE and @error when these are too many, kernel 1 cannot open all files, or the
 *	steps of a scenario are no beginning, as they break something by themselves.
 */
gboolean world_plan(struct world *world, const struct overrides *overrides, GError **error);
void world_clear(struct world *world);

/** world_jobs() - how many of @jobs threads can search it: one where a tree's code runs. */
guint world_jobs(const struct world *world, guint jobs);

/** world_new_machine() - a machine in kernel 1 with all files; @place is filled in. */
struct machine *world_new_machine(const struct world *world, struct place *place,
				  void (*emit)(void *data, const struct event *event),
				  void *data);

/** world_pair() - the pair of which @op is the number, or NULL. */
const struct world_pair *world_pair(const struct world *world, guint op);

/** world_enabled() - can the operation be asked for here? */
bool world_enabled(const struct world *world, const struct place *place, guint op);

/** struct world_names - slots, and tokens of the session in each, that are in place of others. */
struct world_names {
	guint8 slots[TMP_SLOT + 1], tokens[TMP_SLOT + 1][MAX_TOKENS];
};

/**
 * world_op_with() - the operation that does what @op, no pair, does, to what stands in place of
 * its objects; the number of all operations if there is none.
 */
guint world_op_with(const struct world *world, guint op, const struct world_names *names);

/** world_boots() - may the operation lead to the next kernel? Of no pair. */
bool world_boots(const struct world *world, guint op);

/** world_view() - what of the machine makes a state; see struct machine_view for @names. */
struct machine_view world_view(const struct world *world, const struct place *place, bool names);

/** world_frames() - the frame of each memfd's page, in kernel 1. */
void world_frames(const struct world *world, struct machine *m, const struct place *place,
		  guint64 *frames);

/**
 * world_fingerprint() - of the state in which @m is at @place.
 * @frames: of world_frames().
 * @symmetry: states that differ only in names are one.
 */
void world_fingerprint(const struct world *world, struct machine *m, struct machine_walk *walk,
		       const struct place *place, const guint64 *frames, bool symmetry,
		       guint64 fingerprint[2]);

/** world_redundant() - is it symmetric to an earlier operation of the list? */
bool world_redundant(const struct world *world, const struct place *place, guint op);

/**
 * world_run() - do operation @op, no pair.
 * @nth: below FIRST_DAMAGE the @nth step that can fail does, but 0; from there on the
 *	handover is damaged, if there is one that can be.
 */
void world_run(const struct world *world, struct machine *m, struct place *place, guint op,
	       guint nth, struct done *done);

/** world_list_damages() - into @world->damages. */
void world_list_damages(struct world *world);

/** world_damage() - ask for damage @nr of what @m hands over; false if it cannot be done. */
bool world_damage(const struct world *world, struct machine *m, guint nr);

/** world_print_damage() - as the step of a scenario: "corrupt("luo.magic", 0)". */
void world_print_damage(GString *out, const struct world *world, guint nr);

/** world_print_handlers() - the blocks before the first kernel. */
void world_print_handlers(GString *out, const struct world *world);

/** world_print_start() - the scenario's text up to the first operation. */
void world_print_start(GString *out, const struct world *world,
		       const struct overrides *overrides);

/** world_identity() - append lines that say all by which worlds differ but for @depth. */
void world_identity(GString *out, const struct world *world, const struct overrides *overrides);

/** world_print_op() - an operation as steps of a scenario, with what it returned. */
void world_print_op(GString *out, const struct world *world, const struct machine *m, guint op,
		    guint nth, const struct done *done);

/** world_print_call() - an operation in short: "preserve_fd(s0, f1, 0x1) [failing at 2]". */
void world_print_call(GString *out, const struct world *world, guint op, guint nth);

#endif
