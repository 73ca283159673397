/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ownership policies as data: the axes with their values, the presets, and how
 * they are named. What they do is in managed.c.
 */
#include <stddef.h>
#include <stdio.h>

#include "machine/machine.h"

/* identity, scope, duplicate, restore; the other axes stay the release's. */
static const struct policy presets[] = {
	{ .name = "none", .identity = IDENTITY_NONE },
	{ .name = "reject-file", .identity = IDENTITY_FILE },
	{ .name = "reject-inode", .identity = IDENTITY_INODE },
	{ .name = "inode-flag", .identity = IDENTITY_INODE_FLAG, .scope = SCOPE_GLOBAL_OUTGOING },
	{ .name = "inode-managed", .identity = IDENTITY_INODE_FLAG },
	{ .name = "get-id", .identity = IDENTITY_GET_ID },
	{ .name = "in-handler", .identity = IDENTITY_GET_ID, .scope = SCOPE_GLOBAL_OUTGOING },
	{ .name = "in-session", .identity = IDENTITY_GET_ID, .scope = SCOPE_SESSION },
	{ .name = "share", .identity = IDENTITY_GET_ID, .duplicate = DUPLICATE_SHARE },
	{ .name = "refcount", .identity = IDENTITY_NONE, .restore = RESTORE_REFCOUNT },
};

static const char *const identities[] = {
	"none", "file", "inode", "inode-flag", "get-id", "plugin", NULL
};
static const char *const scopes[] = { "global", "global-outgoing", "session", NULL };
static const char *const duplicates[] = { "busy", "accept", "share", NULL };
static const char *const restores[] = { "one-shot", "refcount", NULL };
static const char *const deserialize_failures[] = {
	"release", "ignore", "latch", "rollback", "panic", NULL
};
static const char *const retrieve_failures[] = { "release", "retry", "latch", NULL };
static const char *const reboot_gates[] = {
	"release", "none", "flag", "pin", "flag-pin", "count", "header-rwsem", "rwsem", NULL
};

static const char *const session_closes[] = { "stuck", "again", "refused", NULL };
static const char *const session_inodes[] = { "shared", "own", "magic", NULL };
static const char *const compats[] = { "string", "sub", "flags", NULL };

static const struct axis {
	const char *name;
	const char *const *values;
	size_t offset;			/* of the member, an enum */
} axes[] = {
	{ "identity", identities, offsetof(struct policy, identity) },
	{ "scope", scopes, offsetof(struct policy, scope) },
	{ "duplicate", duplicates, offsetof(struct policy, duplicate) },
	{ "restore", restores, offsetof(struct policy, restore) },
	{ "deserialize", deserialize_failures, offsetof(struct policy, deserialize) },
	{ "retrieve", retrieve_failures, offsetof(struct policy, retrieve) },
	{ "gate", reboot_gates, offsetof(struct policy, gate) },
	{ "session-close", session_closes, offsetof(struct policy, session_close) },
	{ "session-inode", session_inodes, offsetof(struct policy, session_inode) },
	{ "compat", compats, offsetof(struct policy, compat) },
};

/* The enums of struct policy have the size of an unsigned int. */
static void set_value(struct policy *policy, const struct axis *axis, unsigned int value)
{
	memcpy((char *)policy + axis->offset, &value, sizeof(value));
}

static unsigned int value_of(const struct policy *policy, const struct axis *axis)
{
	unsigned int value;

	memcpy(&value, (const char *)policy + axis->offset, sizeof(value));
	return value;
}

const struct policy *policy_presets(size_t *nr)
{
	*nr = ARRAY_SIZE(presets);
	return presets;
}

const char *policy_axis(size_t axis, const char *const **values)
{
	if (axis >= ARRAY_SIZE(axes))
		return NULL;
	*values = axes[axis].values;
	return axes[axis].name;
}

const char *policy_value(const struct policy *policy, size_t axis)
{
	return axes[axis].values[value_of(policy, &axes[axis])];
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(axes); i++)
		if (value_of(a, &axes[i]) != value_of(b, &axes[i]))
			return false;
	return a->plugin == b->plugin;
}

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !strncmp(word, name, len);
}

static bool parse_preset(const char *word, size_t len, struct policy *policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (!word_is(word, len, presets[i].name))
			continue;
		policy->identity = presets[i].identity;
		policy->scope = presets[i].scope;
		policy->duplicate = presets[i].duplicate;
		policy->restore = presets[i].restore;
		return true;
	}
	return false;
}

/* "AXIS=VALUE"; the names that others used for a value are understood, too. */
static bool parse_value(const char *word, size_t len, struct policy *policy)
{
	size_t name = strcspn(word, "=,");
	const char *value = word + name + 1;

	if (name >= len)
		return false;
	len -= name + 1;
	if (word_is(value, len, "unique-handle")) {
		value = "get-id";
		len = strlen(value);
	}
	for (size_t a = 0; a < ARRAY_SIZE(axes); a++) {
		if (!word_is(word, name, axes[a].name))
			continue;
		for (unsigned int v = 0; axes[a].values[v]; v++) {
			/* A plugin comes with policy_plug(). */
			if (!word_is(value, len, axes[a].values[v]) ||
			    !strcmp(axes[a].values[v], "plugin"))
				continue;
			set_value(policy, &axes[a], v);
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

		if (strlen(text) >= sizeof(new.name) ||
		    !(parse_preset(word, len, &new) || parse_value(word, len, &new))) {
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

int policy_plug(struct policy *policy, const struct luosim_policy *plugin)
{
	if (plugin->abi != LUOSIM_POLICY_ABI)
		return -EPROTO;
	if (!plugin->name || !*plugin->name || strlen(plugin->name) > 31 || !plugin->key ||
	    (unsigned int)plugin->scope >= NR_SCOPES ||
	    (unsigned int)plugin->duplicate >= NR_DUPLICATES)
		return -EINVAL;
	snprintf(policy->name, sizeof(policy->name), "%s", plugin->name);
	policy->identity = IDENTITY_PLUGIN;
	policy->scope = plugin->scope;
	policy->duplicate = plugin->duplicate;
	policy->plugin = plugin;
	return 0;
}
