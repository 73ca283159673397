/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies of a designer's own, loaded from shared objects. */
#include <errno.h>
#include <string.h>

#include <gmodule.h>

#include "scn/plugin.h"

#define PLUGIN_ERROR g_quark_from_static_string("luosim-plugin")

/* Path to const struct luosim_policy *; what is loaded stays. */
static GHashTable *plugins;

/* What policy_plug() has against a plugin. */
static const char *objection(int err)
{
	return err == -EPROTO ? "is made for another version of the interface, expected "
				"LUOSIM_POLICY_ABI of the installed luosim.h" :
				"lacks its name or key(), or has an unknown scope or duplicate, "
				"expected all of struct luosim_policy";
}

gboolean plugin_load(const char *path, GError **error)
{
	GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
	struct policy policy = { 0 };
	gpointer symbol;
	int err;

	if (module == NULL) {
		g_set_error(error, PLUGIN_ERROR, 0, "policy %s: cannot be loaded: %s", path,
			    g_module_error());
		return FALSE;
	}
	if (!g_module_symbol(module, "luosim_policy", &symbol)) {
		g_set_error(error, PLUGIN_ERROR, 0, "policy %s: exports no luosim_policy, expected "
			    "a const struct luosim_policy of that name", path);
		g_module_close(module);
		return FALSE;
	}
	err = policy_plug(&policy, symbol);
	if (err != 0) {
		g_set_error(error, PLUGIN_ERROR, 0, "policy %s: %s", path, objection(err));
		g_module_close(module);
		return FALSE;
	}
	if (plugins == NULL)
		plugins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_module_make_resident(module);
	g_hash_table_insert(plugins, g_strdup(path), symbol);
	return TRUE;
}

/* Values of axes behind the plugin that @policy is; not another identity. */
static int apply_axes(const char *text, struct policy *policy, const char **bad)
{
	g_autofree char *name = g_strdup_printf("%s,%s", policy->name, text);
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	const char *ignored;

	*bad = text;
	if (*text == '\0' || strlen(name) >= sizeof(policy->name))
		return -EINVAL;
	for (guint i = 0; words[i] != NULL; i++) {
		if (policy_parse(words[i], policy, &ignored) != 0 ||
		    policy->identity != IDENTITY_PLUGIN)
			return -EINVAL;
		*bad += strlen(words[i]) + 1;
	}
	g_strlcpy(policy->name, name, sizeof(policy->name));
	return 0;
}

int policy_apply(const char *text, struct policy *policy, const char **bad)
{
	g_autofree char *path = g_strndup(text, strcspn(text, ","));
	const struct luosim_policy *plugin =
		plugins != NULL ? g_hash_table_lookup(plugins, path) : NULL;
	const char *axes = text + strlen(path);
	struct policy new = *policy;
	int err;

	if (plugin == NULL)
		return policy_parse(text, policy, bad);
	/* What a plugin does not say is as in the presets, not as it was before. */
	policy_parse("none", &new, bad);
	err = policy_plug(&new, plugin);
	if (err == 0 && *axes != '\0')
		err = apply_axes(axes + 1, &new, bad);
	if (err == 0)
		*policy = new;
	return err;
}
