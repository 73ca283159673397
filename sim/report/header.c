/* SPDX-License-Identifier: GPL-2.0-only */
/* What a report is of: which luosim, which command line, which scenarios. */
#include "report/header.h"
#include "report/json.h"
#include "report/version.h"
#include "scn/scn.h"

void header_print(GString *out, const struct header *h, const char *prefix)
{
	g_string_append_printf(out, "%sluosim %s\n%scommand: %s\n", prefix, luosim_version, prefix,
			       h->command);
	for (guint i = 0; i < h->scenarios->len; i++) {
		const struct scenario *scn = h->scenarios->pdata[i];

		g_string_append_printf(out, "%sSHA-256 %s %s\n", prefix, scn->digest, scn->path);
	}
}

void add_header(JsonBuilder *b, const struct header *h)
{
	add_string(b, "luosim", luosim_version);
	add_string(b, "command", h->command);
}
