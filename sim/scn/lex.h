/* SPDX-License-Identifier: GPL-2.0-only */
/* A cursor over one line of a scenario: words, numbers, strings, and what is wrong. */
#ifndef SIM_SCN_LEX_H
#define SIM_SCN_LEX_H

#include "scn/scn.h"
#include "scn/words.h"

struct names;

struct lex {
	const char *file;
	guint nr;		/* line, counted from 1 */
	const char *line, *p, *end;
	const GArray *loops;	/* of struct repeat: the blocks around, outermost first */
	gsize string_bytes;	/* of all strings so far */
	struct names *names;	/* those that lex_name() read */
	const GArray *handlers;	/* of struct handler_script, or NULL */
	bool raced;		/* from a race on, steps may have several right results */
	GError **error;
};

/** lex_fail() - set the error to "FILE:LINE:COL: message"; @at gives the column. */
void lex_fail(struct lex *l, const char *at, const char *format, ...) G_GNUC_PRINTF(3, 4);

/** lex_note() - likewise, say on standard error what is worth knowing and is no error. */
void lex_note(struct lex *l, const char *at, const char *format, ...) G_GNUC_PRINTF(3, 4);

/** lex_expected() - fail with what is at the cursor and @what should be there. */
void lex_expected(struct lex *l, const char *what);

/**
 * lex_unknown() - fail with "unknown WHAT 'WORD', expected ...": the word of
 * @words that comes nearest, or all of them when none does and @list is set.
 */
void lex_unknown(struct lex *l, const char *at, const char *what, const char *word,
		 const GPtrArray *words, bool list);

/** lex_blank() - skip blanks; true when there were some. */
bool lex_blank(struct lex *l);
/** lex_done() - at the end of the line or at a comment? */
bool lex_done(struct lex *l);
/** lex_accept() - skip blanks and @c, if it is @c that comes. */
bool lex_accept(struct lex *l, char c);
/** lex_need() - likewise, and fail if it is not. */
bool lex_need(struct lex *l, char c);

/** lex_word() - an identifier, or NULL with the cursor unmoved. */
char *lex_word(struct lex *l);
/** lex_at_word() - does the identifier @want come, after blanks? */
bool lex_at_word(struct lex *l, const char *want);
/** lex_accept_word() - skip blanks and @want, if it is what comes. */
bool lex_accept_word(struct lex *l, const char *want);
/** lex_run() - all characters up to a blank, '#' or one of @stop; NULL when none. */
char *lex_run(struct lex *l, const char *stop);

/* These fail when they return false; @what says what was expected. */
/** lex_choice() - one of @words, each a @kind: its place there, or -1. */
int lex_choice(struct lex *l, const char *what, const char *kind, const GPtrArray *words);
/** lex_name() - a descriptor's name; @binds: given here. */
bool lex_name(struct lex *l, const char *what, bool binds, struct text *text);
bool lex_string(struct lex *l, const char *what, struct text *text);
/** lex_magnitude() - digits, 0xdigits, with K, M, G or T behind them. */
bool lex_magnitude(struct lex *l, const char *what, guint64 *n, enum number_style *style);
/** lex_loop_var() - after a '$': "i" or "{i}"; its depth counted from 1. */
bool lex_loop_var(struct lex *l, guint8 *var);

void text_clear(struct text *text);

#endif
