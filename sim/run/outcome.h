/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes of a race, as a text: what each call from the race on returned. It is the same
 * text for the same answers of the model and of a real kernel.
 */
#ifndef SIM_RUN_OUTCOME_H
#define SIM_RUN_OUTCOME_H

#include "scn/op.h"

/** outcome_result() - what @info's call returned, in words; NULL: it never did. */
char *outcome_result(const struct op_info *info, const struct value *value);

/** outcome_add() - append the call and its @result; NULL: it never returned. */
void outcome_add(GString *text, const struct op_info *info, const char *result);

/** outcome_end() - append what else there was to see. */
void outcome_end(GString *text, bool warned, bool panicked);

/** outcome_is() - may @seen, of which answers may have been lost, be @model? */
bool outcome_is(const char *model, const char *seen);

/** outcome_print() - append @outcome in one line. */
void outcome_print(GString *out, const char *outcome);

#endif
