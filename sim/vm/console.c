/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a serial console: the kernels' own lines, and between them those of luosim-guest,
 * which say where each operation begins and what it returned.
 */
#include <stdio.h>
#include <string.h>

#include "replay/agreement.h"
#include "report/json.h"
#include "vm/console.h"

/* What luosim-guest writes before an operation, and before another program. */
#define CONSOLE_OP	"luosim: op "
#define CONSOLE_NEXT	"luosim: next "

/* Operations whose kernel is another one when they have worked. */
static const char *const reboots[] = { "kexec", "kexec_loaded", "kexec_noload", NULL };

/* What was found out about an operation. */
struct result {
	guint index;		/* in the program */
	guint stage;
	char *rc;
	GString *data;
	GPtrArray *log;		/* of char *, as the kernel wrote it */
};

struct console {
	const struct program *program;
	GArray *results;	/* of struct result */
	GPtrArray *boots;	/* of GPtrArray of char *, by stage */
	struct result *open;	/* that goes on, or NULL */
	GPtrArray *booting;	/* what a kernel says that boots, or NULL */
	char *release, *panic, *error;
	const char *end;
};

static void result_clear(gpointer ptr)
{
	struct result *a = ptr;

	g_free(a->rc);
	g_string_free(a->data, TRUE);
	g_ptr_array_unref(a->log);
}

static GPtrArray *lines_new(void)
{
	return g_ptr_array_new_with_free_func(g_free);
}

static const struct program_op *op_at(const struct console *c, guint index)
{
	return &g_array_index(c->program->ops, struct program_op, index);
}

/* ---- Log lines ---- */

/* "../linux/mm/slub.c:1", as a kernel that was built out of its tree has it, is "mm/slub.c:1". */
static const char *in_tree(const char *place)
{
	static const char *const tops[] = {
		"/arch/", "/block/", "/crypto/", "/drivers/", "/fs/", "/init/", "/io_uring/",
		"/ipc/", "/kernel/", "/lib/", "/mm/", "/net/", "/security/", "/virt/",
	};
	const char *first = NULL;

	if (*place != '.' && *place != '/')
		return place;
	for (guint i = 0; i < G_N_ELEMENTS(tops); i++) {
		const char *at = strstr(place, tops[i]);

		if (at != NULL && (first == NULL || at < first))
			first = at;
	}
	return first != NULL ? first + 1 : place;
}

/* "WARNING FILE:LINE FUNCTION" of what any release writes; NULL: it is no WARN. */
static char *warning_of(const char *line)
{
	static const char *const patterns[] = {
		"^WARNING: CPU: \\d+ PID: \\d+ at (\\S+) ([A-Za-z_][A-Za-z0-9_.]*)\\+0x",
		"^WARNING: (\\S+:\\d+) at ([A-Za-z_][A-Za-z0-9_.]*)\\+0x",
	};

	for (guint i = 0; i < G_N_ELEMENTS(patterns); i++) {
		g_autoptr(GRegex) regex = g_regex_new(patterns[i], G_REGEX_RAW, 0, NULL);
		g_autoptr(GMatchInfo) info = NULL;
		g_autofree char *place = NULL, *func = NULL;

		if (!g_regex_match(regex, line, 0, &info))
			continue;
		place = g_match_info_fetch(info, 1);
		func = g_match_info_fetch(info, 2);
		return g_strdup_printf("WARNING %s %s", in_tree(place), func);
	}
	return NULL;
}

/* The callers in the trace that begins after line @i, up to the system call; NULL: none. */
static char *trace_of(const GPtrArray *log, guint i)
{
	g_autoptr(GRegex) regex = g_regex_new("^ (\\? )?([A-Za-z_][A-Za-z0-9_.]*)\\+0x[0-9a-f]+/0x",
					      G_REGEX_RAW, 0, NULL);
	g_autoptr(GString) chain = g_string_new("Call Trace:");

	for (; i < log->len && !g_str_has_prefix(log->pdata[i], "Call Trace:"); i++)
		if (g_str_has_prefix(log->pdata[i], "WARNING: "))
			return NULL;
	for (i++; i < log->len && !g_str_has_prefix(log->pdata[i], " </TASK>"); i++) {
		g_autoptr(GMatchInfo) info = NULL;
		g_autofree char *unsure = NULL, *func = NULL;

		if (!g_regex_match(regex, log->pdata[i], 0, &info))
			continue;
		unsure = g_match_info_fetch(info, 1);
		func = g_match_info_fetch(info, 2);
		if (*unsure != '\0')
			continue;
		g_string_append_printf(chain, "%s %s",
				       chain->str[chain->len - 1] == ':' ? "" : " <", func);
		if (strstr(func, "_sys_") != NULL)
			break;
	}
	return chain->str[chain->len - 1] != ':' ? g_strdup(chain->str) : NULL;
}

/* What a recording has of it. */
static void condense(GPtrArray *out, const GPtrArray *log)
{
	static const char *const kept[] = {
		"KHO: ", "luo: ", "memfd_luo: ", "Kernel panic", "Out of memory",
	};

	for (guint i = 0; i < log->len; i++) {
		g_autofree char *line = log_line_normal(log->pdata[i]);
		g_autofree char *warning = warning_of(log->pdata[i]), *trace = NULL;
		bool oom = strstr(line, " invoked oom-killer: ") != NULL;

		for (guint k = 0; k < G_N_ELEMENTS(kept); k++)
			if (g_str_has_prefix(line, kept[k]))
				log_lines_add(out, line);
		if (oom)
			log_lines_add(out, line);
		if (warning == NULL && !oom && !g_str_has_prefix(line, "Kernel panic"))
			continue;
		trace = trace_of(log, i + 1);
		if (warning != NULL)
			g_ptr_array_add(out, g_steal_pointer(&warning));
		if (trace != NULL)
			g_ptr_array_add(out, g_steal_pointer(&trace));
	}
}

/* ---- Reading ---- */

static void finish_op(struct console *c, const char *rc)
{
	c->open->rc = g_strdup(rc);
	c->open = NULL;
}

static void begin_op(struct console *c, guint index)
{
	struct result a = {
		.index = index, .stage = c->boots->len,
		.data = g_string_new(NULL), .log = lines_new(),
	};

	if (c->open != NULL)
		finish_op(c, "lost");
	g_array_append_val(c->results, a);
	c->open = &g_array_index(c->results, struct result, c->results->len - 1);
}

static bool is_reboot(const struct console *c, guint index)
{
	return g_strv_contains(reboots, op_at(c, index)->text);
}

/* Nothing of its kernel comes after it. */
static struct result *put_last(struct console *c, guint i)
{
	struct result *all = (struct result *)c->results->data, moved = all[i];
	guint last = c->results->len - 1;

	memmove(&all[i], &all[i + 1], (last - i) * sizeof(moved));
	all[last] = moved;
	return &all[last];
}

/* In a race another task may have spoken after the one that has rebooted. */
static struct result *lost_reboot(struct console *c)
{
	for (guint i = 0; i < c->results->len; i++) {
		struct result *a = &g_array_index(c->results, struct result, i);

		if (a->stage == c->boots->len && is_reboot(c, a->index) &&
		    g_str_equal(a->rc, "lost"))
			return put_last(c, i);
	}
	return NULL;
}

/* Of several tasks that reboot, one has: it is the last operation of its kernel. */
static void drop_lost_reboots(struct console *c)
{
	for (guint i = c->results->len - 1; i-- > 0;) {
		const struct result *a = &g_array_index(c->results, struct result, i);

		if (a->stage == c->boots->len && is_reboot(c, a->index) &&
		    g_str_equal(a->rc, "lost"))
			g_array_remove_index(c->results, i);
	}
	c->open = &g_array_index(c->results, struct result, c->results->len - 1);
}

static bool is_told(const struct console *c, guint index)
{
	for (guint i = 0; i < c->results->len; i++)
		if (g_array_index(c->results, struct result, i).index == index)
			return true;
	return false;
}

/* In a race the machine may have stopped before the console had the record of what stopped it. */
static struct result *untold_reboot(struct console *c)
{
	if (c->program->tasks == 0 || c->boots->len == 0)
		return NULL;
	for (guint i = c->program->race; i < c->program->ops->len; i++) {
		if (!is_reboot(c, i) || is_told(c, i))
			continue;
		begin_op(c, i);
		return c->open;
	}
	return NULL;
}

/* luosim-guest has come up in kernel @stage. */
static void guest_boots(struct console *c, const char *release)
{
	g_free(c->release);
	c->release = g_strdup(release);
	if (c->open == NULL || !is_reboot(c, c->open->index)) {
		if (c->open != NULL)
			finish_op(c, "lost");
		c->open = lost_reboot(c);
		if (c->open == NULL)
			c->open = untold_reboot(c);
	}
	if (c->open != NULL) {
		drop_lost_reboots(c);
		g_string_assign(c->open->data, "booted");
		g_clear_pointer(&c->open->rc, g_free);
		finish_op(c, "0");
	}
	g_ptr_array_add(c->boots, c->booting != NULL ? c->booting : lines_new());
	c->booting = NULL;
}

/* " DATA|", of which blanks may stand at both ends. */
static void add_data(struct result *a, const char *text)
{
	gsize len = strlen(text);

	if (len > 2 && text[len - 1] == '|')
		g_string_append_len(a->data, text + 1, len - 2);
}

static void read_guest(struct console *c, const char *text)
{
	char release[64], rc[32];
	guint index, stage;
	int at = 0;

	if (sscanf(text, "boot %u %63s", &stage, release) == 2) {
		guest_boots(c, release);
	} else if (sscanf(text, "op %u", &index) == 1 && index < c->program->ops->len &&
		   c->boots->len > 0) {
		begin_op(c, index);
	} else if (sscanf(text, "data %u%n", &index, &at) == 1 && c->open != NULL) {
		add_data(c->open, text + at);
	} else if (sscanf(text, "rc %u %31s", &index, rc) == 2 && c->open != NULL) {
		finish_op(c, rc);
	} else if (g_str_has_prefix(text, "error ")) {
		g_free(c->error);
		c->error = g_strdup(text + strlen("error "));
	} else if (g_str_has_prefix(text, "end")) {
		c->end = "poweroff";
	}
}

static void read_kernel(struct console *c, const char *text)
{
	if (g_str_has_prefix(text, "Linux version ") && c->booting == NULL)
		c->booting = lines_new();
	if (g_str_has_prefix(text, "Kernel panic") && c->panic == NULL) {
		c->panic = g_strdup(text);
		c->end = "panic";
	}
	if (c->booting != NULL)
		g_ptr_array_add(c->booting, g_strdup(text));
	else if (c->results->len > 0)
		g_ptr_array_add(g_array_index(c->results, struct result, c->results->len - 1).log,
				g_strdup(text));
}

/* Without "[    0.123456] ". */
static const char *behind_time(const char *line)
{
	const char *end = *line == '[' ? strchr(line, ']') : NULL;

	if (end == NULL || end[1] != ' ' ||
	    strspn(line + 1, " 0123456789.") != (gsize)(end - line - 1))
		return line;
	return end + 2;
}

static void read_line(struct console *c, const char *line)
{
	const char *text = behind_time(line);

	if (g_str_equal(text, CONSOLE_TIME_LIMIT))
		c->end = "hang";
	else if (g_str_has_prefix(text, "luosim: "))
		read_guest(c, text + strlen("luosim: "));
	else
		read_kernel(c, text);
}

/* ---- Writing ---- */

static void add_lines(JsonBuilder *b, const char *name, const GPtrArray *lines)
{
	add_array(b, name);
	for (guint i = 0; i < lines->len; i++)
		json_builder_add_string_value(b, lines->pdata[i]);
	json_builder_end_array(b);
}

/* The operation that the machine ended in, and what the next kernel said that never ran it. */
static void end_op(struct console *c)
{
	struct result *a = c->open;

	if (a == NULL)
		return;
	finish_op(c, g_str_equal(c->end, "poweroff") ? "lost" : c->end);
}

static void add_result(JsonBuilder *b, const struct console *c, const struct result *a)
{
	const struct program_op *op = op_at(c, a->index);
	g_autoptr(GPtrArray) log = lines_new();

	condense(log, a->log);
	if (c->booting != NULL && a->index == g_array_index(c->results, struct result,
							    c->results->len - 1).index) {
		g_ptr_array_add(log, g_strdup("next kernel boots"));
		condense(log, c->booting);
	}
	json_builder_begin_object(b);
	add_number(b, "stage", a->stage);
	add_number(b, "line", op->line);
	add_string(b, "op", op->text);
	add_string(b, "rc", a->rc);
	add_string(b, "data", a->data->str);
	add_lines(b, "kernel_log", log);
	json_builder_end_object(b);
}

static void add_stage(JsonBuilder *b, guint stage, const GPtrArray *boot)
{
	g_autoptr(GPtrArray) log = lines_new();

	condense(log, boot);
	json_builder_begin_object(b);
	add_number(b, "stage", stage);
	add_lines(b, "boot_log", log);
	json_builder_end_object(b);
}

static char *write_recording(struct console *c)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autofree char *series = g_strdup(c->release), *kernel = NULL;
	const struct program *p = c->program;
	char *dot = strchr(series, '.');

	if (dot != NULL)
		dot[1 + strspn(dot + 1, "0123456789")] = '\0';
	kernel = g_strconcat("v", series, NULL);
	end_op(c);
	json_builder_begin_object(b);
	add_string(b, "case", p->name);
	add_string(b, "kernel", kernel);
	add_string(b, "release", c->release);
	add_string(b, "append", p->append);
	add_bool(b, "panic_on_warn", p->panic_on_warn);
	add_number(b, "hugepages", p->hugepages);
	add_array(b, "ops");
	for (guint i = 0; i < c->results->len; i++) {
		const struct result *a = &g_array_index(c->results, struct result, i);

		if (op_at(c, a->index)->line > 0)
			add_result(b, c, a);
	}
	json_builder_end_array(b);
	add_array(b, "stages");
	for (guint i = 0; i < c->boots->len; i++)
		add_stage(b, i + 1, c->boots->pdata[i]);
	json_builder_end_array(b);
	add_string(b, "end", c->end);
	json_builder_set_member_name(b, "panic");
	if (c->panic != NULL)
		json_builder_add_string_value(b, c->panic);
	else
		json_builder_add_null_value(b);
	json_builder_end_object(b);
	return json_text(b);
}

/* ---- Several programs ---- */

/* Where the line begins that has luosim-guest's @word for the @nth time; NULL: none. */
static const char *find_said(const char *text, const char *word, guint nth)
{
	const char *at = text;

	for (guint i = 0; i < nth && at != NULL; i++)
		at = strstr(i == 0 ? at : at + 1, word);
	while (at != NULL && at > text && at[-1] != '\n')
		at--;
	return at;
}

char *console_part(const char *text, guint i)
{
	const char *first = find_said(text, CONSOLE_OP, 1);
	const char *from = i == 0 ? first : find_said(text, CONSOLE_NEXT, i);
	const char *end = find_said(text, CONSOLE_NEXT, i + 1);
	g_autoptr(GString) part = NULL;

	if (end == NULL)
		end = find_said(text, CONSOLE_END, 1);
	if (first == NULL || from == NULL || end == NULL)
		return NULL;
	part = g_string_new_len(text, first - text);
	g_string_append_len(part, from, end - from);
	g_string_append(part, CONSOLE_END "0\n");
	return g_string_free(g_steal_pointer(&part), FALSE);
}

/* What the last line with something in it says. */
static const char *last_line(GStrv lines)
{
	const char *last = "nothing";

	for (guint i = 0; lines[i] != NULL; i++)
		if (*lines[i] != '\0')
			last = behind_time(lines[i]);
	return last;
}

char *console_recording(const struct program *program, const char *text, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct console c = {
		.program = program, .end = "lost",
		.results = g_array_new(FALSE, FALSE, sizeof(struct result)),
		.boots = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref),
	};
	char *recording = NULL;

	g_array_set_clear_func(c.results, result_clear);
	for (guint i = 0; lines[i] != NULL; i++)
		read_line(&c, g_strchomp(lines[i]));
	if (c.error != NULL)
		g_set_error(error, SCN_ERROR, g_str_equal(c.error, CONSOLE_LACKS) ? ASK_LACKS : 0,
			    "the guest says: %s", c.error);
	else if (c.boots->len == 0)
		g_set_error(error, SCN_ERROR, 0,
			    "the kernel did not run luosim-guest, the last that came is: %s",
			    last_line(lines));
	else if (c.results->len == 0)
		g_set_error(error, SCN_ERROR, 0,
			    "the guest did not reach the first operation, the last that came "
			    "is: %s",
			    last_line(lines));
	else
		recording = write_recording(&c);
	g_array_unref(c.results);
	g_ptr_array_unref(c.boots);
	if (c.booting != NULL)
		g_ptr_array_unref(c.booting);
	g_free(c.release);
	g_free(c.panic);
	g_free(c.error);
	return recording;
}
