/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario as data: what parse.c reads, print.c writes and run.c executes.
 * The language itself is described in luosim-scn(5).
 */
#ifndef SIM_SCN_SCN_H
#define SIM_SCN_SCN_H

#include <glib.h>

#include "luosim.h"

/* Bounds that keep any input cheap to read; luosim-scn(5) names them. */
#define MAX_FILE_BYTES		(4u << 20)
#define MAX_STRING_BYTES	(1u << 20)	/* one string, repetitions spelled out */
#define MAX_ALL_STRING_BYTES	(64u << 20)	/* all strings of a scenario */
#define MAX_NAME		64
#define MAX_PROCESS		15		/* characters in a process's name */
#define MAX_LOOPS		8		/* repeat blocks within each other */
#define MAX_ARGS		5
#define MAX_FIELDS		12

/* Where a loop variable's value goes into a text. */
struct text_var {
	gsize at;
	guint8 var;
};

/* Bytes that may contain loop variables. */
struct text {
	char *bytes;		/* with a NUL after that is not counted */
	gsize len;
	GArray *vars;		/* of struct text_var, by rising place; NULL when none */
};

enum value_kind {
	VALUE_ABSENT,		/* not given */
	VALUE_NUMBER,
	VALUE_NAME,		/* of a descriptor */
	VALUE_STRING,
	VALUE_PIECES,		/* bytes put together from pieces */
	VALUE_FIELDS,		/* key=value... */
	VALUE_LOST,		/* the machine stopped before the call returned */
};

/* How a number was written, so that it is printed in the same way. */
enum number_style { STYLE_DECIMAL, STYLE_HEX, STYLE_SIZE, STYLE_ERRNO };

/* One argument or one result. */
struct value {
	enum value_kind kind;
	enum number_style style;
	guint8 var;		/* VALUE_NUMBER: loop variable counted from 1, or 0 */
	gint64 factor;		/* ... which is multiplied by this */
	guint64 number;		/* ... and added to this */
	struct text text;	/* VALUE_STRING, VALUE_NAME; VALUE_NUMBER: "-> name" */
	GArray *list;		/* of struct piece or struct field */
};

/* Some bytes of a raw ioctl argument. */
struct piece {
	guint8 width;		/* bytes of a number or of fd(name); 0: a string */
	struct value value;
};

/* key=value; @index is the row of the operation's fields. */
struct field {
	guint index;
	struct value value;
};

/*
 * One word of "v7.1+,get-id,-seals": on what kernel an alternative holds.
 * The words are alternatives, except that '/' joins two that must both hold.
 */
enum selector_kind { SELECT_RELEASE, SELECT_POLICY, SELECT_FIX, SELECT_TREE };

struct selector {
	enum selector_kind kind;
	bool joined;		/* with '/' to the one that follows */
	gsize from, to;		/* SELECT_RELEASE: rows of release_table(), inclusive */
	enum fix fix;		/* SELECT_FIX */
	bool has;
	char *text;		/* as written */
};

/* What a step must return; the first whose selectors hold wins, else the main one. */
struct outcome {
	GArray *selectors;	/* of struct selector; NULL for the main outcome */
	struct value value;
	bool also;		/* "or": as good as the one before it; from a race on */
};

/*
 * An operation: a row of op_table() with its arguments, and what it must return.
 * Scenario files, the printer and the runner all share this one type.
 */
struct op {
	const struct op_info *info;
	guint line;
	struct value *args;	/* info->nr_args; those left out are VALUE_ABSENT */
	GArray *outcomes;	/* of struct outcome, the main one first; NULL: not judged */
};

/* A change to a kernel: "with=FIX", on a heading or as --with FIX. */
enum setting_kind {
	SET_KHO,
	SET_LIVEUPDATE,
	SET_PANIC_ON_WARN,
	SET_MEM,
	SET_WITH,
	SET_WITHOUT,
	SET_LIMIT,
	SET_POLICY,
	SET_HANDLERS,
	SET_HUGEPAGES,
	SET_RESERVE_MEM,
	SET_KASAN,
	SET_MEM_PROFILING,
	SET_DEBUGFS,
	SET_NODES,
	SET_KHO_SCRATCH,
	SET_DEFERRED_INIT,
	SET_GIGANTIC_PAGES,
	SET_CRASHKERNEL,
};

struct setting {
	enum setting_kind kind;
	guint64 number;		/* on/off, bytes, or the limit's new value */
	int which;		/* enum fix or enum limit */
	char *policy;		/* SET_POLICY: for policy_apply() */
	char *handlers;		/* SET_HANDLERS: as written; @number is the mask */
	guint64 scratch[3];	/* SET_KHO_SCRATCH */
	char *areas;		/* SET_RESERVE_MEM: as written; NULL: none */
};

/* "kernel N RELEASE option..." */
struct kernel_heading {
	guint number;
	const struct release *release;	/* NULL: as the kernel before */
	GArray *settings;		/* of struct setting */
};

/* "repeat NAME FROM..TO" */
struct repeat {
	char *name;
	guint8 var;		/* depth of nesting, counted from 1 */
	gint64 from, to;	/* inclusive */
};

/* "fail POINT...": a failure of the operation that follows, or "fail any": each in turn. */
struct fail {
	bool any;
	struct failure failure;
};

/* A task's turn in a schedule: "A*3". */
struct turn {
	guint task;		/* counted from 1 */
	guint steps;		/* 0: until it is done or sleeps */
	char *name;		/* as written, with where, until the tasks are known */
	const char *line, *at;
	guint line_nr;
};

/* "race [preemptions=N] [seed=N | schedule=A3,B2,A]"; its tasks follow. */
#define NO_BOUND	G_MAXUINT
struct race {
	guint nr_tasks;
	guint preemptions;	/* at most this many, or NO_BOUND */
	bool seeded;
	guint64 seed;
	GArray *schedule;	/* of struct turn; NULL: all schedules */
};

/* "task NAME [of PROCESS]" */
struct task_heading {
	char *name;
	char *process;		/* that it belongs to; NULL: the one that the race begins in */
	guint number;		/* in its race, counted from 1 */
};

enum step_kind { STEP_KERNEL, STEP_OP, STEP_REPEAT, STEP_RACE, STEP_TASK, STEP_END,
		 STEP_FAIL, STEP_PROCESS };

struct step {
	enum step_kind kind;
	guint line, column;
	guint depth;		/* blocks around it; a task is one */
	guint match;		/* STEP_END: the step that opened the block */
	union {
		struct kernel_heading kernel;
		struct op op;
		struct repeat repeat;
		struct fail fail;
		struct race race;
		struct task_heading task;
		char *process;
	};
};

/* "expect any": the verdict is not judged. */
#define EXPECT_ANY	(1u << 31)
/* In lists: runs in which nothing broke. */
#define EXPECT_CLEAN	(1u << 30)

struct expectation {
	GArray *selectors;	/* of struct selector; NULL for the main one */
	guint32 kinds;		/* a bit for each enum violation_kind, or EXPECT_ANY */
};

/* What must hold of a set of runs: "always leak". */
enum list { LIST_ALWAYS, LIST_NEVER, LIST_SOMETIMES, NR_LISTS };

/* "v7.0/get-id": a kernel to run the scenario on. */
struct variant {
	char *name;
	const struct release *release;	/* NULL: the scenario's own */
	char *policy;			/* NULL: the release's own */
};

/* What an "explore" block may set; the rest is as luosim explore has it. */
enum world_number {
	WORLD_SESSIONS,
	WORLD_INODES,
	WORLD_OPENS,
	WORLD_TOKENS,
	WORLD_MEMORIES,
	WORLD_KERNELS,
	WORLD_FAULTS,
	WORLD_DAMAGE,
	WORLD_PROCESSES,
	WORLD_TASKS,
	WORLD_RACES,
	WORLD_DEPTH,
	NR_WORLD_NUMBERS
};

struct world_block {
	guint line;		/* 0: there is none */
	guint32 given;		/* mask of the numbers that are */
	guint numbers[NR_WORLD_NUMBERS];
	char *ops, *handlers;	/* or NULL */
};

#define DIGEST_DIGITS 12

struct scenario {
	char *file;		/* as it was opened, for messages */
	char *path;		/* below the directory that all scenarios are in, for reports */
	char *digest;		/* the first digits of the file's SHA-256, or NULL */
	char *name;
	char *title;		/* the name; with the path, if others have the same name */
	guint line;
	char *about;		/* lines separated by \n, or NULL */
	char *source;		/* likewise */
	GArray *runs;		/* of struct variant; empty without "runs" */
	guint handler_line;	/* of the first of them */
	GArray *handlers;	/* of struct handler_script */
	struct world_block explore;
	GArray *steps;		/* of struct step */
	guint expect_line;	/* 0 without "expect" */
	GArray *expects;	/* of struct expectation, the main one first */
	guint list_line[NR_LISTS];
	GArray *lists[NR_LISTS];	/* likewise; empty without that list */
	bool sweeps;		/* there is a "fail any" */
	char *text;		/* the file as it is, but for bytes that are no UTF-8; or NULL */
};

/**
 * scenario_load() - read and parse a file.
 * Return: the scenario, or NULL with @error set to "FILE:LINE:COL: message".
 */
struct scenario *scenario_load(const char *path, GError **error);

/** display_name() - @path as messages show it. */
char *display_name(const char *path);

/** scenario_load_stdin() - likewise, standard input; messages call it <stdin>. */
struct scenario *scenario_load_stdin(GError **error);

/** scenario_parse() - likewise, of @len bytes at @text; messages call it @file. */
struct scenario *scenario_parse(const char *file, const char *text, gsize len, GError **error);

/** scenario_new() - one without steps. */
struct scenario *scenario_new(const char *file);
void scenario_free(struct scenario *scn);

/** op_clear() - free what @op holds. */
void op_clear(struct op *op);

/** outcomes_new() - an empty array of struct outcome that owns what it holds. */
GArray *outcomes_new(void);

#define SCN_ERROR g_quark_from_static_string("luosim-scn")

/** scenario_print() - append the scenario's text; the inverse of scenario_parse(). */
void scenario_print(GString *out, const struct scenario *scn);

#endif
