/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel log says went wrong. Lines are searched, not parsed from their beginning:
 * time stamps, levels, a mail's quotes and a logger's words may stand before anything.
 */
#include <string.h>

#include "match/line.h"
#include "match/log.h"
#include "scn/words.h"

/* How far the next line belongs to what was begun. */
enum reading { READ_NOTHING, READ_HEAD, READ_TRACE, READ_CHAIN, READ_FOREIGN };

/*
 * What one task or processor is saying. Where lines say whose they are, "[ T12]" or "[ C3]",
 * several may speak at once.
 */
struct speaker {
	struct incident *open;	/* whose call trace may follow; or NULL */
	enum reading reading;
	char *race;		/* the title of a report of KCSAN, which has two traces */
	bool named;
};

struct reader {
	struct log *log;
	GHashTable *speakers;
	struct speaker *now, *last;	/* of this line, and of the last incident */
	guint line, next, stage, boot;
	bool booted;	/* a kernel boots that has not said whether it was handed over to */
	GRegex *message, *frame, *inlined, *backtrace, *bare, *errno_word, *stamp, *caller;
};

/* Where a mail's lines are broken. */
#define MIN_WRAP	64u
#define MAX_WRAP	80u

struct incident *incident_new(enum incident_kind kind)
{
	struct incident *incident = g_new0(struct incident, 1);

	incident->kind = kind;
	incident->frames = g_ptr_array_new_with_free_func(g_free);
	return incident;
}

void incident_free(gpointer data)
{
	struct incident *incident = data;

	g_ptr_array_unref(incident->frames);
	g_free(incident->text);
	g_free(incident->shown);
	g_free(incident->release);
	g_free(incident);
}

char *incident_key(const struct incident *incident)
{
	GString *key = g_string_new(NULL);

	g_string_printf(key, "%c%u %s", incident->kind, incident->stage,
			incident->text != NULL ? incident->text : "");
	for (guint i = 0; i < incident->frames->len; i++)
		g_string_append_printf(key, " < %s", (char *)incident->frames->pdata[i]);
	return g_string_free(key, FALSE);
}

static GRegex *raw_regex(const char *pattern)
{
	return g_regex_new(pattern, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
}

/* What differs from one run of a kernel to the next, and what stands in its place. */
static const struct blank {
	const char *pattern, *by;
} blanks[] = {
	{ "'[^']*'", "'*'" },
	{ "\\[[^]]*\\]", "[*]" },
	{ "\\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\\b|\\bADDR\\b", "N" },
};

static GRegex *blank_regex(guint i)
{
	static gsize compiled[G_N_ELEMENTS(blanks)];

	if (g_once_init_enter(&compiled[i]))
		g_once_init_leave(&compiled[i], (gsize)raw_regex(blanks[i].pattern));
	return (GRegex *)compiled[i];
}

char *message_normal(const char *text)
{
	char *normal = g_strdup(text);

	for (guint i = 0; i < G_N_ELEMENTS(blanks); i++) {
		g_autofree char *before = normal;

		normal = g_regex_replace_literal(blank_regex(i), before, -1, 0, blanks[i].by, 0,
						 NULL);
	}
	return g_strstrip(normal);
}

char *frame_normal(const char *func)
{
	static const char *const entries[] = { "__x64_sys_", "__arm64_sys_", "__riscv_sys_",
					       "__se_sys_", "__do_sys_", "ksys_" };
	char *name = g_strndup(func, strcspn(func, "."));

	for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
		if (g_str_has_prefix(name, entries[i])) {
			char *entry = g_strconcat("sys_", name + strlen(entries[i]), NULL);

			g_free(name);
			return entry;
		}
	}
	return name;
}

static void add_frame(struct incident *incident, const char *func)
{
	char *name = frame_normal(func);
	guint len = incident->frames->len;

	if (len > 0 && g_str_equal(incident->frames->pdata[len - 1], name))
		g_free(name);
	else
		g_ptr_array_add(incident->frames, name);
}

/* A function with its offset, its place in a file or its number; NULL. @unsure: a '?' is before. */
static char *find_frame(const struct reader *r, const char *text, bool *unsure)
{
	/* Within a trace, a line may be a function alone. */
	GRegex *const regexes[] = { r->frame, r->backtrace, r->inlined,
				    r->now->reading == READ_TRACE ? r->bare : NULL };

	for (guint i = 0; i < G_N_ELEMENTS(regexes); i++) {
		g_autoptr(GMatchInfo) info = NULL;
		g_autofree char *mark = NULL;

		if (regexes[i] == NULL || !g_regex_match(regexes[i], text, 0, &info))
			continue;
		mark = g_match_info_fetch(info, 1);
		*unsure = *mark != '\0';
		return g_match_info_fetch(info, 2);
	}
	return NULL;
}

/* The first function that @text names, or NULL. */
static char *first_function(const struct reader *r, const char *text)
{
	bool unsure;
	char *func = find_frame(r, text, &unsure);
	gsize len;

	if (func != NULL)
		return func;
	len = strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.");
	return len > 0 ? g_strndup(text, len) : NULL;
}

static struct incident *begin(struct reader *r, enum incident_kind kind, const char *shown)
{
	struct incident *incident = incident_new(kind);

	incident->line = r->line;
	incident->stage = r->stage;
	incident->boot = r->boot;
	incident->release = g_strdup(r->log->release);
	incident->shown = g_strstrip(g_strdup(shown));
	g_ptr_array_add(r->log->incidents, incident);
	r->last = r->now;
	return incident;
}

/*
 * A WARN or an oops in @func. A title that has named it already is the same one, and so
 * is what follows within an oops.
 */
static void begin_crash(struct reader *r, enum incident_kind kind, const char *func,
			const char *shown)
{
	guint len = r->log->incidents->len;
	struct incident *last = len > 0 ? r->log->incidents->pdata[len - 1] : NULL;
	g_autofree char *name = func != NULL ? frame_normal(func) : NULL;

	r->now->reading = READ_HEAD;
	if (last != NULL && last->kind == kind && last->text == NULL && last->frames->len <= 1 &&
	    (r->last == r->now || !r->last->named) &&
	    (last->frames->len == 0 ||
	     (name != NULL && g_str_equal(last->frames->pdata[0], name)))) {
		r->now->open = last;
		last->line = r->line;
		last->stage = r->stage;
		last->boot = r->boot;
	} else {
		r->now->open = begin(r, kind, shown);
	}
	if (r->now->open->frames->len == 0 && name != NULL)
		g_ptr_array_add(r->now->open->frames, g_steal_pointer(&name));
}

static const char *after(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at != NULL ? at + strlen(word) : NULL;
}

/* "at FUNC", "at FILE:LINE FUNC", or the last word, where there are no offsets. */
static char *warned_in(const struct reader *r, const char *text)
{
	const char *place = after(text, " at "), *blank;

	if (place == NULL)
		place = strrchr(text, ' ') != NULL ? strrchr(text, ' ') + 1 : "";
	blank = strchr(place, ' ');
	if (blank != NULL && memchr(place, ':', blank - place) != NULL)
		place = blank + 1;
	return first_function(r, place);
}

/* "WARNING: FILE:LINE at FUNC+..", "WARNING: CPU: 0 PID: 1 at FILE:LINE FUNC+..", "WARNING in F" */
static bool read_warning(struct reader *r, const char *line)
{
	const char *at = after(line, "WARNING");
	g_autofree char *func = NULL;
	bool unsure;

	if (at == NULL || (*at != ':' && *at != ' '))
		return false;
	if (g_str_has_prefix(at, " in "))
		func = first_function(r, at + 4);
	else
		func = find_frame(r, at, &unsure);
	if (func == NULL)
		func = warned_in(r, at);
	begin_crash(r, INCIDENT_WARN, func, strstr(line, "WARNING"));
	return true;
}

/* Call traces that are no crash's: what locks, memory and processors are used for. */
static bool read_foreign(struct reader *r, const char *line)
{
	static const char *const words[] = {
		"unreferenced object 0x", " invoked oom-killer: ", "page allocation failure: ",
		"locking detected", "locking dependency detected", "lock dependency detected",
		"lock order", "lock state", "bad unlock balance", "suspicious RCU usage",
		"lock held when returning", "sysrq: Show ", "BUG: sleeping function called ",
		"BUG: scheduling while atomic",
	};

	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		if (strstr(line, words[i]) == NULL)
			continue;
		r->now->open = NULL;
		r->now->reading = READ_FOREIGN;
		return true;
	}
	return false;
}

static bool read_oops(struct reader *r, const char *line)
{
	static const char *const words[] = {
		"BUG: KASAN:", "KASAN: ", "kernel BUG at ", "BUG: unable to handle ",
		"BUG: kernel NULL pointer", "Unable to handle kernel ", "general protection fault",
		"Internal error: ", "Oops: ", "BUG: KFENCE:", "UBSAN: ", "BUG: Bad page ",
		"BUG: KMSAN: ",
	};

	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		const char *at = after(line, words[i]);
		const char *in = at != NULL ? after(at, " in ") : NULL;
		g_autofree char *func = in != NULL ? first_function(r, in) : NULL;

		if (at == NULL)
			continue;
		begin_crash(r, INCIDENT_OOPS, func, strstr(line, words[i]));
		return true;
	}
	return false;
}

/* "BUG: KCSAN: data-race in A / B", and two traces, each after "read to 0x.. of 8 bytes by ..". */
static bool read_race(struct reader *r, const char *line)
{
	struct speaker *now = r->now;

	if (strstr(line, "BUG: KCSAN: ") != NULL) {
		g_free(now->race);
		now->race = g_strdup(strstr(line, "BUG: KCSAN: "));
		now->reading = READ_FOREIGN;
		return true;
	}
	if (now->race == NULL || strstr(line, " to 0x") == NULL || strstr(line, " by ") == NULL)
		return false;
	now->open = begin(r, INCIDENT_OOPS, now->race);
	now->reading = READ_TRACE;
	return true;
}

static bool read_panic(struct reader *r, const char *line)
{
	const char *text = after(line, "Kernel panic - not syncing: ");
	struct incident *incident;

	if (text == NULL)
		text = after(line, "KERNEL PANIC: ");
	if (text == NULL)
		return false;
	r->now->open = NULL;
	r->now->reading = READ_FOREIGN;
	if (strstr(text, "panic_on_warn") != NULL) {
		r->log->panic_on_warn = true;
		return true;
	}
	if (g_str_has_prefix(text, "Fatal exception") || strstr(text, "Oops") != NULL ||
	    strstr(text, "hung_task") != NULL || strstr(text, "softlockup") != NULL ||
	    strstr(text, "LOCKUP") != NULL || strstr(text, "RCU Stall") != NULL)
		return true;
	incident = begin(r, INCIDENT_PANIC, strstr(line, "ernel panic") != NULL ?
			 strstr(line, "Kernel panic") : text);
	incident->text = message_normal(text);
	r->now->open = incident;
	r->now->reading = READ_HEAD;
	return true;
}

static bool read_hang(struct reader *r, const char *line)
{
	const char *at = strstr(line, "BUG: soft lockup");

	if (at == NULL && strstr(line, " blocked for more than ") != NULL)
		at = strstr(line, "INFO: task ");
	if (at == NULL && (strstr(line, "detected stall") || strstr(line, "self-detected stall")))
		at = strstr(line, "INFO: rcu");
	if (at == NULL)
		at = strstr(line, "Watchdog detected hard LOCKUP");
	if (at == NULL)
		return false;
	r->now->open = begin(r, INCIDENT_STUCK, at);
	r->now->reading = READ_HEAD;
	return true;
}

/* "a < b < c", which may be broken after any '<'. */
static void read_chain(struct reader *r, const char *text)
{
	g_auto(GStrv) names = g_strsplit(text, "<", -1);
	guint len = strlen(text);

	for (guint i = 0; names[i] != NULL; i++) {
		g_autofree char *func = first_function(r, g_strstrip(names[i]));

		if (func != NULL && r->now->open != NULL)
			add_frame(r->now->open, func);
	}
	r->now->reading = len > 0 && text[len - 1] == '<' ? READ_CHAIN : READ_NOTHING;
}

/* A crash whose first lines are not in the log. */
static void begin_headless(struct reader *r, enum reading reading, const char *shown)
{
	r->now->open = begin(r, INCIDENT_CRASH, shown);
	r->now->reading = reading;
}

/* Registers alone. An oops shows them again when its trace has ended. */
static bool read_registers(struct reader *r, const char *line)
{
	const char *at = after(line, "RIP: 0010:") ?: after(line, "pc : ");
	guint len = r->log->incidents->len;
	const struct incident *last = len > 0 ? r->log->incidents->pdata[len - 1] : NULL;
	g_autofree char *func = NULL, *name = NULL;

	if (at == NULL || r->now->reading != READ_NOTHING)
		return false;
	func = first_function(r, at);
	name = func != NULL ? frame_normal(func) : NULL;
	if (name == NULL || (last != NULL && last->frames->len > 0 &&
			     g_str_equal(last->frames->pdata[0], name)))
		return false;
	begin_headless(r, READ_HEAD, line);
	g_ptr_array_add(r->now->open->frames, g_steal_pointer(&name));
	return true;
}

/* The log begins within a trace; where a kernel tells of its initcalls there is no such trace. */
static void begin_in_trace(struct reader *r, const char *line)
{
	if (r->log->incidents->len == 0 && r->now->reading == READ_NOTHING &&
	    strstr(line, "initcall ") == NULL && strstr(line, "calling ") == NULL &&
	    (g_regex_match(r->frame, line, 0, NULL) ||
	     g_regex_match(r->backtrace, line, 0, NULL)))
		begin_headless(r, READ_TRACE, line);
}

static bool read_trace_start(struct reader *r, const char *line)
{
	const char *at = after(line, "Call Trace:");

	if (at == NULL)
		at = after(line, "Call trace:") ?: after(line, " (in kfence-#");
	if (at == NULL)
		return false;
	if (strchr(at, '<') != NULL && strstr(at, "<TASK>") == NULL)
		read_chain(r, at);
	else if (r->now->reading == READ_NOTHING)
		begin_headless(r, READ_TRACE, line);
	else if (r->now->open != NULL)
		r->now->reading = READ_TRACE;
	return true;
}

/* One line of a trace, or the registers before it. */
static void read_frame(struct reader *r, const char *line)
{
	g_autofree char *func = NULL;
	bool head = strstr(line, "RIP: ") != NULL || strstr(line, "pc : ") != NULL, unsure;

	if (strstr(line, "lr : ") != NULL || strstr(line, " ra : ") != NULL ||
	    strstr(line, "RIP: 0033") != NULL)
		return;
	if (after(line, "[exception RIP: ") != NULL) {
		g_ptr_array_set_size(r->now->open->frames, 0);
		func = first_function(r, after(line, "[exception RIP: "));
		unsure = false;
	} else {
		func = find_frame(r, line, &unsure);
	}
	if (func == NULL || unsure || (r->now->reading == READ_HEAD && !head))
		return;
	if (head && r->now->open->frames->len > 0)
		return;
	add_frame(r->now->open, func);
}

/* What ends a trace for sure. */
static bool ends_trace(const char *line)
{
	return strstr(line, "</TASK>") != NULL || strstr(line, "---[ end trace") != NULL ||
	       strstr(line, "llocated by task") != NULL || strstr(line, "reed by task") != NULL ||
	       strstr(line, "Code: ") != NULL;
}

/* What was said before, by a kernel whose boot is not in the log, was said by the one before. */
static void handed_over(struct reader *r)
{
	for (guint i = 0; i < r->log->incidents->len; i++) {
		struct incident *incident = r->log->incidents->pdata[i];

		if (r->stage == 0)
			incident->stage = 1;
		if (r->booted && incident->boot == r->boot)
			incident->boot--;
	}
	if (r->booted)
		r->boot--;
	r->booted = false;
	r->stage = 2;
}

static void read_boot(struct reader *r, const char *line)
{
	const char *version = after(line, "Linux version ");
	const char *tainted = after(line, "ainted");
	gsize len;

	if (version == NULL && tainted != NULL && strstr(line, "PID: ") != NULL) {
		version = strpbrk(tainted, "0123456789");
		while (version != NULL && version[-1] != ' ')
			version = strpbrk(version + strcspn(version, " "), "0123456789");
	}
	if (version != NULL && g_ascii_isdigit(*version)) {
		len = strspn(version, G_CSET_DIGITS ".");
		g_free(r->log->release);
		r->log->release = g_strndup(version, len);
		if (r->now->open != NULL && tainted != NULL) {
			g_free(r->now->open->release);
			r->now->open->release = g_strdup(r->log->release);
		}
	}
	if (strstr(line, "Linux version ") != NULL) {
		r->stage = 1;
		r->boot++;
		r->booted = true;
	}
	if (strstr(line, "KHO: found kexec handover data") != NULL ||
	    strstr(line, "Retrieved live update data") != NULL)
		handed_over(r);
}

static bool read_message(struct reader *r, const char *line)
{
	g_autoptr(GMatchInfo) info = NULL;
	g_autofree char *text = NULL;
	struct incident *incident;

	if (!g_regex_match(r->message, line, 0, &info))
		return false;
	text = g_match_info_fetch(info, 1);
	incident = begin(r, INCIDENT_MESSAGE, text);
	incident->text = message_normal(text);
	return true;
}

static void read_errnos(struct reader *r, const char *line)
{
	g_autoptr(GMatchInfo) info = NULL;

	if (strchr(line, 'E') == NULL)
		return;
	g_regex_match(r->errno_word, line, 0, &info);
	while (g_match_info_matches(info)) {
		g_autofree char *word = g_match_info_fetch(info, 1);

		if (errno_find(word) > 0 &&
		    !g_ptr_array_find_with_equal_func(r->log->errnos, word, g_str_equal, NULL))
			g_ptr_array_add(r->log->errnos, g_steal_pointer(&word));
		g_match_info_next(info, NULL);
	}
}

static void speaker_free(gpointer data)
{
	struct speaker *speaker = data;

	g_free(speaker->race);
	g_free(speaker);
}

/* Whose line it is; "" if that is not said. */
static struct speaker *find_speaker(struct reader *r, const char *line)
{
	g_autoptr(GMatchInfo) info = NULL;
	g_autofree char *name = NULL;
	struct speaker *speaker;

	g_regex_match(r->caller, line, 0, &info);
	name = g_match_info_matches(info) ? g_match_info_fetch(info, 1) : g_strdup("");
	speaker = g_hash_table_lookup(r->speakers, name);
	if (speaker == NULL) {
		speaker = g_new0(struct speaker, 1);
		speaker->named = *name != '\0';
		g_hash_table_insert(r->speakers, g_steal_pointer(&name), speaker);
	}
	return speaker;
}

static void read_line(struct reader *r, const char *line)
{
	if (*line == '\0')
		return;
	r->now = find_speaker(r, line);
	read_boot(r, line);
	read_errnos(r, line);
	if (read_foreign(r, line) || read_race(r, line) ||
	    read_warning(r, line) || read_oops(r, line) || read_panic(r, line) ||
	    read_hang(r, line) || read_trace_start(r, line) || read_message(r, line) ||
	    read_registers(r, line))
		return;
	begin_in_trace(r, line);
	if (r->now->reading == READ_CHAIN) {
		read_chain(r, line);
		return;
	}
	if (r->now->open == NULL || r->now->reading == READ_NOTHING ||
	    r->now->reading == READ_FOREIGN)
		return;
	if (r->now->reading == READ_TRACE && ends_trace(line))
		r->now->reading = READ_NOTHING;
	else
		read_frame(r, line);
}

static bool ends_early(const struct incident *incident)
{
	for (guint i = 0; i < incident->frames->len; i++)
		if (g_str_has_prefix(incident->frames->pdata[i], "sys_"))
			return false;
	return true;
}

static GRegex *message_regex(const char *const *prefixes)
{
	g_autoptr(GString) pattern = g_string_new("(?:^|[^A-Za-z0-9_])((?:");

	for (guint i = 0; prefixes[i] != NULL; i++) {
		g_autofree char *escaped = g_regex_escape_string(prefixes[i], -1);

		g_string_append_printf(pattern, "%s%s", i > 0 ? "|" : "", escaped);
	}
	g_string_append(pattern, "): .*)$");
	return g_regex_new(pattern->str, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
}

/*
 * The line at @p, which is moved after it. A mail breaks long lines: one without a time is the
 * rest of one that has it, and that its first word would have made too long.
 */
static char *whole_line(struct reader *r, const char **p, const char *end)
{
	char *line = line_at(*p, end, p);
	/* Between a console's lines there may be those of programs. */
	bool more = g_regex_match(r->stamp, line, 0, NULL) &&
		    (strchr(">|", *line) != NULL || strstr(line, "WARNING: ") != NULL ||
		     strstr(line, "BUG: ") != NULL);
	gsize last = strlen(line);

	r->line = r->next++;
	while (more && last <= MAX_WRAP && *p < end) {
		const char *behind;
		g_autofree char *next = line_at(*p, end, &behind), *before = line;
		const char *rest = next + strspn(next, ">| ");

		more = *rest != '\0' && last + strcspn(rest, " ") >= MIN_WRAP &&
		       !g_regex_match(r->stamp, next, 0, NULL);
		last = strlen(next);
		line = more && last <= MAX_WRAP ? g_strconcat(before, " ", rest, NULL) :
		       g_steal_pointer(&before);
		if (!more || last > MAX_WRAP)
			break;
		r->next++;
		*p = behind;
	}
	return line;
}

struct log *log_parse(const char *text, gsize len, const char *const *prefixes)
{
	struct log *log = g_new0(struct log, 1);
	struct reader r = {
		.log = log, .next = 1, .message = message_regex(prefixes),
		.frame = raw_regex("(\\? )?\\b([A-Za-z_][A-Za-z0-9_.]*)\\+0x[0-9a-f]+/0x[0-9a-f]+"),
		.inlined = raw_regex("(\\? )?(?:^|[> \\t:])([A-Za-z_][A-Za-z0-9_.]*) "
				     "(?:[a-z0-9_./-]+\\.[ch]:[0-9]+(?: \\[inline\\])?\\s*$|"
				     "\\([^()]*[a-z0-9_-]\\.[chS]:[0-9]+)"),
		.backtrace = raw_regex("(\\? )?#[0-9]+ +(?:\\[[0-9a-f]{8,}\\] |0x[0-9a-f]+ in )?"
				       "([A-Za-z_][A-Za-z0-9_.]*) (?:at [0-9a-f]{8,}|\\()"),
		.bare = raw_regex("(\\? )?(?:^|[>|\\] ]) *([a-z_][a-z0-9_.]*)(?:\\(\\))?$"),
		.caller = raw_regex("\\[ *([TC][0-9]+)\\]"),
		.errno_word = raw_regex("\\b(E[A-Z0-9]{2,})\\b"),
		.stamp = raw_regex("^[>|\\s]*(?:<[0-9]+>)?(?:\\[ *[0-9]+\\.[0-9]+\\]|"
				   "\\[?[A-Z][a-z]{2} [ 0-9A-Z]|[0-9]{4}-[0-9]{2}-[0-9]{2}T)"),
	};

	log->incidents = g_ptr_array_new_with_free_func(incident_free);
	log->errnos = g_ptr_array_new_with_free_func(g_free);
	r.speakers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, speaker_free);
	for (const char *p = text; p < text + len; ) {
		g_autofree char *line = whole_line(&r, &p, text + len);

		read_line(&r, line);
	}
	g_hash_table_unref(r.speakers);
	for (guint i = 0; i < log->incidents->len; i++) {
		struct incident *incident = log->incidents->pdata[i];

		incident->cut_off = ends_early(incident);
	}
	g_regex_unref(r.message);
	g_regex_unref(r.frame);
	g_regex_unref(r.inlined);
	g_regex_unref(r.backtrace);
	g_regex_unref(r.bare);
	g_regex_unref(r.caller);
	g_regex_unref(r.errno_word);
	g_regex_unref(r.stamp);
	return log;
}

void log_free(struct log *log)
{
	g_ptr_array_unref(log->incidents);
	g_ptr_array_unref(log->errnos);
	g_free(log->release);
	g_free(log);
}
