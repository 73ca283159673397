/* SPDX-License-Identifier: GPL-2.0-only */
/* The statement "fail": failures of the step that follows. */
#include <string.h>

#include "scn/fail.h"

/* The calls that each point with callbacks has. */
static const enum handler_call file_calls[] = {
	CALL_CAN_PRESERVE, CALL_PRESERVE, CALL_FREEZE, CALL_RETRIEVE, CALL_CAN_FINISH,
};
static const enum handler_call flb_calls[] = { CALL_FLB_PRESERVE, CALL_FLB_RETRIEVE };

static const enum handler_call *calls_of(enum fail_point point, gsize *nr)
{
	*nr = point == FAIL_FLB ? G_N_ELEMENTS(flb_calls) : G_N_ELEMENTS(file_calls);
	return point == FAIL_FLB ? flb_calls : file_calls;
}

/* "retrieve" for either kind. */
static const char *call_word(enum fail_point point, enum handler_call call)
{
	return handler_call_name(call) + (point == FAIL_FLB ? strlen("flb_") : 0);
}

static bool has_call(enum fail_point point)
{
	return point == FAIL_CALLBACK || point == FAIL_FLB;
}

static bool has_target(enum fail_point point)
{
	return has_call(point) || point == FAIL_MODULE_GET;
}

static bool parse_call(struct lex *l, struct failure *f)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	gsize nr;
	const enum handler_call *calls = calls_of(f->point, &nr);
	int call;

	for (gsize i = 0; i < nr; i++)
		g_ptr_array_add(words, (char *)call_word(f->point, calls[i]));
	call = lex_choice(l, "a callback", "callback that can fail", words);
	if (call >= 0)
		f->call = calls[call];
	return call >= 0;
}

/* The handlers or FLBs that may stand between the quotes. */
static GPtrArray *targets(const struct lex *l, enum fail_point point)
{
	GPtrArray *words = g_ptr_array_new();
	const char *name;

	for (guint i = 0; l->handlers != NULL && i < l->handlers->len; i++) {
		struct handler_script *s = &g_array_index(l->handlers, struct handler_script, i);

		if (point != FAIL_FLB)
			g_ptr_array_add(words, s->name);
		for (guint j = 0; point == FAIL_FLB && j < MAX_SCRIPT_FLBS; j++)
			if (*s->flb[j] != '\0')
				g_ptr_array_add(words, s->flb[j]);
	}
	for (guint i = 0; (name = fail_point_target(point, i)) != NULL; i++)
		g_ptr_array_add(words, (char *)name);
	return words;
}

/* A handler or FLB that there is, in quotes. */
static bool parse_target(struct lex *l, struct failure *f)
{
	const char *what = f->point == FAIL_FLB ? "FLB" : "handler";
	g_autoptr(GPtrArray) words = targets(l, f->point);
	struct text text = { 0 };
	const char *at;
	bool ok;

	lex_blank(l);
	at = l->p;
	ok = lex_string(l, what, &text);
	if (ok && g_ptr_array_find_with_equal_func(words, text.bytes, g_str_equal, NULL)) {
		g_strlcpy(f->name, text.bytes, sizeof(f->name));
	} else if (ok) {
		lex_unknown(l, at, what, text.bytes, words, true);
		ok = false;
	}
	text_clear(&text);
	return ok;
}

static bool parse_point(struct lex *l, struct failure *f)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	g_autofree char *word = NULL;
	const char *at;
	int point;

	lex_blank(l);
	at = l->p;
	word = lex_word(l);
	if (word == NULL) {
		lex_expected(l, "what is to fail");
		return false;
	}
	point = fail_point_find(word);
	if (point >= 0 && point != FAIL_ANYWHERE) {
		f->point = point;
		return !has_target(point) ||
		       (lex_need(l, '(') && parse_target(l, f) &&
			(!has_call(point) || (lex_need(l, ',') && parse_call(l, f))) &&
			lex_need(l, ')'));
	}
	for (point = 0; point < NR_FAIL_POINTS; point++)
		g_ptr_array_add(words, (char *)fail_point_name(point));
	lex_unknown(l, at, "point to fail at", word, words, true);
	return false;
}

bool fail_parse_errno(struct lex *l, int *error)
{
	const char *at;
	g_autofree char *word = NULL;

	if (!lex_need(l, '='))
		return false;
	lex_blank(l);
	at = l->p;
	if (lex_accept(l, '-'))
		word = lex_word(l);
	*error = word != NULL ? -errno_find(word) : 0;
	if (*error != 0)
		return true;
	l->p = at;
	lex_expected(l, "an errno such as -EIO");
	return false;
}

/* "= -ERRNO", where the point leaves a choice. */
static bool parse_error(struct lex *l, struct failure *f)
{
	int only = fail_point_error(f->point, f->call);
	const char *at;

	lex_blank(l);
	at = l->p;
	f->error = only;
	if (only != FAIL_ANY_ERROR && (only == 0 || l->p == l->end || *l->p != '='))
		return true;
	if (!fail_parse_errno(l, &f->error))
		return false;
	if (only == FAIL_ANY_ERROR || f->error == only)
		return true;
	lex_fail(l, at, "%s fails with one errno only, expected -%s", fail_point_name(f->point),
		 errno_name(-only));
	return false;
}

bool fail_parse_nth(struct lex *l, guint32 *nth)
{
	enum number_style style;
	const char *at;
	guint64 number;

	if (!lex_accept_word(l, "nth"))
		return true;
	lex_blank(l);
	at = l->p;
	if (!lex_magnitude(l, "a number", &number, &style))
		return false;
	if (number == 0 || number > G_MAXUINT32) {
		lex_fail(l, at, "number out of range, expected 1 or more");
		return false;
	}
	*nth = number;
	return true;
}

bool fail_parse(struct lex *l, struct fail *fail)
{
	fail->any = lex_accept_word(l, fail_point_name(FAIL_ANYWHERE));
	fail->failure = (struct failure){ .point = FAIL_ANYWHERE, .nth = 1 };
	if (fail->any && lex_done(l))
		return true;
	if (!parse_point(l, &fail->failure) || !parse_error(l, &fail->failure))
		return false;
	return fail->any || fail_parse_nth(l, &fail->failure.nth);
}

void fail_print(GString *out, const struct fail *fail)
{
	const struct failure *f = &fail->failure;

	g_string_append(out, fail->any ? "fail any" : "fail");
	if (f->point == FAIL_ANYWHERE)
		return;
	g_string_append_printf(out, " %s", fail_point_name(f->point));
	if (has_call(f->point))
		g_string_append_printf(out, "(\"%s\", %s)", f->name,
				       call_word(f->point, f->call));
	else if (has_target(f->point))
		g_string_append_printf(out, "(\"%s\")", f->name);
	if (fail_point_error(f->point, f->call) == FAIL_ANY_ERROR)
		g_string_append_printf(out, " = -%s", errno_name(-f->error));
	if (f->nth > 1)
		g_string_append_printf(out, " nth %u", f->nth);
}
