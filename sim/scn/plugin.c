/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies of a designer's own, loaded from shared objects. */
#include <errno.h>
#include <string.h>

#include <gmodule.h>

#include "scn/crash.h"
#include "scn/plugin.h"

#define PLUGIN_ERROR g_quark_from_static_string("luosim-plugin")

/* A plugin as the library calls it. */
struct plugin {
	struct luosim_policy policy;
	char *path;
};

/* Path to struct plugin *; what is loaded stays. */
static GHashTable *plugins;

/* What policy_plug() has against a plugin. */
static const char *objection(int err)
{
	return err == -EPROTO ? "is made for another version of the interface, expected "
				"LUOSIM_POLICY_ABI of the installed luosim.h" :
				"lacks its name or key(), or has an unknown scope or duplicate, "
				"expected all of struct luosim_policy";
}

static bool call_key(const struct luosim_policy *policy, const struct luosim_object *object,
		     uint64_t *key)
{
	const struct plugin *plugin = (const struct plugin *)policy;
	bool has_key;

	crash_watch(plugin->path, "key()");
	has_key = policy->key(object, key);
	crash_watch(NULL, NULL);
	return has_key;
}

/* A constructor of it runs here, too. */
static GModule *open_module(const char *path)
{
	GModule *module;

	crash_init();
	crash_watch(path, "loading it");
	module = g_module_open(path, G_MODULE_BIND_LOCAL);
	crash_watch(NULL, NULL);
	return module;
}

static void keep_plugin(const char *path, const struct luosim_policy *policy)
{
	struct plugin *plugin = g_new(struct plugin, 1);

	if (plugins == NULL)
		plugins = g_hash_table_new(g_str_hash, g_str_equal);
	plugin->policy = *policy;
	plugin->path = g_strdup(path);
	g_hash_table_insert(plugins, plugin->path, plugin);
}

gboolean plugin_load(const char *path, GError **error)
{
	GModule *module;
	struct policy policy = { 0 };
	gpointer symbol;
	int err;

	if (plugins != NULL && g_hash_table_contains(plugins, path))
		return TRUE;
	module = open_module(path);
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
	g_module_make_resident(module);
	keep_plugin(path, symbol);
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
	const struct plugin *plugin =
		plugins != NULL ? g_hash_table_lookup(plugins, path) : NULL;
	const char *axes = text + strlen(path);
	struct policy new = *policy;
	int err;

	if (plugin == NULL)
		return policy_parse(text, policy, bad);
	/* What a plugin does not say is as in the presets, not as it was before. */
	policy_parse("none", &new, bad);
	err = policy_plug(&new, &plugin->policy);
	new.call_key = call_key;
	if (err == 0 && *axes != '\0')
		err = apply_axes(axes + 1, &new, bad);
	if (err == 0)
		*policy = new;
	return err;
}
