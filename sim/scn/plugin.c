/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies and handlers of a designer's own, loaded from shared objects. */
#include <errno.h>
#include <string.h>

#include <gmodule.h>

#include "scn/crash.h"
#include "scn/op.h"
#include "scn/plugin.h"
#include "scn/words.h"

#define PLUGIN_ERROR g_quark_from_static_string("luosim-plugin")

/* A policy as the library calls it. */
struct plugin {
	struct luosim_policy policy;
	char *path;
};

/* Path to struct plugin *, and to struct handler_script *; what is loaded stays. */
static GHashTable *plugins, *handlers;

static bool call_key(const struct luosim_policy *policy, const struct luosim_object *object,
		     uint64_t *key)
{
	const struct plugin *plugin = (const struct plugin *)policy;
	bool has_key;

	crash_watch("policy", plugin->path, "key()");
	has_key = policy->key(object, key);
	crash_watch(NULL, NULL, NULL);
	return has_key;
}

static int call_permit(const struct luosim_policy *policy, const struct luosim_object *object)
{
	const struct plugin *plugin = (const struct plugin *)policy;
	int err;

	crash_watch("policy", plugin->path, "permit()");
	err = policy->permit(object);
	crash_watch(NULL, NULL, NULL);
	return err;
}

static void watch_handler(const struct handler_script *script, const char *function)
{
	if (function == NULL)
		crash_watch(NULL, NULL, NULL);
	else
		crash_watch("handler", script->path, function);
}

static void accuse_handler(const struct handler_script *script, const char *function,
			   const char *what)
{
	crash_accuse("handler", script->path, function, what);
}

/* A constructor of it runs here, too. */
static GModule *open_module(const char *what, const char *path)
{
	GModule *module;

	crash_init();
	crash_watch(what, path, "loading it");
	module = g_module_open(path, G_MODULE_BIND_LOCAL);
	crash_watch(NULL, NULL, NULL);
	return module;
}

/* What a kind of plugin exports, and the library's opinion of it. */
struct kind {
	const char *what;
	const char *symbol;
	int (*plug)(gpointer target, gconstpointer symbol);
	const char *abi, *all;		/* where that is another one, or something is missing */
};

static int plug_policy(gpointer target, gconstpointer symbol)
{
	return policy_plug(target, symbol);
}

static int plug_handler(gpointer target, gconstpointer symbol)
{
	return handler_plug(target, symbol);
}

static const struct kind policy_kind = {
	"policy", "luosim_policy", plug_policy,
	"LUOSIM_POLICY_ABI of the installed luosim.h",
	"lacks its name or key(), or has an unknown scope or duplicate, expected all of struct "
	"luosim_policy",
};

static const struct kind handler_kind = {
	"handler", "luosim_handler", plug_handler,
	"LUOSIM_HANDLER_ABI of the installed luosim-handler.h",
	"lacks its name, init() or exit(), or has a name with other characters than letters, "
	"digits, '-', '_' and '.', expected what LUOSIM_HANDLER() makes",
};

/* What @path exports, which has been given to @target; NULL: it is no such object. */
static gpointer load(const struct kind *kind, const char *path, gpointer target, GError **error)
{
	GModule *module = open_module(kind->what, path);
	gpointer symbol;
	int err;

	if (module == NULL) {
		g_set_error(error, PLUGIN_ERROR, 0, "%s %s: cannot be loaded: %s", kind->what,
			    path, g_module_error());
		return NULL;
	}
	if (!g_module_symbol(module, kind->symbol, &symbol)) {
		g_set_error(error, PLUGIN_ERROR, 0, "%s %s: exports no %s, expected a const "
			    "struct %s of that name", kind->what, path, kind->symbol,
			    kind->symbol);
		g_module_close(module);
		return NULL;
	}
	err = kind->plug(target, symbol);
	if (err == -EPROTO)
		g_set_error(error, PLUGIN_ERROR, 0, "%s %s: is made for another version of the "
			    "interface, expected %s", kind->what, path, kind->abi);
	else if (err != 0)
		g_set_error(error, PLUGIN_ERROR, 0, "%s %s: %s", kind->what, path, kind->all);
	if (err != 0) {
		g_module_close(module);
		return NULL;
	}
	g_module_make_resident(module);
	return symbol;
}

static void add_line(void *data, const struct event *event)
{
	if (event->type == EVENT_LOG && event->level >= LOG_WARN)
		g_string_append_printf(data, "; %s", event->text);
}

/* Its init() is called once in a kernel that nobody sees, which has all that there is. */
static gboolean try_init(const struct handler_script *script, GError **error)
{
	g_autoptr(GString) said = g_string_new(NULL);
	struct machine_config config = {
		.boot = { .kho = true, .liveupdate = true },
		.mem = 64 << 20, .emit = add_line, .data = said,
		.scripts = script, .nr_scripts = 1,
	};
	struct machine *m;
	int err;

	config.boot.release = *release_find("next");
	config.boot.release.handlers = 0;
	m = machine_new(&config);
	if (m == NULL)
		return TRUE;
	g_string_truncate(said, 0);
	err = sys_insmod(m, script->name);
	machine_free(m);
	if (err != 0)
		g_set_error(error, PLUGIN_ERROR, 0, "handler %s: init() returned %s%s%s, expected "
			    "0", script->path, err < 0 && errno_name(-err) != NULL ? "-" : "",
			    err < 0 && errno_name(-err) != NULL ? errno_name(-err) : "no errno",
			    said->str);
	return err == 0;
}

gboolean plugin_load(const char *path, GError **error)
{
	const struct luosim_policy *symbol;
	struct policy policy = { 0 };
	struct plugin *plugin;

	if (plugins == NULL)
		plugins = g_hash_table_new(g_str_hash, g_str_equal);
	if (g_hash_table_contains(plugins, path))
		return TRUE;
	symbol = load(&policy_kind, path, &policy, error);
	if (symbol == NULL)
		return FALSE;
	plugin = g_new(struct plugin, 1);
	plugin->policy = *symbol;
	plugin->path = g_strdup(path);
	g_hash_table_insert(plugins, plugin->path, plugin);
	return TRUE;
}

gboolean handler_load(const char *path, struct handler_script *script, GError **error)
{
	struct handler_script *loaded;

	if (handlers == NULL)
		handlers = g_hash_table_new(g_str_hash, g_str_equal);
	loaded = g_hash_table_lookup(handlers, path);
	if (loaded == NULL) {
		struct handler_script new = {
			.path = g_intern_string(path),
			.watch = watch_handler, .accuse = accuse_handler,
		};
		const char *word;

		if (load(&handler_kind, path, &new, error) == NULL || !try_init(&new, error))
			return FALSE;
		word = op_load(&new);
		if (word != NULL) {
			g_set_error(error, PLUGIN_ERROR, 0, "handler %s: brings an operation '%s', "
				    "which there is already, expected another name", path, word);
			return FALSE;
		}
		loaded = g_memdup2(&new, sizeof(new));
		g_hash_table_insert(handlers, (char *)new.path, loaded);
	}
	*script = *loaded;
	return TRUE;
}

/* @path as seen from @folder, both absolute. */
static char *seen_from(const char *path, const char *folder)
{
	g_auto(GStrv) to = g_strsplit(path, "/", -1), from = g_strsplit(folder, "/", -1);
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *rest = NULL;
	guint same = 0;

	while (to[same] != NULL && g_strcmp0(to[same], from[same]) == 0)
		same++;
	for (guint i = same; from[i] != NULL && *from[i] != '\0'; i++)
		g_string_append(out, "../");
	if (out->len == 0)
		g_string_append(out, "./");
	rest = g_strjoinv("/", to + same);
	g_string_append(out, rest);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

char *handler_path(const struct handler_script *script, const char *folder)
{
	g_autofree char *from = g_canonicalize_filename(folder != NULL ? folder : ".", NULL);
	g_autofree char *to = NULL;
	GHashTableIter iter;
	gpointer path = (gpointer)script->path, loaded;

	/* A scenario has it as seen from where it is itself. */
	g_hash_table_iter_init(&iter, handlers);
	while (g_hash_table_iter_next(&iter, &path, &loaded))
		if (((struct handler_script *)loaded)->plugin == script->plugin)
			break;
	if (g_path_is_absolute(path))
		return g_strdup(path);
	to = g_canonicalize_filename(path, NULL);
	return seen_from(to, from);
}

/* Values of axes after the plugin that @policy is; not another identity. */
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
	new.call_permit = call_permit;
	if (err == 0 && *axes != '\0')
		err = apply_axes(axes + 1, &new, bad);
	if (err == 0)
		*policy = new;
	return err;
}
