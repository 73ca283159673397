/* SPDX-License-Identifier: GPL-2.0-only */
/* A file in which a search is written down, see checkpoint.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "explore/checkpoint.h"
#include "scn/scn.h"

#define MAGIC	"luosim checkpoint 1\n"

/* What stands after all else. */
struct seal {
	guint64 bytes, hash;
};

struct checkpoint {
	FILE *file;
	char *path, *beside;	/* which it becomes; NULL when loading */
	XXH3_state_t *hash;
	guint64 bytes;
	int error;		/* the first one */
};

static void free_checkpoint(struct checkpoint *c)
{
	if (c->file != NULL)
		fclose(c->file);
	XXH3_freeState(c->hash);
	g_free(c->path);
	g_free(c->beside);
	g_free(c);
}

static struct checkpoint *make_checkpoint(const char *path, const char *beside, FILE *file)
{
	struct checkpoint *c = g_new0(struct checkpoint, 1);

	c->error = file != NULL ? 0 : errno;
	c->path = g_strdup(path);
	c->beside = g_strdup(beside);
	c->hash = XXH3_createState();
	XXH3_64bits_reset(c->hash);
	c->file = file;
	return c;
}

static struct checkpoint *open_checkpoint(const char *path, const char *beside)
{
	return make_checkpoint(path, beside, fopen(beside != NULL ? beside : path,
						   beside != NULL ? "wbe" : "rbe"));
}

struct checkpoint *checkpoint_pack(char **bytes, gsize *size)
{
	return make_checkpoint(NULL, "memory", open_memstream(bytes, size));
}

struct checkpoint *checkpoint_unpack(const void *bytes, gsize size)
{
	return make_checkpoint(NULL, NULL, fmemopen((void *)bytes, size, "rb"));
}

bool checkpoint_is_loading(const struct checkpoint *c)
{
	return c->beside == NULL;
}

static void fail(struct checkpoint *c, int error)
{
	if (c->error == 0)
		c->error = error;
}

void checkpoint_move(struct checkpoint *c, void *mem, gsize size)
{
	gsize moved;

	if (checkpoint_is_loading(c) && c->error != 0)
		memset(mem, 0, size);
	if (c->error != 0 || size == 0)
		return;
	errno = 0;
	moved = checkpoint_is_loading(c) ? fread(mem, 1, size, c->file) :
					   fwrite(mem, 1, size, c->file);
	if (moved != size)
		fail(c, errno != 0 ? errno : EIO);
	XXH3_64bits_update(c->hash, mem, size);
	c->bytes += size;
}

void checkpoint_move_array(struct checkpoint *c, GArray *array)
{
	guint32 len = array->len;

	checkpoint_move(c, &len, sizeof(len));
	if (checkpoint_is_loading(c))
		g_array_set_size(array, len);
	checkpoint_move(c, array->data, (gsize)len * g_array_get_element_size(array));
}

void checkpoint_move_string(struct checkpoint *c, char **string)
{
	g_autoptr(GArray) bytes = g_array_new(TRUE, FALSE, 1);

	if (!checkpoint_is_loading(c) && *string != NULL)
		g_array_append_vals(bytes, *string, strlen(*string) + 1);
	checkpoint_move_array(c, bytes);
	if (checkpoint_is_loading(c))
		*string = bytes->len > 0 ? g_strdup(bytes->data) : NULL;
}

/* ---- Saving ---- */

static bool complain(struct checkpoint *c, const char *path, GError **error)
{
	g_set_error(error, SCN_ERROR, 0, "%s: %s", path, g_strerror(c->error));
	if (c->beside != NULL)
		unlink(c->beside);
	free_checkpoint(c);
	return false;
}

struct checkpoint *checkpoint_save(const char *path, const char *what, GError **error)
{
	g_autofree char *beside = g_strconcat(path, ".new", NULL), *text = g_strdup(what);
	struct checkpoint *c = open_checkpoint(path, beside);
	char magic[] = MAGIC;

	if (c->file == NULL) {
		complain(c, beside, error);
		return NULL;
	}
	checkpoint_move(c, magic, strlen(magic));
	checkpoint_move_string(c, &text);
	return c;
}

static void sync_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool checkpoint_end(struct checkpoint *c, GError **error)
{
	struct seal seal = { .bytes = c->bytes, .hash = XXH3_64bits_digest(c->hash) };

	if (checkpoint_is_loading(c) || c->path == NULL) {
		free_checkpoint(c);
		return true;
	}
	checkpoint_move(c, &seal, sizeof(seal));
	if (c->error == 0 && (fflush(c->file) != 0 || fsync(fileno(c->file)) != 0 ||
			      rename(c->beside, c->path) != 0))
		fail(c, errno);
	if (c->error != 0)
		return complain(c, c->beside, error);
	sync_folder(c->path);
	free_checkpoint(c);
	return true;
}

/* ---- Loading ---- */

/* Is all there that was written? Then the file stands at its begin again. */
static bool is_whole(struct checkpoint *c)
{
	g_autofree char *buffer = g_malloc(1 << 20);
	struct seal seal = { 0 };
	gint64 left;

	if (fseeko(c->file, 0, SEEK_END) != 0)
		return false;
	left = ftello(c->file) - (gint64)sizeof(seal);
	rewind(c->file);
	while (left > 0 && c->error == 0) {
		gsize part = MIN(left, 1 << 20);

		checkpoint_move(c, buffer, part);
		left -= part;
	}
	if (left < 0 || c->error != 0 || fread(&seal, sizeof(seal), 1, c->file) != 1)
		return false;
	rewind(c->file);
	return seal.bytes == c->bytes && seal.hash == XXH3_64bits_digest(c->hash);
}

/* The first line that @text does not have as @what has it. */
static void name_difference(const char *path, const char *text, const char *what, GError **error)
{
	g_auto(GStrv) has = g_strsplit(text, "\n", -1), wanted = g_strsplit(what, "\n", -1);
	guint i = 0;

	while (has[i] != NULL && wanted[i] != NULL && g_str_equal(has[i], wanted[i]))
		i++;
	g_set_error(error, SCN_ERROR, 0, "%s: a checkpoint of \"%s\", expected \"%s\"", path,
		    has[i] != NULL ? has[i] : "", wanted[i] != NULL ? wanted[i] : "");
}

struct checkpoint *checkpoint_load(const char *path, const char *what, GError **error)
{
	struct checkpoint *c = open_checkpoint(path, NULL);
	char magic[sizeof(MAGIC) - 1] = "";
	g_autofree char *text = NULL;

	if (c->file == NULL) {
		complain(c, path, error);
		return NULL;
	}
	if (is_whole(c)) {
		checkpoint_move(c, magic, sizeof(magic));
		if (memcmp(magic, MAGIC, sizeof(magic)) == 0)
			checkpoint_move_string(c, &text);
	}
	if (text != NULL && g_str_equal(text, what))
		return c;
	if (text == NULL)
		g_set_error(error, SCN_ERROR, 0, "%s: no whole checkpoint, expected what "
			    "--checkpoint of this luosim has written", path);
	else
		name_difference(path, text, what, error);
	free_checkpoint(c);
	return NULL;
}
