/* SPDX-License-Identifier: GPL-2.0-only */
/* How a piece of text is meant, and which colour it has on a terminal. */
#ifndef SIM_REPORT_TONE_H
#define SIM_REPORT_TONE_H

#include <glib.h>
#include <stdbool.h>

enum tone { TONE_PLAIN, TONE_HEADING, TONE_GOOD, TONE_BAD, NR_TONES };

/** tone_name() - "plain", "heading", "good", "bad". */
const char *tone_name(enum tone tone);

/** tone_code() - what makes a terminal write so from here on. */
const char *tone_code(enum tone tone);

/** append_toned() - append @text; with @colour, as @tone says. */
void append_toned(GString *out, enum tone tone, bool colour, const char *text);

/** append_folded() - append lines; what is longer goes on, indented, from a blank on. */
void append_folded(GString *out, const char *text, guint columns);

#endif
