/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ownership policy that uses credentials, as an example: who may preserve an object.
 * A user's process preserves only what a process of that user made; user 0 everything. What
 * is the same object is what get_id() says.
 *
 *	cc -shared -fPIC $(pkg-config --cflags luosim) -o by-owner.so by-owner.c
 *	luosim --policy=./by-owner.so scenarios/policies/another-users-file.scn
 */
#include <errno.h>

#include <luosim.h>

static int permit(const struct luosim_object *object)
{
	return object->uid == 0 || object->owner == object->uid ? 0 : -EPERM;
}

static bool key(const struct luosim_object *object, uint64_t *out)
{
	*out = object->id;
	return true;
}

const struct luosim_policy luosim_policy = {
	.abi = LUOSIM_POLICY_ABI,
	.name = "by-owner",
	.key = key,
	.scope = SCOPE_GLOBAL,
	.duplicate = DUPLICATE_BUSY,
	.permit = permit,
};
