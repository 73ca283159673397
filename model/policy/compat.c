/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The axis compat. As merged the compatible string of what was handed over must be the
 * reader's own. Sub-components make that string longer, and change nothing here. With
 * flags a file's string ends with a word that says which features it uses, so that a
 * handler can read what another version wrote as long as it knows these.
 */
#include "machine/machine.h"
#include "policy/compat.h"

#define pr_fmt "luo: "

/* Where the word of flags is; the string before it ends with a NUL. */
#define FLAGS_AT	(LIVEUPDATE_HNDL_COMPAT_LENGTH - sizeof(u64))

static bool has_flags(const struct machine *m)
{
	return m->k->boot.release.policy.compat == COMPAT_FLAGS;
}

void compat_put(struct machine *m, const struct liveupdate_file_handler *fh, u64 serialized_data,
		char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH])
{
	u64 flags = 0;

	if (!has_flags(m))
		return;
	if (fh->ops->features)
		flags = fh->ops->features(m, serialized_data);
	compatible[FLAGS_AT - 1] = 0;
	memcpy(compatible + FLAGS_AT, &flags, sizeof(flags));
}

bool compat_matches(const struct machine *m, const struct liveupdate_file_handler *fh,
		    const char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH])
{
	return !strncmp(fh->compatible, compatible,
			has_flags(m) ? FLAGS_AT - 1 : LIVEUPDATE_HNDL_COMPAT_LENGTH);
}

int compat_check(struct machine *m, const struct liveupdate_file_handler *fh,
		 const char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH])
{
	u64 flags;

	memcpy(&flags, compatible + FLAGS_AT, sizeof(flags));
	if (!has_flags(m) || !(flags & ~fh->features))
		return 0;
	pr_warn(m, "Handler '%s' does not know features 0x%llx", fh->compatible,
		(unsigned long long)(flags & ~fh->features));
	return -EPROTO;
}

/* Up to the "-v" of its version; all of it when it has none. */
static size_t name_length(const char *compatible, size_t size)
{
	size_t len = strnlen(compatible, size), i = len;

	while (i && compatible[i - 1] >= '0' && compatible[i - 1] <= '9')
		i--;
	return i < len && i > 2 && compatible[i - 2] == '-' && compatible[i - 1] == 'v' ?
		i - 2 : len;
}

bool compat_other_version(const struct machine *m, const char *compatible,
			  const char theirs[LIVEUPDATE_FLB_COMPAT_LENGTH])
{
	size_t len = name_length(compatible, LIVEUPDATE_FLB_COMPAT_LENGTH);

	return m->k->boot.release.policy.compat != COMPAT_STRING &&
	       name_length(theirs, LIVEUPDATE_FLB_COMPAT_LENGTH) == len &&
	       !strncmp(compatible, theirs, len);
}
