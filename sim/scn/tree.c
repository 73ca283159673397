/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel trees as releases: what luosim build-kernel has made, by path. */
#include <string.h>

#include "scn/select.h"
#include "scn/tree.h"

struct loaded {
	struct release release;
	char *path;
};

/* Path to struct loaded; what is loaded stays. */
static GHashTable *trees;

bool tree_is_path(const char *word)
{
	return strchr(word, '/') != NULL && g_str_has_suffix(word, ".so");
}

/* Of "7.1.2-rc1+", the row that covers 7.1.2; what is not out yet is like the newest. */
static const struct release *row_of(const char *version)
{
	g_autofree char *number = g_strndup(version, strspn(version, "0123456789."));
	const struct release *row = release_find(number);

	return row != NULL ? row : newest_release();
}

const struct release *tree_release(const char *path, const char **wrong)
{
	struct loaded *loaded = trees != NULL ? g_hash_table_lookup(trees, path) : NULL;
	struct luosim_tree *tree;

	if (loaded != NULL)
		return &loaded->release;
	tree = luosim_tree_load(path, wrong);
	if (tree == NULL)
		return NULL;
	if (trees == NULL)
		trees = g_hash_table_new(g_str_hash, g_str_equal);
	loaded = g_new0(struct loaded, 1);
	loaded->path = g_strdup(path);
	loaded->release = *row_of(luosim_tree_info(tree)->version);
	loaded->release.tree = tree;
	g_hash_table_insert(trees, loaded->path, loaded);
	return &loaded->release;
}

char *tree_identity(const struct luosim_tree *tree)
{
	const struct luosim_tree_info *info = luosim_tree_info(tree);

	return g_strdup_printf("%s%s%.16s%s, configuration %s", info->version,
			       *info->commit != '\0' ? ", commit " : "", info->commit,
			       g_str_has_suffix(info->commit, "-dirty") ? "-dirty" : "",
			       info->config);
}

bool tree_any(void)
{
	return trees != NULL;
}

static gboolean is_of(gpointer key, gpointer value, gpointer tree)
{
	(void)key;
	return ((struct loaded *)value)->release.tree == tree;
}

const char *release_label(const struct release *release)
{
	if (release->tree == NULL)
		return release->name;
	return ((struct loaded *)g_hash_table_find(trees, is_of, release->tree))->path;
}
