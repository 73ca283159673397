/* SPDX-License-Identifier: GPL-2.0-only */
/* Scripted handlers: the "handler NAME ... end" block, and the option that loads handlers. */
#include <string.h>

#include "scn/expr.h"
#include "scn/fail.h"
#include "scn/handler.h"
#include "scn/plugin.h"

static const char *const finishes[] = { "yes", "no until retrieved", "no" };
static const char *const ids[] = { "file", "inode", "constant" };
static const char *const losses[] = { "state", "bytes" };
static const char *const needs[NR_SCRIPT_NEEDS] = {
	"preserved", "frozen", "retrieved", "finished",
};

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

/* A handler that there is: memfd's, a posted one, this one or one above. */
static bool parse_known(struct lex *l, char *name, gsize size)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	const char *at, *target;

	lex_blank(l);
	at = l->p;
	if (!parse_name(l, "a handler's name", name, size))
		return false;
	for (guint i = 0; i < l->handlers->len; i++)
		g_ptr_array_add(words,
				g_array_index(l->handlers, struct handler_script, i).name);
	for (guint i = 0; (target = fail_point_target(FAIL_CALLBACK, i)) != NULL; i++)
		g_ptr_array_add(words, (char *)target);
	if (g_ptr_array_find_with_equal_func(words, name, g_str_equal, NULL))
		return true;
	lex_unknown(l, at, "handler", name, words, true);
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

	for (kind = 0; kind < NR_SCRIPT_KINDS; kind++)
		g_ptr_array_add(words, (char *)file_kind_name(kind));
	do {
		kind = lex_choice(l, "a kind of file", "kind of file", words);
		if (kind >= 0)
			script->accepts |= 1u << kind;
	} while (kind >= 0 && !lex_done(l));
	return kind >= 0;
}

static int parse_callback(struct lex *l)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (int call = 0; call < NR_HANDLER_CALLS; call++)
		g_ptr_array_add(words, (char *)handler_call_name(call));
	return lex_choice(l, "a callback", "callback", words);
}

/* Does the callback return an errno? */
static bool returns_errno(enum handler_call call)
{
	return call <= CALL_FLB_RETRIEVE;
}

/* "= -ERRNO", or of retrieve() "= 0", which gives no file. */
static bool parse_failure(struct lex *l, struct handler_script *script, enum handler_call call)
{
	const char *at = l->p;

	script->fail[call].error = -1;
	script->fail[call].how = FAILS_AT_ONCE;
	if (!returns_errno(call))
		return true;
	if (call == CALL_RETRIEVE && lex_accept(l, '=') && lex_accept(l, '0')) {
		script->fail[call].how = FAILS_WITHOUT_FILE;
		return true;
	}
	l->p = at;
	return fail_parse_errno(l, &script->fail[call].error);
}

/* "CALL [= -ERRNO | = 0] [nth N] [keeps]" */
static bool parse_fail(struct lex *l, struct handler_script *script)
{
	int call = parse_callback(l);

	if (call < 0 || !parse_failure(l, script, call) ||
	    !fail_parse_nth(l, &script->fail[call].nth))
		return false;
	if ((call == CALL_PRESERVE || call == CALL_RETRIEVE) &&
	    script->fail[call].how == FAILS_AT_ONCE && lex_accept_word(l, "keeps"))
		script->fail[call].how = FAILS_AND_KEEPS;
	return true;
}

/* "CALL..." */
static bool parse_leaks(struct lex *l, struct handler_script *script)
{
	int call;

	do {
		call = parse_callback(l);
		if (call >= 0)
			script->leaks |= 1u << call;
	} while (call >= 0 && !lex_done(l));
	return call >= 0;
}

/* "if EXPR" */
static bool parse_can_preserve(struct lex *l, struct handler_script *script)
{
	if (lex_accept_word(l, "if"))
		return expr_parse(l, &script->can_preserve);
	lex_expected(l, "if, and a condition");
	return false;
}

/* "no [until retrieved]", "yes" or "if EXPR" */
static bool parse_can_finish(struct lex *l, struct handler_script *script)
{
	script->finish = FINISH_ALWAYS;
	script->can_finish.nr = 0;
	if (lex_accept_word(l, "yes"))
		return true;
	if (lex_accept_word(l, "if"))
		return expr_parse(l, &script->can_finish);
	if (!lex_accept_word(l, "no")) {
		lex_expected(l, "yes, no, no until retrieved, or if and a condition");
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

/* "file", "inode", "constant N", or an expression of more than one word. */
static bool parse_id(struct lex *l, struct handler_script *script)
{
	enum number_style style;
	const char *at = l->p;

	for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
		if (!lex_accept_word(l, ids[i]))
			continue;
		script->id = i;
		lex_blank(l);
		if (i == ID_CONSTANT)
			return lex_magnitude(l, "a number", &script->constant, &style);
		if (lex_done(l))
			return true;
	}
	l->p = at;
	script->id = ID_EXPR;
	return expr_parse(l, &script->id_expr);
}

/* An FLB that there is room for and that this handler has not yet. */
static bool parse_one_flb(struct lex *l, struct handler_script *script, guint i)
{
	const char *at;

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
	return true;
}

static guint nr_flbs(const struct handler_script *script)
{
	guint nr = 0;

	while (nr < MAX_SCRIPT_FLBS && *script->flb[nr] != '\0')
		nr++;
	return nr;
}

/* "NAME... [on HANDLER]" */
static bool parse_flb(struct lex *l, struct handler_script *script)
{
	guint first = nr_flbs(script), i = first;
	char on[sizeof(script->flb_on[0])];

	do {
		if (!parse_one_flb(l, script, i++))
			return false;
	} while (!lex_done(l) && !lex_at_word(l, "on"));
	if (!lex_accept_word(l, "on"))
		return true;
	if (!parse_known(l, on, sizeof(on)))
		return false;
	while (first < i)
		g_strlcpy(script->flb_on[first++], on, sizeof(on));
	return true;
}

/* "N" */
static bool parse_folios(struct lex *l, struct handler_script *script)
{
	enum number_style style;
	const char *at = l->p;
	guint64 number;

	if (!lex_magnitude(l, "a number", &number, &style))
		return false;
	if (number == 0 || number > MAX_SCRIPT_FOLIOS) {
		lex_fail(l, at, "number out of range, expected 1 to %d", MAX_SCRIPT_FOLIOS);
		return false;
	}
	script->folios = number;
	return true;
}

/* "state", "bytes" or both */
static bool parse_loses(struct lex *l, struct handler_script *script)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int what;

	for (guint i = 0; i < G_N_ELEMENTS(losses); i++)
		g_ptr_array_add(words, (char *)losses[i]);
	do {
		what = lex_choice(l, "state or bytes", "thing to lose", words);
		if (what >= 0)
			script->loses |= 1u << what;
	} while (what >= 0 && !lex_done(l));
	return what >= 0;
}

/* "HANDLER preserved | frozen | retrieved | finished" */
static bool parse_needs(struct lex *l, struct handler_script *script)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int what;
	guint i = 0;

	for (what = 0; what < NR_SCRIPT_NEEDS; what++)
		g_ptr_array_add(words, (char *)needs[what]);
	while (i < MAX_SCRIPT_NEEDS && *script->needs[i].handler != '\0')
		i++;
	if (i == MAX_SCRIPT_NEEDS) {
		lex_fail(l, l->p, "too many needs, expected at most %d", MAX_SCRIPT_NEEDS);
		return false;
	}
	if (!parse_known(l, script->needs[i].handler, sizeof(script->needs[i].handler)))
		return false;
	what = lex_choice(l, "preserved, frozen, retrieved or finished", "state of a file", words);
	script->needs[i].what = MAX(what, 0);
	return what >= 0;
}

/* "TEXT [kernel N]" */
static bool parse_compatible(struct lex *l, struct handler_script *script)
{
	enum number_style style;
	guint64 kernel = 1;
	const char *at;
	guint i = 0;

	while (i < MAX_SCRIPT_COMPATIBLE && *script->compatible[i].text != '\0')
		i++;
	if (i == MAX_SCRIPT_COMPATIBLE) {
		lex_fail(l, l->p, "too many compatible strings, expected at most %d",
			 MAX_SCRIPT_COMPATIBLE);
		return false;
	}
	if (!parse_name(l, "a compatible string", script->compatible[i].text,
			sizeof(script->compatible[i].text)))
		return false;
	if (lex_accept_word(l, "kernel")) {
		lex_blank(l);
		at = l->p;
		if (!lex_magnitude(l, "the number of the kernel", &kernel, &style))
			return false;
		if (kernel == 0 || kernel > G_MAXUINT32 ||
		    (i > 0 && kernel <= script->compatible[i - 1].kernel)) {
			lex_fail(l, at, "kernel %" G_GUINT64_FORMAT " out of order, expected a "
				 "later one than in the line before", kernel);
			return false;
		}
	} else if (i > 0) {
		lex_expected(l, "kernel, and from which on it is that");
		return false;
	}
	script->compatible[i].kernel = kernel;
	return true;
}

/* "kernel N [to M]"; neither: all of them. */
static bool parse_kernels(struct lex *l, guint32 *first, guint32 *last)
{
	guint64 from = 1, to = G_MAXUINT32;
	enum number_style style;
	const char *at;

	if (lex_accept_word(l, "kernel")) {
		lex_blank(l);
		at = l->p;
		if (!lex_magnitude(l, "the number of the kernel", &from, &style))
			return false;
		if (lex_accept_word(l, "to")) {
			lex_blank(l);
			at = l->p;
			if (!lex_magnitude(l, "the number of the last kernel", &to, &style))
				return false;
		}
		if (from == 0 || from > to || to > G_MAXUINT32) {
			lex_fail(l, at, "kernel out of order, expected 1 or more, the first not "
				 "after the last");
			return false;
		}
	}
	*first = from;
	*last = to;
	return true;
}

/* "NAME [kernel N [to M]] [if EXPR]" */
static bool parse_feature(struct lex *l, struct handler_script *script)
{
	const char *at;
	guint i = 0;

	while (i < MAX_SCRIPT_FEATURES && *script->features[i].name != '\0')
		i++;
	if (i == MAX_SCRIPT_FEATURES) {
		lex_fail(l, l->p, "too many features, expected at most %d", MAX_SCRIPT_FEATURES);
		return false;
	}
	lex_blank(l);
	at = l->p;
	if (!parse_name(l, "the feature's name", script->features[i].name,
			sizeof(script->features[i].name)))
		return false;
	for (guint j = 0; j < i; j++) {
		if (strcmp(script->features[j].name, script->features[i].name) != 0)
			continue;
		lex_fail(l, at, "second feature '%s', expected another name",
			 script->features[i].name);
		return false;
	}
	if (!parse_kernels(l, &script->features[i].first, &script->features[i].last))
		return false;
	return !lex_accept_word(l, "if") || expr_parse(l, &script->features[i].uses);
}

/* "twice" */
static bool parse_registered(struct lex *l, struct handler_script *script)
{
	script->twice = lex_accept_word(l, "twice");
	if (!script->twice)
		lex_expected(l, "twice");
	return script->twice;
}

static const struct {
	const char *keyword;
	bool (*parse)(struct lex *l, struct handler_script *script);
} lines[] = {
	{ "compatible", parse_compatible },
	{ "feature", parse_feature },
	{ "accepts", parse_accepts },
	{ "folios", parse_folios },
	{ "loses", parse_loses },
	{ "leaks", parse_leaks },
	{ "needs", parse_needs },
	{ "fail", parse_fail },
	{ "can_preserve", parse_can_preserve },
	{ "can_finish", parse_can_finish },
	{ "id", parse_id },
	{ "flb", parse_flb },
	{ "registered", parse_registered },
};

/* Of struct handler_script: --handler. */
static GArray *given;

gboolean handler_give(const char *path, GError **error)
{
	struct handler_script script = { 0 };

	if (!handler_load(path, &script, error))
		return FALSE;
	if (given == NULL)
		given = g_array_new(FALSE, TRUE, sizeof(script));
	if (handler_is_given(&script))
		return TRUE;
	for (guint i = 0; i < given->len; i++) {
		if (strcmp(g_array_index(given, struct handler_script, i).name, script.name) != 0)
			continue;
		g_set_error(error, SCN_ERROR, 0, "handler %s: second handler '%s', expected "
			    "another name", path, script.name);
		return FALSE;
	}
	g_array_append_val(given, script);
	if (given->len <= MAX_SCRIPTS)
		return TRUE;
	g_set_error(error, SCN_ERROR, 0, "--handler: too many handlers, expected at most %d",
		    MAX_SCRIPTS);
	return FALSE;
}

bool handler_is_given(const struct handler_script *script)
{
	for (guint i = 0; given != NULL && script->plugin != NULL && i < given->len; i++)
		if (g_array_index(given, struct handler_script, i).plugin == script->plugin)
			return true;
	return false;
}

void handlers_append_given(GArray *scripts)
{
	if (given != NULL)
		g_array_append_vals(scripts, given->data, given->len);
}

bool handler_parse_use(struct lex *l, struct handler_script *script)
{
	g_autofree char *word = NULL, *folder = NULL, *path = NULL;
	g_autoptr(GError) error = NULL;
	const char *at;

	lex_blank(l);
	at = l->p;
	word = lex_run(l, "");
	if (word == NULL) {
		lex_expected(l, "the path of a handler's shared object");
		return false;
	}
	if (strchr(word, '/') == NULL) {
		lex_fail(l, at, "'%s' is no path, expected one with a '/' in it, such as ./%s",
			 word, word);
		return false;
	}
	folder = g_path_get_dirname(l->file);
	path = g_path_is_absolute(word) ? g_strdup(word) : g_build_filename(folder, word, NULL);
	if (!handler_load(path, script, &error)) {
		lex_fail(l, at, "%s", error->message);
		return false;
	}
	script->path = g_intern_string(word);
	return true;
}

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

static void print_failures(GString *out, const struct handler_script *script)
{
	for (int call = 0; call < NR_HANDLER_CALLS; call++) {
		if (script->fail[call].error == 0)
			continue;
		g_string_append_printf(out, "  fail %s", handler_call_name(call));
		if (script->fail[call].how == FAILS_WITHOUT_FILE)
			g_string_append(out, " = 0");
		else if (returns_errno(call))
			g_string_append_printf(out, " = -%s",
					       errno_name(-script->fail[call].error));
		if (script->fail[call].nth != 0)
			g_string_append_printf(out, " nth %u", script->fail[call].nth);
		if (script->fail[call].how == FAILS_AND_KEEPS)
			g_string_append(out, " keeps");
		g_string_append_c(out, '\n');
	}
}

/* A line of the words of a mask, or none. */
static void print_mask(GString *out, const char *keyword, guint32 mask,
		       const char *(*word)(guint i))
{
	if (mask == 0)
		return;
	g_string_append_printf(out, "  %s", keyword);
	for (guint i = 0; i < 32; i++)
		if (mask & 1u << i)
			g_string_append_printf(out, " %s", word(i));
	g_string_append_c(out, '\n');
}

static const char *kind_word(guint i)
{
	return file_kind_name(i);
}

static const char *loss_word(guint i)
{
	return losses[i];
}

static const char *call_word(guint i)
{
	return handler_call_name(i);
}

static void print_expr(GString *out, const char *keyword, const struct script_expr *expr)
{
	if (expr->nr == 0)
		return;
	g_string_append_printf(out, "  %s ", keyword);
	expr_print(out, expr);
	g_string_append_c(out, '\n');
}

static void print_id(GString *out, const struct handler_script *script)
{
	if (script->id == ID_CONSTANT)
		g_string_append_printf(out, "  id constant %" G_GUINT64_FORMAT "\n",
				       script->constant);
	else if (script->id == ID_EXPR)
		print_expr(out, "id", &script->id_expr);
	else if (script->id != ID_FILE)
		g_string_append_printf(out, "  id %s\n", ids[script->id]);
}

/* Those of one handler in one line. */
static void print_flbs(GString *out, const struct handler_script *script)
{
	guint nr = nr_flbs(script);

	for (guint i = 0; i < nr; i++) {
		const char *on = script->flb_on[i];
		bool first = i == 0 || strcmp(on, script->flb_on[i - 1]) != 0;
		bool last = i + 1 == nr || strcmp(on, script->flb_on[i + 1]) != 0;

		g_string_append_printf(out, "%s %s", first ? "  flb" : "", script->flb[i]);
		if (last && *on != '\0')
			g_string_append_printf(out, " on %s", on);
		if (last)
			g_string_append_c(out, '\n');
	}
}

static void print_compatible(GString *out, const struct handler_script *script)
{
	for (guint i = 0; i < MAX_SCRIPT_COMPATIBLE && *script->compatible[i].text != '\0'; i++) {
		g_string_append_printf(out, "  compatible %s", script->compatible[i].text);
		if (script->compatible[i].kernel > 1)
			g_string_append_printf(out, " kernel %u", script->compatible[i].kernel);
		g_string_append_c(out, '\n');
	}
}

static void print_features(GString *out, const struct handler_script *script)
{
	for (guint i = 0; i < MAX_SCRIPT_FEATURES && *script->features[i].name != '\0'; i++) {
		guint32 first = script->features[i].first, last = script->features[i].last;
		g_autoptr(GString) line = g_string_new("feature ");

		g_string_append(line, script->features[i].name);
		if (first > 1 || last != G_MAXUINT32)
			g_string_append_printf(line, " kernel %u", first);
		if (last != G_MAXUINT32)
			g_string_append_printf(line, " to %u", last);
		if (script->features[i].uses.nr == 0) {
			g_string_append_printf(out, "  %s\n", line->str);
			continue;
		}
		g_string_append(line, " if");
		print_expr(out, line->str, &script->features[i].uses);
	}
}

void handler_print(GString *out, const struct handler_script *script)
{
	if (script->plugin != NULL) {
		if (!handler_is_given(script))
			g_string_append_printf(out, "\nuse %s\n", script->path);
		return;
	}
	g_string_append_printf(out, "\nhandler %s\n", script->name);
	print_compatible(out, script);
	print_features(out, script);
	print_mask(out, "accepts", script->accepts, kind_word);
	if (script->folios != 0)
		g_string_append_printf(out, "  folios %u\n", script->folios);
	print_mask(out, "loses", script->loses, loss_word);
	print_mask(out, "leaks", script->leaks, call_word);
	for (guint i = 0; i < MAX_SCRIPT_NEEDS && *script->needs[i].handler != '\0'; i++)
		g_string_append_printf(out, "  needs %s %s\n", script->needs[i].handler,
				       needs[script->needs[i].what]);
	print_failures(out, script);
	print_expr(out, "can_preserve if", &script->can_preserve);
	print_expr(out, "can_finish if", &script->can_finish);
	if (script->finish != FINISH_ALWAYS)
		g_string_append_printf(out, "  can_finish %s\n", finishes[script->finish]);
	print_id(out, script);
	print_flbs(out, script);
	if (script->twice)
		g_string_append(out, "  registered twice\n");
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
