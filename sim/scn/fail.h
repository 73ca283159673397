/* SPDX-License-Identifier: GPL-2.0-only */
/* The statement "fail": failures of the step that follows. */
#ifndef SIM_SCN_FAIL_H
#define SIM_SCN_FAIL_H

#include "scn/lex.h"

/** fail_parse() - what follows the word "fail"; fails when it returns false. */
bool fail_parse(struct lex *l, struct fail *fail);

/** fail_print() - append the statement. */
void fail_print(GString *out, const struct fail *fail);

/** fail_parse_errno() - "= -ERRNO"; fails when it returns false. */
bool fail_parse_errno(struct lex *l, int *error);

/** fail_parse_nth() - "nth N", or nothing; fails when it returns false. */
bool fail_parse_nth(struct lex *l, guint32 *nth);

#endif
