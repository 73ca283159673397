/* SPDX-License-Identifier: GPL-2.0-only */
/* Scripted handlers: the "handler NAME ... end" block, and the option that loads handlers. */
#include <string.h>

#include "scn/fail.h"
#include "scn/handler.h"

static const char *const finishes[] = { "yes", "no until retrieved", "no" };
static const char *const ids[] = { "file", "inode", "constant" };

/* A name of the model's, as a fixed array holds it. */
static bool parse_name(struct lex *l, const char *what, char *name, gsize size)
{
	const char *at;
	g_autofree char *word = NULL;

	lex_blank(l);
	at = l->p;
	word = lex_run(l, ",=");
	if (word == NULL) {
		lex_expected(l, what);
		return false;
	}
	for (const char *c = word; *c != '\0'; c++) {
		if (g_ascii_isalnum(*c) || strchr("-_.", *c) != NULL)
			continue;
		lex_fail(l, at + (c - word), "bad character in %s, expected letters, digits, '-', "
			 "'_' and '.'", what);
		return false;
	}
	if (g_strlcpy(name, word, size) < size)
		return true;
	lex_fail(l, at, "%s too long, expected at most %u characters", what, (guint)size - 1);
	return false;
}

bool handler_parse_head(struct lex *l, struct handler_script *script)
{
	const char *at;

	lex_blank(l);
	at = l->p;
	if (!parse_name(l, "the handler's name", script->name, sizeof(script->name)))
		return false;
	if (handler_find(script->name) < 0 && strcmp(script->name, "none") != 0)
		return true;
	lex_fail(l, at, "name '%s' is taken, expected another name", script->name);
	return false;
}

/* "eventfd pipe ..." */
static bool parse_accepts(struct lex *l, struct handler_script *script)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int kind;

	for (kind = 0; kind < NR_FILE_KINDS; kind++)
		g_ptr_array_add(words, (char *)file_kind_name(kind));
	do {
		kind = lex_choice(l, "a kind of file", "kind of file", words);
		if (kind >= 0)
			script->accepts |= 1u << kind;
	} while (kind >= 0 && !lex_done(l));
	return kind >= 0;
}

/* "CALL = -ERRNO [nth N]" */
static bool parse_fail(struct lex *l, struct handler_script *script)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int call;

	for (call = 0; call < NR_SCRIPT_CALLS; call++)
		g_ptr_array_add(words, (char *)handler_call_name(call));
	call = lex_choice(l, "a callback", "callback", words);
	return call >= 0 && fail_parse_errno(l, &script->fail[call].error) &&
	       fail_parse_nth(l, &script->fail[call].nth);
}

/* "no [until retrieved]" or "yes" */
static bool parse_can_finish(struct lex *l, struct handler_script *script)
{
	script->finish = FINISH_ALWAYS;
	if (lex_accept_word(l, "yes"))
		return true;
	if (!lex_accept_word(l, "no")) {
		lex_expected(l, "yes, no or no until retrieved");
		return false;
	}
	script->finish = FINISH_NEVER;
	if (lex_done(l))
		return true;
	script->finish = FINISH_RETRIEVED;
	if (lex_accept_word(l, "until") && lex_accept_word(l, "retrieved"))
		return true;
	lex_expected(l, "until retrieved");
	return false;
}

static bool parse_id(struct lex *l, struct handler_script *script)
{
	enum number_style style;

	for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
		if (!lex_accept_word(l, ids[i]))
			continue;
		script->id = i;
		lex_blank(l);
		return i != ID_CONSTANT ||
		       lex_magnitude(l, "a number", &script->constant, &style);
	}
	lex_expected(l, "file, inode or constant");
	return false;
}

static bool parse_flb(struct lex *l, struct handler_script *script)
{
	const char *at;

	memset(script->flb, 0, sizeof(script->flb));
	for (guint i = 0; i == 0 || !lex_done(l); i++) {
		lex_blank(l);
		at = l->p;
		if (i == MAX_SCRIPT_FLBS) {
			lex_fail(l, at, "too many FLBs, expected at most %d", MAX_SCRIPT_FLBS);
			return false;
		}
		if (!parse_name(l, "the FLB's name", script->flb[i], sizeof(script->flb[i])))
			return false;
		for (guint j = 0; j < i; j++) {
			if (strcmp(script->flb[j], script->flb[i]) != 0)
				continue;
			lex_fail(l, at, "second FLB '%s', expected another name", script->flb[i]);
			return false;
		}
	}
	return true;
}

static const struct {
	const char *keyword;
	bool (*parse)(struct lex *l, struct handler_script *script);
} lines[] = {
	{ "accepts", parse_accepts },
	{ "fail", parse_fail },
	{ "can_finish", parse_can_finish },
	{ "id", parse_id },
	{ "flb", parse_flb },
};

bool handler_parse_line(struct lex *l, const char *at, const char *word,
			struct handler_script *script)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
		if (strcmp(lines[i].keyword, word) == 0) {
			lex_blank(l);
			return lines[i].parse(l, script);
		}
		g_ptr_array_add(words, (char *)lines[i].keyword);
	}
	g_ptr_array_add(words, "end");
	lex_unknown(l, at, "line of a handler", word, words, true);
	return false;
}

void handler_print(GString *out, const struct handler_script *script)
{
	g_string_append_printf(out, "\nhandler %s\n", script->name);
	if (script->accepts != 0)
		g_string_append(out, "  accepts");
	for (int kind = 0; kind < NR_FILE_KINDS; kind++)
		if (script->accepts & 1u << kind)
			g_string_append_printf(out, " %s", file_kind_name(kind));
	if (script->accepts != 0)
		g_string_append_c(out, '\n');
	for (int call = 0; call < NR_SCRIPT_CALLS; call++) {
		if (script->fail[call].error == 0)
			continue;
		g_string_append_printf(out, "  fail %s = -%s", handler_call_name(call),
				       errno_name(-script->fail[call].error));
		if (script->fail[call].nth != 0)
			g_string_append_printf(out, " nth %u", script->fail[call].nth);
		g_string_append_c(out, '\n');
	}
	if (script->finish != FINISH_ALWAYS)
		g_string_append_printf(out, "  can_finish %s\n", finishes[script->finish]);
	if (script->id == ID_CONSTANT)
		g_string_append_printf(out, "  id constant %" G_GUINT64_FORMAT "\n",
				       script->constant);
	else if (script->id != ID_FILE)
		g_string_append_printf(out, "  id %s\n", ids[script->id]);
	if (*script->flb[0] != '\0')
		g_string_append(out, "  flb");
	for (guint i = 0; i < MAX_SCRIPT_FLBS && *script->flb[i] != '\0'; i++)
		g_string_append_printf(out, " %s", script->flb[i]);
	if (*script->flb[0] != '\0')
		g_string_append_c(out, '\n');
	g_string_append(out, "end\n");
}

/* The bit of a handler by name; 0 when there is none. */
static guint64 bit_of(const GArray *scripts, const char *name)
{
	int handler = handler_find(name);

	if (handler >= 0)
		return HANDLER_BIT(handler);
	for (guint i = 0; scripts != NULL && i < scripts->len; i++)
		if (strcmp(g_array_index(scripts, struct handler_script, i).name, name) == 0)
			return HANDLER_BIT(HANDLER_SCRIPTED(i));
	return 0;
}

bool handlers_parse(struct lex *l, const char *at, const char *text, guint64 *mask)
{
	g_auto(GStrv) names = g_strsplit(text, ",", -1);

	*mask = 0;
	if (strcmp(text, "none") == 0)
		return true;
	for (guint i = 0; names[i] != NULL; at += strlen(names[i]) + 1, i++) {
		g_autoptr(GPtrArray) words = g_ptr_array_new();
		guint64 bit = bit_of(l->handlers, names[i]);

		*mask |= bit;
		if (bit != 0)
			continue;
		g_ptr_array_add(words, "none");
		for (int h = 0; h < NR_HANDLERS; h++)
			g_ptr_array_add(words, (char *)handler_name(h));
		for (guint h = 0; l->handlers != NULL && h < l->handlers->len; h++)
			g_ptr_array_add(words, g_array_index(l->handlers, struct handler_script,
							     h).name);
		lex_unknown(l, at, "handler", names[i], words, true);
		return false;
	}
	return true;
}
