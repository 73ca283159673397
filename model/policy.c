/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ownership policies: what two preserved files have in common that makes them
 * one object. luo_file.c asks here and nowhere else.
 */
#include <stdio.h>

#include "machine.h"

static const struct policy presets[] = {
	{ "none", IDENTITY_NONE },
	{ "reject-file", IDENTITY_FILE },
	{ "reject-inode", IDENTITY_INODE },
	{ "get-id", IDENTITY_GET_ID },
};

static const char *const identity_names[NR_IDENTITIES] = {
	[IDENTITY_NONE] = "none",
	[IDENTITY_FILE] = "file",
	[IDENTITY_INODE] = "inode",
	[IDENTITY_GET_ID] = "get-id",
};

const struct policy *policy_presets(size_t *nr)
{
	*nr = ARRAY_SIZE(presets);
	return presets;
}

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !strncmp(word, name, len);
}

/* One preset, or one "identity=VALUE". */
static bool parse_word(const char *word, size_t len, struct policy *policy)
{
	const char axis[] = "identity=";

	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (word_is(word, len, presets[i].name)) {
			policy->identity = presets[i].identity;
			return true;
		}
	}
	if (len < strlen(axis) || strncmp(word, axis, strlen(axis)))
		return false;
	for (int i = 0; i < NR_IDENTITIES; i++) {
		if (word_is(word + strlen(axis), len - strlen(axis), identity_names[i])) {
			policy->identity = i;
			return true;
		}
	}
	return false;
}

int policy_parse(const char *text, struct policy *policy, const char **bad)
{
	struct policy new = *policy;
	const char *word = text;

	for (;;) {
		size_t len = strcspn(word, ",");

		if (!parse_word(word, len, &new) || strlen(text) >= sizeof(new.name)) {
			*bad = word;
			return -EINVAL;
		}
		if (!word[len])
			break;
		word += len + 1;
	}
	snprintf(new.name, sizeof(new.name), "%s", text);
	*policy = new;
	return 0;
}

/* The key of @file in the table of managed files; false when nothing identifies it. */
static bool policy_key(struct machine *m, struct liveupdate_file_handler *fh, struct file *file,
		       u64 *key)
{
	switch (m->k->boot.release.policy.identity) {
	case IDENTITY_FILE:
		*key = object_id(m, file);
		return true;
	case IDENTITY_INODE:
		*key = object_id(m, file_inode(file));
		return true;
	case IDENTITY_GET_ID:
		*key = fh->ops->get_id ? fh->ops->get_id(m, file) : object_id(m, file);
		return true;
	default:
		return false;
	}
}

int policy_claim(struct machine *m, struct liveupdate_file_handler *fh, struct file *file)
{
	u64 key;

	if (!policy_key(m, fh, file, &key))
		return 0;
	return xa_insert(m, &m->k->luo.preserved_files, key, file);
}

void policy_release(struct machine *m, struct liveupdate_file_handler *fh, struct file *file)
{
	u64 key;

	if (policy_key(m, fh, file, &key))
		xa_erase(m, &m->k->luo.preserved_files, key);
}
