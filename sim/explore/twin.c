/* SPDX-License-Identifier: GPL-2.0-only */
/* Two machines side by side, see twin.h. What is compared is text, one line for each thing. */
#include <errno.h>
#include <string.h>

#include "explore/internal.h"
#include "explore/pairs.h"
#include "explore/twin.h"
#include "scn/fail.h"
#include "scn/tree.h"
#include "scn/words.h"

#define CONTENT_BYTES	8192	/* of a file, that are read and compared */

struct twin {
	const struct world *world;		/* of the second machine */
	const struct witness *witness;		/* of the first one */
	struct machine *first, *machine;
	struct place place;
	struct done done;
	GString *said[2];			/* since the operation began */
	struct witness plain[2];		/* of races: of each machine for itself */
	struct world_race races[2];
	bool racing;
};

/* ---- What was said ---- */

/*
 * What differs by nature: how many structures there are on the heap, whose they are,
 * which word is read first of an object that is not there, and in which of the functions that
 * the compiler made one a loop is.
 */
static const struct {
	const char *after, *up_to;
} skipped[] = {
	{ "heap objects", "," },
	{ "exec from:", "(" },
	{ "unable to handle page fault", ";" },
	{ "soft lockup", ";" },
	{ "a loop that never ends", ";" },
};

static void append_text(GString *said, const char *text)
{
	for (guint i = 0; i < G_N_ELEMENTS(skipped); i++) {
		const char *at = strstr(text, skipped[i].after);

		if (at == NULL)
			continue;
		at += strlen(skipped[i].after);
		g_string_append_len(said, text, at - text);
		text = at + strcspn(at, skipped[i].up_to);
	}
	g_string_append(said, text);
}

static void append_event(GString *said, const struct event *event)
{
	switch (event->type) {
	case EVENT_LOG:
	case EVENT_PANIC:
		append_text(said, event->text);
		break;
	case EVENT_WARN:
		g_string_append_printf(said, "WARNING: %s", event->func);
		for (guint i = 0; i < event->depth; i++)
			g_string_append_printf(said, " < %s", event->chain[i]);
		break;
	case EVENT_VIOLATION:
		/* Of a string past its array a tree knows what is printed, not where it ends. */
		if (event->violation->in_log)
			return;
		g_string_append_printf(said, "%s: ", violation_name(event->violation->kind));
		append_text(said, event->violation->text);
		if (event->violation->pfn != 0)
			g_string_append_printf(said, "; pfn %#" G_GINT64_MODIFIER "x",
					       event->violation->pfn);
		break;
	default:
		return;
	}
	g_string_append_c(said, '\n');
}

void twin_hear(struct twin *t, const struct event *event)
{
	if (t->racing)
		witness_event(&t->plain[0], event);
	else
		append_event(t->said[0], event);
}

static void hear_second(void *data, const struct event *event)
{
	struct twin *t = data;

	if (t->racing)
		witness_event(&t->plain[1], event);
	else if (!t->witness->mute)
		append_event(t->said[1], event);
}

/* ---- The second machine ---- */

/* Without a machine it is only made ready to be cleared. */
static bool races_init(struct twin *t, struct place *place)
{
	t->plain[0].world = t->witness->world;
	t->plain[1].world = t->world;
	return race_init(&t->races[0], t->plain[0].world, t->first, place, &t->plain[0]) &&
	       race_init(&t->races[1], t->world, t->machine, &t->place, &t->plain[1]);
}

bool twin_new(struct witness *witness, struct machine *first, struct place *place)
{
	struct twin *t = g_new0(struct twin, 1);

	t->world = witness->world->beside;
	t->witness = witness;
	t->first = first;
	t->said[0] = g_string_new(NULL);
	t->said[1] = g_string_new(NULL);
	witness->twin = t;
	t->machine = world_new_machine(t->world, &t->place, hear_second, t);
	if (t->machine == NULL)
		return false;
	machine_forget_violations(t->machine);
	return t->world->tasks < 2 || races_init(t, place);
}

void twin_free(struct twin *t)
{
	if (t == NULL)
		return;
	race_clear(&t->races[0]);
	race_clear(&t->races[1]);
	machine_free(t->machine);
	g_string_free(t->said[0], TRUE);
	g_string_free(t->said[1], TRUE);
	g_free(t);
}

bool twin_save(struct twin *t, struct twin_spot *spot)
{
	spot->place = t->place;
	return machine_save(t->machine, &spot->snapshot) == 0;
}

void twin_restore(struct twin *t, const struct twin_spot *spot)
{
	machine_restore(t->machine, &spot->snapshot);
	t->place = spot->place;
}

bool twin_is_at(const struct twin *t, const struct twin_spot *spot)
{
	return machine_is_at(t->machine, &spot->snapshot);
}

void twin_begin(struct twin *t)
{
	g_string_truncate(t->said[0], 0);
	g_string_truncate(t->said[1], 0);
}

void twin_run(struct twin *t, guint op, guint nth)
{
	world_run(t->world, t->machine, &t->place, op, nth, &t->done);
}

bool twin_hit(const struct twin *t)
{
	return t->done.hit;
}

void twin_forget(struct twin *t)
{
	machine_forget_violations(t->machine);
}

/* ---- What differs ---- */

/* "v7.3: -EBUSY; ./x.so: 0"; @action is what was done. */
static bool differs(const struct twin *t, struct note *note, const char *action,
		    const char *first, const char *second)
{
	const struct world *world = t->witness->world;

	*note = (struct note){ .kind = FINDING_DIFFERS, .func = action };
	g_snprintf(note->text, sizeof(note->text), "%s: %.90s; %s: %.90s",
		   release_label(&world->boots[0].release), first,
		   release_label(&t->world->boots[0].release), second);
	note->id = finding_id(FINDING_DIFFERS, action, first);
	note->id = finding_id(note->id, "", second);
	return true;
}

/* The first line in which they are not the same. */
static bool said_differs(const struct twin *t, struct note *note, const char *action)
{
	const char *a = t->said[0]->str, *b = t->said[1]->str;
	g_autofree char *first = NULL, *second = NULL;

	while (*a != '\0' && strcspn(a, "\n") == strcspn(b, "\n") &&
	       strncmp(a, b, strcspn(a, "\n") + 1) == 0) {
		b += strcspn(b, "\n") + 1;
		a += strcspn(a, "\n") + 1;
	}
	if (*a == '\0' && *b == '\0')
		return false;
	first = *a == '\0' ? g_strdup("says nothing") : g_strndup(a, strcspn(a, "\n"));
	second = *b == '\0' ? g_strdup("says nothing") : g_strndup(b, strcspn(b, "\n"));
	return differs(t, note, action, first, second);
}

static char *number(gint64 ret)
{
	return ret >= 0 || errno_name(-ret) == NULL ? g_strdup_printf("%" G_GINT64_FORMAT, ret) :
						      g_strdup_printf("-%s", errno_name(-ret));
}

static bool number_differs(const struct twin *t, struct note *note, const char *action,
			   gint64 a, gint64 b)
{
	g_autofree char *first = NULL, *second = NULL;

	if (a == b)
		return false;
	first = number(a);
	second = number(b);
	return differs(t, note, action, first, second);
}

/* "fail alloc nth 3, in kho_alloc_preserve < kho_block_set_grow" */
static char *failure_text(const struct done *done)
{
	const struct fail fail = { .failure = done->failure };
	GString *out = g_string_new(NULL);

	if (done->damage)
		g_string_append(out, done->hit ? "is damaged" : "has no such field");
	else if (!done->hit)
		g_string_append(out, "no step fails");
	if (done->damage || !done->hit)
		return g_string_free(out, FALSE);
	fail_print(out, &fail);
	for (guint i = 0; i < FAIL_CALLERS && done->in[i] != NULL; i++)
		g_string_append_printf(out, "%s%s", i == 0 ? ", in " : " < ", done->in[i]);
	return g_string_free(out, FALSE);
}

/* Which step failed, where one was asked to; one of them may have no such step. */
static bool failure_differs(const struct twin *t, struct note *note, const char *action,
			    const struct done *a)
{
	const struct done *b = &t->done;
	g_autofree char *first = NULL, *second = NULL;

	if (a->hit == b->hit && a->failure.point == b->failure.point &&
	    a->failure.call == b->failure.call &&
	    g_str_equal(a->failure.name, b->failure.name))
		return false;
	first = failure_text(a);
	second = failure_text(b);
	return differs(t, note, action, first, second);
}

const char *twin_raced(struct twin *t, guint op, struct note *note, guint *nth, bool *found)
{
	const struct world_pair *pair = world_pair(t->world, op);
	g_autofree char *action = g_strdup_printf("%s beside %s",
						  op_of(t->world, pair->ops[0])->name,
						  op_of(t->world, pair->ops[1])->name);
	struct race_difference d;
	const char *stopped;

	t->racing = true;
	stopped = twin_race(&t->races[0], &t->races[1], op, &d);
	t->racing = false;
	*nth = d.nth;
	*found = d.differs && differs(t, note, g_intern_string(action), d.first, d.second);
	return stopped;
}

/* What an operation returned, and what followed from it at once. */
static bool result_differs(const struct twin *t, struct note *note, const char *action,
			   const struct done *a)
{
	const struct done *b = &t->done;

	return number_differs(t, note, action, a->ret, b->ret) ||
	       number_differs(t, note, "kexec", a->left, b->left) ||
	       number_differs(t, note, "open", a->dev, b->dev) ||
	       number_differs(t, note, "recv_fd", a->received, b->received);
}

/* How a file reads, and who else has it: only the last reference frees it. */
struct file_state {
	gint64 len, references;
	int ret;
	struct luosim_stat st;
	guint8 bytes[CONTENT_BYTES];
};

static void file_read(struct machine *m, int fd, struct file_state *file)
{
	memset(&file->st, 0, sizeof(file->st));
	file->len = sys_pread(m, fd, file->bytes, sizeof(file->bytes), 0);
	file->ret = sys_fstat(m, fd, &file->st);
	file->references = machine_file_references(m, fd);
}

static bool file_same(const struct file_state *a, const struct file_state *b)
{
	return a->len == b->len && a->ret == b->ret && a->references == b->references &&
	       a->st.size == b->st.size &&
	       a->st.blocks == b->st.blocks && a->st.pos == b->st.pos &&
	       a->st.seals == b->st.seals && a->st.flags == b->st.flags &&
	       a->st.mode == b->st.mode && a->st.nlink == b->st.nlink &&
	       g_str_equal(a->st.link, b->st.link) &&
	       memcmp(a->bytes, b->bytes, MAX(a->len, 0)) == 0;
}

/* In a line. */
static char *file_text(const struct file_state *file)
{
	const struct luosim_stat *st = &file->st;
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, file->bytes,
							   MAX(file->len, 0));

	return g_strdup_printf("read %" G_GINT64_FORMAT " (%.8s), references %" G_GINT64_FORMAT
			       ", fstat %d, size %" G_GINT64_FORMAT ", blocks %" G_GINT64_FORMAT
			       ", position %" G_GINT64_FORMAT ", seals %d, flags %#x, mode %#o, "
			       "links %u, %s", file->len, sum, file->references,
			       file->ret, st->size, st->blocks, st->pos, st->seals, st->flags,
			       st->mode, st->nlink, st->link);
}

static bool files_differ(const struct twin *t, struct note *note, const struct place *place)
{
	const struct world *world = t->witness->world;

	for (guint f = 0; f < nr_files(world); f++) {
		int fd = place->fds[file_slot(world, f)];
		g_autofree char *first = NULL, *second = NULL;
		struct file_state a, b;

		if (fd < 0)
			continue;
		file_read(t->first, fd, &a);
		file_read(t->machine, fd, &b);
		if (file_same(&a, &b))
			continue;
		first = file_text(&a);
		second = file_text(&b);
		return differs(t, note, "read", first, second);
	}
	return false;
}

/* Of a handler's module: with one too many it cannot be unloaded. */
static bool modules_differ(const struct twin *t, struct note *note)
{
	const struct world_words *words = &t->witness->world->words;

	for (guint i = 0; i < words->nr_loaded; i++) {
		gint64 a = machine_module_references(t->first, i);
		gint64 b = machine_module_references(t->machine, i);
		g_autofree char *first = NULL, *second = NULL;

		if (a == b)
			continue;
		first = g_strdup_printf("module %s, references %" G_GINT64_FORMAT,
					words->loaded[i].name, a);
		second = g_strdup_printf("references %" G_GINT64_FORMAT, b);
		return differs(t, note, "lsmod", first, second);
	}
	return false;
}

bool twin_compare(struct twin *t, const struct place *place, guint op, const struct done *done,
		  struct note *note)
{
	const char *action = op_of(t->world, op)->name;

	if (failure_differs(t, note, action, done) || result_differs(t, note, action, done) ||
	    said_differs(t, note, action) ||
	    number_differs(t, note, action, machine_panicked(t->first),
			   machine_panicked(t->machine)))
		return true;
	for (guint i = 0; i < G_N_ELEMENTS(place->fds); i++)
		if (number_differs(t, note, action, place->fds[i], t->place.fds[i]))
			return true;
	return !machine_panicked(t->first) &&
	       (files_differ(t, note, place) || modules_differ(t, note));
}

bool twin_end(struct twin *t, struct note *note)
{
	machine_end(t->machine);
	return said_differs(t, note, "exit");
}
