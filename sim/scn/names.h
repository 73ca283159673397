/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of descriptors: each that a scenario uses must be bound by some step. */
#ifndef SIM_SCN_NAMES_H
#define SIM_SCN_NAMES_H

#include "scn/lex.h"

struct names;

struct names *names_new(void);
void names_free(struct names *names);

/** names_add() - the name @text, which stands at @at of @l's line, is bound or used. */
void names_add(struct names *names, const struct lex *l, const char *at,
	       const struct text *text, bool binds);

/** names_check() - fail at the first name that is used and nowhere bound. */
bool names_check(struct names *names, struct lex *l);

#endif
