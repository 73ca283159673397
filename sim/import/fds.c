/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each process has a table of descriptors, which its threads share and its children copy. A
 * scenario has one process: a name in it is closed when the last descriptor of that name is.
 */
#include "import/fds.h"

#define MAX_WORD 64	/* characters of a name */

struct held {
	struct named *named;
	bool cloexec;
};

struct fds {
	GHashTable *now;	/* struct held *, by descriptor: of the process that calls */
	GHashTable *first;	/* of all processes that have none of their own */
	GHashTable *forked;	/* those of the others, by pid */
	GHashTable *taken;	/* guint, by name: how often one like it was asked for */
	GQueue *sent;		/* struct named *, or NULL */
};

static void named_release(struct named *named)
{
	if (named == NULL || --named->held > 0)
		return;
	g_free(named->name);
	g_free(named);
}

static void held_free(gpointer data)
{
	struct held *held = data;

	named_release(held->named);
	g_free(held);
}

static GHashTable *table_new(void)
{
	return g_hash_table_new_full(NULL, NULL, NULL, held_free);
}

static void table_add(GHashTable *table, gint64 fd, struct named *named, bool cloexec)
{
	struct held *held = g_new(struct held, 1);

	named->held++;
	*held = (struct held){ .named = named, .cloexec = cloexec };
	g_hash_table_replace(table, GINT_TO_POINTER((gint)fd), held);
}

static struct held *table_find(GHashTable *table, gint64 fd)
{
	return g_hash_table_lookup(table, GINT_TO_POINTER((gint)fd));
}

struct fds *fds_new(void)
{
	struct fds *fds = g_new(struct fds, 1);

	fds->first = table_new();
	fds->now = g_hash_table_ref(fds->first);
	fds->forked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					    (GDestroyNotify)g_hash_table_unref);
	fds->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fds->sent = g_queue_new();
	return fds;
}

void fds_free(struct fds *fds)
{
	g_queue_free_full(fds->sent, (GDestroyNotify)named_release);
	g_hash_table_unref(fds->now);
	g_hash_table_unref(fds->forked);
	g_hash_table_unref(fds->first);
	g_hash_table_unref(fds->taken);
	g_free(fds);
}

static GHashTable *table_of(const struct fds *fds, const char *pid)
{
	return g_hash_table_lookup(fds->forked, pid) ?: fds->first;
}

void fds_of(struct fds *fds, const char *pid)
{
	GHashTable *before = fds->now;

	fds->now = g_hash_table_ref(table_of(fds, pid));
	g_hash_table_unref(before);
}

const char *fds_name_in(const struct fds *fds, const char *pid, gint64 fd)
{
	const struct held *held = table_find(table_of(fds, pid), fd);

	return held != NULL ? held->named->name : NULL;
}

const char *fds_name(const struct fds *fds, gint64 fd)
{
	const struct held *held = table_find(fds->now, fd);

	return held != NULL ? held->named->name : NULL;
}

const char *fds_add(struct fds *fds, gint64 fd, const char *like, bool cloexec)
{
	struct named *named = g_new0(struct named, 1);
	GString *name = g_string_new(NULL);
	guint times;
	gsize len;

	for (; *like != '\0' && name->len < MAX_WORD - 8; like++)
		g_string_append_c(name, g_ascii_isalnum(*like) ? *like : '_');
	if (name->len == 0 || g_ascii_isdigit(name->str[0]))
		g_string_prepend(name, "fd");
	len = name->len;
	while (g_hash_table_contains(fds->taken, name->str)) {
		g_string_truncate(name, len);
		times = GPOINTER_TO_UINT(g_hash_table_lookup(fds->taken, name->str)) + 1;
		g_hash_table_insert(fds->taken, g_strdup(name->str), GUINT_TO_POINTER(times));
		g_string_append_printf(name, "_%u", times);
	}
	g_hash_table_insert(fds->taken, g_strdup(name->str), GUINT_TO_POINTER(1));
	named->name = g_string_free(name, FALSE);
	table_add(fds->now, fd, named, cloexec);
	return named->name;
}

char *fds_drop(struct fds *fds, gint64 fd)
{
	const struct held *held = table_find(fds->now, fd);
	char *last = held != NULL && held->named->held == 1 ? g_strdup(held->named->name) : NULL;

	g_hash_table_remove(fds->now, GINT_TO_POINTER((gint)fd));
	return last;
}

void fds_cloexec(struct fds *fds, gint64 fd, bool cloexec)
{
	struct held *held = table_find(fds->now, fd);

	if (held != NULL)
		held->cloexec = cloexec;
}

static gint compare_numbers(gconstpointer a, gconstpointer b)
{
	return *(const gint *)a - *(const gint *)b;
}

GArray *fds_list(const struct fds *fds, bool cloexec)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(gint));
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, fds->now);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const gint fd = GPOINTER_TO_INT(key);

		if (!cloexec || ((struct held *)value)->cloexec)
			g_array_append_val(list, fd);
	}
	g_array_sort(list, compare_numbers);
	return list;
}

void fds_fork(struct fds *fds, const char *pid, bool shared)
{
	GHashTable *table = shared ? g_hash_table_ref(fds->now) : table_new();
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, fds->now);
	while (!shared && g_hash_table_iter_next(&iter, &key, &value)) {
		const struct held *held = value;

		table_add(table, GPOINTER_TO_INT(key), held->named, held->cloexec);
	}
	g_hash_table_replace(fds->forked, g_strdup(pid), table);
}

void fds_send(struct fds *fds, gint64 fd)
{
	const struct held *held = table_find(fds->now, fd);

	if (held != NULL)
		held->named->held++;
	g_queue_push_tail(fds->sent, held != NULL ? held->named : NULL);
}

void fds_receive(struct fds *fds, gint64 fd, bool cloexec)
{
	struct named *named = g_queue_pop_head(fds->sent);

	if (named == NULL)
		return;
	table_add(fds->now, fd, named, cloexec);
	named_release(named);
}

void fds_reboot(struct fds *fds)
{
	g_hash_table_remove_all(fds->forked);
	g_hash_table_remove_all(fds->first);
	g_queue_clear_full(fds->sent, (GDestroyNotify)named_release);
	fds_of(fds, "");
}
