/* SPDX-License-Identifier: GPL-2.0-only */
/* What handlers of luosim-handler.h say of themselves, those that are shipped and others. */
#include "handlers/shipped.h"

#define LUOSIM_HANDLER_HOST
#include "luosim-handler.h"

#define DECLARE(_symbol)	extern const struct luosim_handler luosim_built_in_##_symbol;
SHIPPED(DECLARE)

#define ROW(_symbol)	{ .name = #_symbol, .plugin = &luosim_built_in_##_symbol },
static const struct handler_script shipped[] = { SHIPPED(ROW) };
_Static_assert(sizeof(shipped) == NR_SHIPPED * sizeof(shipped[0]), "luosim.h counts them");

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
