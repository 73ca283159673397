/* SPDX-License-Identifier: GPL-2.0-only */
/* Selectors: on which kernels an alternative of a step or expectation holds. */
#ifndef SIM_SCN_SELECT_H
#define SIM_SCN_SELECT_H

#include "scn/lex.h"

/** select_parse() - a list of selectors up to ':'; NULL when it failed. */
GArray *select_parse(struct lex *l);

/** select_print() - append the list as it is written. */
void select_print(GString *out, const GArray *selectors);

/** select_match() - does one of them hold on a kernel of @release? */
bool select_match(const GArray *selectors, const struct release *release);

/** outcome_on() - of @outcomes the first that is selected on @release, or the main one. */
guint outcome_on(const GArray *outcomes, const struct release *release);

/**
 * expected_kinds() - what the first of @expects whose selectors hold on @release
 * says, or else the main one; 0 when there is none.
 */
guint32 expected_kinds(const GArray *expects, const struct release *release);

/** policy_check() - is @text a policy? If not, fail at @at. */
bool policy_check(struct lex *l, const char *at, const char *text);

/** policy_words() - the names of all presets, for lex_unknown(). */
GPtrArray *policy_words(void);

/** release_meant() - does it look like a release, known or not? */
bool release_meant(const char *word);

/**
 * release_check() - the row for the release @name; NULL and fail at @at if there is none.
 *
 * Where it is but the nearest, that is said.
 */
const struct release *release_check(struct lex *l, const char *at, const char *name);

/** newest_release() - the last that is out, which is what runs where none is asked for. */
const struct release *newest_release(void);

/** fix_words() - the names of all fixes, for lex_unknown(). */
GPtrArray *fix_words(void);

#endif
