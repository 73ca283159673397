/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel log says went wrong, whatever is in front of its lines: WARNs, oopses,
 * panics and messages, with their call chains.
 */
#ifndef SIM_MATCH_LOG_H
#define SIM_MATCH_LOG_H

#include <glib.h>
#include <stdbool.h>

enum incident_kind {
	INCIDENT_WARN = 'W',
	INCIDENT_OOPS = 'O',	/* KASAN, a page fault, BUG(): what the kernel did not ask for */
	INCIDENT_STUCK = 'S',	/* a hung task */
	INCIDENT_CRASH = 'C',	/* one of these; its first lines are not in the log */
	INCIDENT_PANIC = 'P',	/* with a text of its own */
	INCIDENT_MESSAGE = 'L',
};

/**
 * struct incident - one thing that a kernel said.
 * @line: where, counted from 1.
 * @stage: kernels since the first one that handed over; 1: none did before; 0: not known.
 * @frames: of char *: the function that it is in and its callers; may be empty.
 * @text: of panics and messages, without numbers and names; otherwise NULL.
 * @shown: the line as it is to be quoted.
 * @cut_off: @frames end before the system call: more callers may have been there.
 * @boot: machines of which each was not handed over to; kernels that follow each other by kexec
 *	are one.
 * @release: of the kernel that said it; NULL: not said.
 */
struct incident {
	enum incident_kind kind;
	guint line, stage, boot;
	bool cut_off;
	GPtrArray *frames;
	char *text, *shown, *release;
};

struct incident *incident_new(enum incident_kind kind);
void incident_free(gpointer incident);

/** incident_key() - what it says: kind, stage, functions and text. */
char *incident_key(const struct incident *incident);

/**
 * struct log - all that was found in an input.
 * @incidents: of struct incident *.
 * @release: of the kernel that spoke last, "7.0.9"; NULL: not said.
 * @errnos: of char *, names that are in it.
 * @panic_on_warn: a panic followed a WARN for that reason alone.
 */
struct log {
	GPtrArray *incidents;
	char *release;
	GPtrArray *errnos;
	bool panic_on_warn;
};

/** log_parse() - @prefixes: of messages, "luo" and so on; NULL ends them. */
struct log *log_parse(const char *text, gsize len, const char *const *prefixes);
void log_free(struct log *log);

/** message_normal() - @text with numbers and quoted names replaced. */
char *message_normal(const char *text);

/** frame_normal() - @func as compilers and architectures had it not changed. */
char *frame_normal(const char *func);

#endif
