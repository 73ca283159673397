/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbolic constants that arguments and results are written with, and errno names. */
#ifndef SIM_SCN_WORDS_H
#define SIM_SCN_WORDS_H

#include <glib.h>

/* The @i-th word of a table and its @value, or NULL after the last. */
typedef const char *(*words_fn)(guint i, guint64 *value);

const char *words_memfd(guint i, guint64 *value);	/* MFD_* */
const char *words_eventfd(guint i, guint64 *value);	/* EFD_* */
const char *words_seals(guint i, guint64 *value);	/* F_SEAL_* */
const char *words_open(guint i, guint64 *value);	/* O_* */
const char *words_umount(guint i, guint64 *value);	/* MNT_DETACH */
const char *words_falloc(guint i, guint64 *value);	/* FALLOC_FL_* */
const char *words_ioctl(guint i, guint64 *value);	/* LIVEUPDATE_* commands */
const char *words_null(guint i, guint64 *value);	/* "null" is -1 */
const char *words_to_end(guint i, guint64 *value);	/* "-" is -1 */
#define IOCTL_READ_ONLY	1
#define IOCTL_RAW	2
const char *words_ioctl_how(guint i, guint64 *value);	/* "ro", "raw" */
const char *words_force(guint i, guint64 *value);	/* "force" */
const char *words_huge(guint i, guint64 *value);	/* never, always */
const char *words_vmalloc(guint i, guint64 *value);	/* zeroed, huge, user */
const char *words_images(guint i, guint64 *value);	/* file, segments */
const char *words_same(guint i, guint64 *value);	/* diff, same */
const char *words_files(guint i, guint64 *value);	/* enum file_kind */

/** words_find() - the value of @word, or -ENOENT. */
int words_find(words_fn words, const char *word, guint64 *value);

/** words_name() - the word for @value, or NULL. */
const char *words_name(words_fn words, guint64 value);

/** words_flags() - append @value as words joined with '|'; what has none in hex. */
void words_flags(GString *out, words_fn words, guint64 value);

/** errno_name() - "EBUSY", or NULL. */
const char *errno_name(int error);

/** errno_find() - the number of "EBUSY", or 0. */
int errno_find(const char *name);

#endif
