/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings: what a kernel heading or the command line changes of a kernel. */
#include <string.h>

#include "scn/plugin.h"
#include "scn/handler.h"
#include "scn/print.h"
#include "scn/select.h"
#include "scn/setting.h"

/* By enum setting_kind. */
static const char *const names[] = {
	"kho", "liveupdate", "panic_on_warn", "mem", "with", "without", "limit", "policy",
	"handlers", "hugepages", "reserve_mem", "kasan", "mem_profiling",
	"debugfs", "nodes", "kho_scratch", "deferred_init", "gigantic_pages",
	"crashkernel",
};

static GPtrArray *setting_words(void)
{
	GPtrArray *words = g_ptr_array_new();

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		g_ptr_array_add(words, (char *)names[i]);
	return words;
}

static void setting_clear(struct setting *s)
{
	g_free(s->policy);
	g_free(s->handlers);
	g_free(s->areas);
}

GArray *settings_new(void)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(struct setting));

	g_array_set_clear_func(list, (GDestroyNotify)setting_clear);
	return list;
}

static bool parse_switch(struct lex *l, const char *value, const char *at, struct setting *s)
{
	s->number = strcmp(value, "on") == 0;
	if (s->number == 1 || strcmp(value, "off") == 0)
		return true;
	lex_fail(l, at, "'%s' is no switch, expected on or off", value);
	return false;
}

static bool parse_fix(struct lex *l, const char *value, const char *at, struct setting *s)
{
	g_autoptr(GPtrArray) words = fix_words();

	s->which = fix_find(value);
	if (s->which < 0)
		lex_unknown(l, at, "fix", value, words, true);
	return s->which >= 0;
}

/* The NAME of limit:NAME. */
static bool parse_limit(struct lex *l, struct setting *s)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	const char *at = l->p;
	g_autofree char *name = lex_run(l, "=");

	s->which = name != NULL ? limit_find(name) : -1;
	if (s->which >= 0)
		return true;
	for (int i = 0; i < NR_LIMITS; i++)
		g_ptr_array_add(words, (char *)limit_name(i));
	if (name == NULL)
		lex_expected(l, "the name of a limit");
	else
		lex_unknown(l, at, "limit", name, words, true);
	return false;
}

/* What machine_new() takes. */
static bool check_mem(struct lex *l, const char *at, guint64 mem)
{
	g_autoptr(GString) range = NULL;

	if (mem >= MACHINE_MIN_MEM && mem <= MACHINE_MAX_MEM)
		return true;
	range = g_string_new(NULL);
	print_size(range, MACHINE_MIN_MEM);
	g_string_append(range, " to ");
	print_size(range, MACHINE_MAX_MEM);
	lex_fail(l, at, "memory out of range, expected %s", range->str);
	return false;
}

static bool parse_number(struct lex *l, struct setting *s)
{
	const char *at = l->p;
	enum number_style style;

	if (!lex_magnitude(l, "a number", &s->number, &style))
		return false;
	if ((s->kind == SET_HUGEPAGES && s->number > G_MAXUINT32) ||
	    (s->kind == SET_GIGANTIC_PAGES && s->number > MACHINE_MAX_MEM >> 30)) {
		lex_fail(l, at, "too many huge pages, expected fewer");
		return false;
	}
	if (s->kind == SET_NODES && (s->number < 1 || s->number > MAX_NODES)) {
		lex_fail(l, at, "no number of nodes, expected 1 to %d", MAX_NODES);
		return false;
	}
	if (s->kind == SET_CRASHKERNEL && (s->number % 4096 != 0 || s->number > MACHINE_MAX_MEM)) {
		lex_fail(l, at, "no memory of a crash kernel, expected whole pages");
		return false;
	}
	return s->kind != SET_MEM || check_mem(l, at, s->number);
}

/* "SIZE:ALIGN:NAME". */
static bool parse_area(struct lex *l)
{
	const char *at = l->p;
	enum number_style style;
	guint64 size, align;
	g_autofree char *name = NULL;

	if (!lex_magnitude(l, "SIZE:ALIGN:NAME", &size, &style) || !lex_need(l, ':') ||
	    !lex_magnitude(l, "ALIGN", &align, &style) || !lex_need(l, ':'))
		return false;
	if (size == 0 || size % 4096 != 0 || size > MACHINE_MAX_MEM) {
		lex_fail(l, at, "no size of an area, expected whole pages");
		return false;
	}
	if ((align & (align - 1)) != 0 || align > MACHINE_MAX_MEM) {
		lex_fail(l, at, "alignment that is no power of two, expected one such as 4K");
		return false;
	}
	at = l->p;
	name = lex_run(l, ",");
	if (name != NULL && strlen(name) < RESERVE_MEM_NAME_SIZE)
		return true;
	lex_fail(l, at, "no name of an area, expected 1 to %d characters",
		 RESERVE_MEM_NAME_SIZE - 1);
	return false;
}

/* Areas joined with commas, or "none". */
static bool parse_areas(struct lex *l, struct setting *s)
{
	const char *from = l->p;

	if (lex_accept_word(l, "none"))
		return true;
	do {
		if (!parse_area(l))
			return false;
	} while (lex_accept(l, ','));
	s->areas = g_strndup(from, l->p - from);
	return true;
}

/* "LOWMEM,GLOBAL,PERNODE". */
static bool parse_scratch(struct lex *l, struct setting *s)
{
	const char *at = l->p;
	enum number_style style;

	for (guint i = 0; i < 3; i++) {
		if ((i > 0 && !lex_need(l, ',')) ||
		    !lex_magnitude(l, "LOWMEM,GLOBAL,PERNODE", &s->scratch[i], &style))
			return false;
		if (s->scratch[i] > MACHINE_MAX_MEM) {
			lex_fail(l, at, "no size of a scratch area, expected less");
			return false;
		}
	}
	if (s->scratch[0] + s->scratch[1] + s->scratch[2] > 0)
		return true;
	lex_fail(l, at, "no scratch area, expected one that is not empty");
	return false;
}

/* What is behind the '='. */
static bool parse_value(struct lex *l, struct setting *s)
{
	const char *at = l->p;
	g_autofree char *value = NULL;

	if (s->kind == SET_MEM || s->kind == SET_LIMIT || s->kind == SET_HUGEPAGES ||
	    s->kind == SET_NODES || s->kind == SET_GIGANTIC_PAGES || s->kind == SET_CRASHKERNEL)
		return parse_number(l, s);
	if (s->kind == SET_RESERVE_MEM)
		return parse_areas(l, s);
	if (s->kind == SET_KHO_SCRATCH)
		return parse_scratch(l, s);
	value = lex_run(l, "");
	if (value == NULL || l->p - at != (gssize)strlen(value)) {
		lex_expected(l, "a value right after '='");
		return false;
	}
	switch (s->kind) {
	case SET_WITH:
	case SET_WITHOUT:
		return parse_fix(l, value, at, s);
	case SET_POLICY:
		s->policy = g_strdup(value);
		return policy_check(l, at, value);
	case SET_HANDLERS:
		s->handlers = g_strdup(value);
		return handlers_parse(l, at, value, &s->number);
	default:
		return parse_switch(l, value, at, s);
	}
}

bool setting_parse(struct lex *l, GArray *list)
{
	g_autoptr(GPtrArray) words = setting_words();
	struct setting s = { 0 };
	const char *at;
	g_autofree char *name = NULL;
	bool ok = true;

	lex_blank(l);
	at = l->p;
	name = lex_run(l, "=:");
	if (name == NULL) {
		lex_expected(l, "an option");
		return false;
	}
	while (s.kind < G_N_ELEMENTS(names) && strcmp(names[s.kind], name) != 0)
		s.kind++;
	if (s.kind == G_N_ELEMENTS(names)) {
		lex_unknown(l, at, "option", name, words, true);
		return false;
	}
	if (s.kind == SET_LIMIT)
		ok = lex_need(l, ':') && parse_limit(l, &s);
	if (s.kind == SET_PANIC_ON_WARN && (l->p == l->end || *l->p != '='))
		s.number = 1;
	else
		ok = ok && lex_need(l, '=') && parse_value(l, &s);
	if (ok)
		g_array_append_val(list, s);
	else
		setting_clear(&s);
	return ok;
}

void setting_print(GString *out, const struct setting *s)
{
	g_string_append_printf(out, " %s", names[s->kind]);
	switch (s->kind) {
	case SET_KHO:
	case SET_LIVEUPDATE:
	case SET_PANIC_ON_WARN:
	case SET_KASAN:
	case SET_MEM_PROFILING:
	case SET_DEBUGFS:
	case SET_DEFERRED_INIT:
		g_string_append_printf(out, "=%s", s->number != 0 ? "on" : "off");
		break;
	case SET_MEM:
	case SET_CRASHKERNEL:
		g_string_append_c(out, '=');
		print_size(out, s->number);
		break;
	case SET_WITH:
	case SET_WITHOUT:
		g_string_append_printf(out, "=%s", fix_table()[s->which].name);
		break;
	case SET_LIMIT:
		g_string_append_printf(out, ":%s=%" G_GUINT64_FORMAT, limit_name(s->which),
				       s->number);
		break;
	case SET_POLICY:
		g_string_append_printf(out, "=%s", s->policy);
		break;
	case SET_HANDLERS:
		g_string_append_printf(out, "=%s", s->handlers);
		break;
	case SET_HUGEPAGES:
	case SET_GIGANTIC_PAGES:
	case SET_NODES:
		g_string_append_printf(out, "=%" G_GUINT64_FORMAT, s->number);
		break;
	case SET_RESERVE_MEM:
		g_string_append_printf(out, "=%s", s->areas != NULL ? s->areas : "none");
		break;
	case SET_KHO_SCRATCH:
		for (guint i = 0; i < 3; i++) {
			g_string_append_c(out, i > 0 ? ',' : '=');
			print_size(out, s->scratch[i]);
		}
		break;
	}
}

void settings_append(GArray *list, const GArray *more)
{
	for (guint i = 0; i < more->len; i++) {
		struct setting s = g_array_index(more, struct setting, i);

		s.policy = g_strdup(s.policy);
		s.handlers = g_strdup(s.handlers);
		s.areas = g_strdup(s.areas);
		g_array_append_val(list, s);
	}
}

void settings_print(GString *out, const GArray *list)
{
	for (guint i = 0; i < list->len; i++)
		setting_print(out, &g_array_index(list, struct setting, i));
}

static void setting_apply(const struct setting *s, struct boot *boot, guint64 *mem)
{
	const char *bad;

	switch (s->kind) {
	case SET_KHO:
		boot->kho = s->number;
		break;
	case SET_LIVEUPDATE:
		boot->liveupdate = s->number;
		break;
	case SET_PANIC_ON_WARN:
		boot->panic_on_warn = s->number;
		break;
	case SET_MEM:
		*mem = s->number;
		break;
	case SET_WITH:
		boot->release.fixes |= FIX_BIT(s->which);
		break;
	case SET_WITHOUT:
		boot->release.fixes &= ~FIX_BIT(s->which);
		break;
	case SET_LIMIT:
		boot->release.limit[s->which] = s->number;
		break;
	case SET_POLICY:
		policy_apply(s->policy, &boot->release.policy, &bad);
		break;
	case SET_HANDLERS:
		boot->release.handlers = s->number;
		break;
	case SET_HUGEPAGES:
		boot->hugepages = s->number;
		break;
	case SET_RESERVE_MEM:
		boot->reserve_mem = s->areas;
		break;
	case SET_KASAN:
		boot->kasan = s->number;
		break;
	case SET_MEM_PROFILING:
		boot->mem_profiling = s->number;
		break;
	case SET_DEBUGFS:
		boot->debugfs = s->number;
		break;
	case SET_GIGANTIC_PAGES:
		boot->gigantic_pages = s->number;
		break;
	case SET_CRASHKERNEL:
		boot->crashkernel = s->number;
		break;
	case SET_DEFERRED_INIT:
		boot->deferred_init = s->number;
		break;
	case SET_NODES:
		boot->nodes = s->number;
		break;
	case SET_KHO_SCRATCH:
		memcpy(boot->scratch, s->scratch, sizeof(boot->scratch));
		break;
	}
}

void settings_apply(const GArray *list, struct boot *boot, guint64 *mem)
{
	for (guint i = 0; i < list->len; i++)
		setting_apply(&g_array_index(list, struct setting, i), boot, mem);
}
