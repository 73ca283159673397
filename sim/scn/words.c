/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbolic constants that arguments and results are written with, and errno names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "luosim.h"
#include "scn/words.h"

struct word {
	const char *name;
	guint64 value;
};

static const char *word_at(const struct word *table, guint nr, guint i, guint64 *value)
{
	if (i >= nr)
		return NULL;
	*value = table[i].value;
	return table[i].name;
}

#define WORDS(function, ...)							\
const char *function(guint i, guint64 *value)					\
{										\
	static const struct word table[] = { __VA_ARGS__ };			\
										\
	return word_at(table, G_N_ELEMENTS(table), i, value);			\
}

/* Values are the kernel's, spelled out where libc headers may lack or hide them. */
WORDS(words_memfd,
	{ "MFD_CLOEXEC", 0x1 },
	{ "MFD_ALLOW_SEALING", 0x2 },
	{ "MFD_HUGETLB", 0x4 },
	{ "MFD_NOEXEC_SEAL", 0x8 },
	{ "MFD_EXEC", 0x10 })

WORDS(words_eventfd,
	{ "EFD_SEMAPHORE", 01 },
	{ "EFD_NONBLOCK", 04000 },
	{ "EFD_CLOEXEC", 02000000 })

WORDS(words_seals,
	{ "F_SEAL_SEAL", 0x1 },
	{ "F_SEAL_SHRINK", 0x2 },
	{ "F_SEAL_GROW", 0x4 },
	{ "F_SEAL_WRITE", 0x8 },
	{ "F_SEAL_FUTURE_WRITE", 0x10 },
	{ "F_SEAL_EXEC", 0x20 })

/* Words of several bits come before the words of one of them. */
WORDS(words_open,
	{ "O_TMPFILE", 020200000 },
	{ "O_RDONLY", 0 },
	{ "O_WRONLY", 01 },
	{ "O_RDWR", 02 },
	{ "O_CREAT", 0100 },
	{ "O_EXCL", 0200 },
	{ "O_TRUNC", 01000 },
	{ "O_APPEND", 02000 },
	{ "O_NONBLOCK", 04000 },
	{ "O_LARGEFILE", 0100000 },
	{ "O_DIRECTORY", 0200000 },
	{ "O_CLOEXEC", 02000000 },
	{ "O_PATH", 010000000 })

WORDS(words_umount,
	{ "MNT_DETACH", 2 })

WORDS(words_falloc,
	{ "FALLOC_FL_KEEP_SIZE", 0x01 },
	{ "FALLOC_FL_PUNCH_HOLE", 0x02 },
	{ "FALLOC_FL_COLLAPSE_RANGE", 0x08 },
	{ "FALLOC_FL_ZERO_RANGE", 0x10 },
	{ "FALLOC_FL_INSERT_RANGE", 0x20 },
	{ "FALLOC_FL_UNSHARE_RANGE", 0x40 })

WORDS(words_ioctl,
	{ "LIVEUPDATE_IOCTL_CREATE_SESSION", LIVEUPDATE_IOCTL_CREATE_SESSION },
	{ "LIVEUPDATE_IOCTL_RETRIEVE_SESSION", LIVEUPDATE_IOCTL_RETRIEVE_SESSION },
	{ "LIVEUPDATE_SESSION_PRESERVE_FD", LIVEUPDATE_SESSION_PRESERVE_FD },
	{ "LIVEUPDATE_SESSION_RETRIEVE_FD", LIVEUPDATE_SESSION_RETRIEVE_FD },
	{ "LIVEUPDATE_SESSION_FINISH", LIVEUPDATE_SESSION_FINISH },
	{ "LIVEUPDATE_SESSION_GET_NAME", LIVEUPDATE_SESSION_GET_NAME })

WORDS(words_null, { "null", (guint64)-1 })
WORDS(words_to_end, { "-", (guint64)-1 })
WORDS(words_ioctl_how, { "ro", IOCTL_READ_ONLY }, { "raw", IOCTL_RAW })
WORDS(words_force, { "force", 1 })
WORDS(words_huge, { "never", 0 }, { "always", 1 })
WORDS(words_vmalloc, { "zeroed", VMALLOC_ZEROED }, { "huge", VMALLOC_HUGE },
	{ "user", VMALLOC_USER })
WORDS(words_images, { "file", KEXEC_FILE }, { "segments", KEXEC_SEGMENTS },
      { "crash", KEXEC_CRASH })
WORDS(words_same, { "diff", 0 }, { "same", 1 })

const char *words_files(guint i, guint64 *value)
{
	*value = i;
	return i < NR_FILE_KINDS ? file_kind_name(i) : NULL;
}

int words_find(words_fn words, const char *word, guint64 *value)
{
	const char *name;

	for (guint i = 0; (name = words(i, value)) != NULL; i++)
		if (strcmp(name, word) == 0)
			return 0;
	return -ENOENT;
}

const char *words_name(words_fn words, guint64 value)
{
	const char *name;
	guint64 v;

	for (guint i = 0; (name = words(i, &v)) != NULL; i++)
		if (v == value)
			return name;
	return NULL;
}

void words_flags(GString *out, words_fn words, guint64 value)
{
	const char *name, *bar = "";
	guint64 v;

	for (guint i = 0; (name = words(i, &v)) != NULL; i++) {
		if ((value & v) != v || (v == 0 && value != 0))
			continue;
		g_string_append_printf(out, "%s%s", bar, name);
		bar = "|";
		value &= ~v;
	}
	if (value != 0)
		g_string_append_printf(out, "%s%#" G_GINT64_MODIFIER "x", bar, value);
	else if (*bar == '\0')
		g_string_append_c(out, '0');
}

#define MAX_ERROR 133		/* EHWPOISON */

const char *errno_name(int error)
{
	return error > 0 && error <= MAX_ERROR ? strerrorname_np(error) : NULL;
}

int errno_find(const char *name)
{
	for (int error = 1; error <= MAX_ERROR; error++)
		if (g_strcmp0(errno_name(error), name) == 0)
			return error;
	return 0;
}
