/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of what is shipped: handlers of handlers/ at the top of the tree; and what
 * handlers of luosim-handler.h say of themselves.
 */
#include "handlers/shipped.h"

#define LUOSIM_HANDLER_HOST
#include "luosim-handler.h"

extern const struct luosim_handler luosim_built_in_vfio, luosim_built_in_kvm,
	luosim_built_in_guest_memfd, luosim_built_in_eventfd_luo, luosim_built_in_cpu;

static const struct handler_script shipped[NR_SHIPPED] = {
	{ .name = "vfio", .plugin = &luosim_built_in_vfio },
	{ .name = "kvm", .plugin = &luosim_built_in_kvm },
	{ .name = "guest_memfd", .plugin = &luosim_built_in_guest_memfd },
	{ .name = "eventfd_luo", .plugin = &luosim_built_in_eventfd_luo },
	{ .name = "cpu", .plugin = &luosim_built_in_cpu },
};

const struct handler_script *handler_shipped(unsigned int i)
{
	return i < NR_SHIPPED ? &shipped[i] : NULL;
}

const struct luosim_call *handler_calls(const struct handler_script *script)
{
	return script->plugin ? script->plugin->calls : NULL;
}

const struct luosim_kind *handler_kinds(const struct handler_script *script)
{
	return script->plugin ? script->plugin->kinds : NULL;
}

const char *handler_field(const struct handler_script *script, unsigned int i, unsigned int *bits)
{
	const struct luosim_field *field = script->plugin ? script->plugin->fields : NULL;

	while (field && field->name && i--)
		field++;
	if (!field || !field->name)
		return NULL;
	*bits = field->bits;
	return field->name;
}

const char *const *handler_names(const struct handler_script *script)
{
	return script->plugin ? script->plugin->names : NULL;
}
