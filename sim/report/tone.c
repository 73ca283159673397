/* SPDX-License-Identifier: GPL-2.0-only */
/* How a piece of text is meant, and which colour it has on a terminal. */
#include "report/tone.h"

static const struct {
	const char *name, *code;
} tones[NR_TONES] = {
	[TONE_PLAIN] = { "plain", "\033[0m" },
	[TONE_HEADING] = { "heading", "\033[1m" },
	[TONE_GOOD] = { "good", "\033[32m" },
	[TONE_BAD] = { "bad", "\033[31m" },
};

const char *tone_name(enum tone tone)
{
	return tones[tone].name;
}

const char *tone_code(enum tone tone)
{
	return tones[tone].code;
}

void append_toned(GString *out, enum tone tone, bool colour, const char *text)
{
	if (colour && tone != TONE_PLAIN && *text != '\0')
		g_string_append_printf(out, "%s%s%s", tone_code(tone), text,
				       tone_code(TONE_PLAIN));
	else
		g_string_append(out, text);
}
