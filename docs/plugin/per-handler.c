/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ownership policy of one's own, as an example. get-id has one name space for
 * all handlers, so that two whose get_id() say the same number are in each other's
 * way. Here every handler has a name space of its own.
 *
 *	cc -shared -fPIC $(pkg-config --cflags luosim) -o per-handler.so per-handler.c
 *	luosim --policy=./per-handler.so scenarios/policies/scripted-same-id.scn
 */
#include <luosim.h>

/* FNV-1a of the handler's name and the object's id. */
static bool key(const struct luosim_object *object, uint64_t *out)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *c = object->compatible; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	for (int shift = 0; shift < 64; shift += 8)
		hash = (hash ^ (object->id >> shift & 0xff)) * 0x100000001b3;
	*out = hash;
	return true;
}

const struct luosim_policy luosim_policy = {
	.abi = LUOSIM_POLICY_ABI,
	.name = "per-handler",
	.key = key,
	.scope = SCOPE_GLOBAL,
	.duplicate = DUPLICATE_BUSY,
};
