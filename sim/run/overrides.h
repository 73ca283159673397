/* SPDX-License-Identifier: GPL-2.0-only */
/* The command-line options that change the kernels which scenarios run on. */
#ifndef SIM_RUN_OVERRIDES_H
#define SIM_RUN_OVERRIDES_H

#include "run/run.h"

struct overrides *overrides_new(void);
void overrides_free(struct overrides *o);

/** overrides_copy() - the same releases and settings, to change further. */
struct overrides *overrides_copy(const struct overrides *o);

/**
 * overrides_parse() - parse the command line of a command that runs scenarios.
 * @entries: the command's own options, which --help lists behind those of @o.
 * @files: what else there may be, in the words of --help.
 * @description: more text below the options, or NULL.
 */
bool overrides_parse(struct overrides *o, const GOptionEntry *entries, const char *files,
		     const char *summary, const char *description, int argc, char **argv,
		     GError **error);

/** overrides_time_limit() - --time-limit, for @entries of commands that have it. */
gboolean overrides_time_limit(const char *option, const char *value, gpointer overrides,
			      GError **error);

/**
 * overrides_set() - add a setting as a kernel heading has it: "with=FIX".
 * @what: what messages call its place.
 */
gboolean overrides_set(struct overrides *o, const char *what, const char *text, GError **error);

/** overrides_policy_name() - the policy that was set last, as it was written; or NULL. */
const char *overrides_policy_name(const struct overrides *o);

/** overrides_drop() - forget all settings of that kind. */
void overrides_drop(struct overrides *o, enum setting_kind kind);

/**
 * struct subject - one policy or release of a list on the command line.
 * @name: as it was written, '+' being ','.
 */
struct subject {
	char *name;
	struct overrides *overrides;
};

/**
 * subjects_parse() - each policy of "P1,P2...", or release of "R1,R2...", or "all" of them.
 * @o: what the command line says of each.
 * @policies: joined by ',', the parts of each by '+'; or NULL.
 * @releases: or NULL, in which case there are @policies.
 *
 * It fails when both are given, or one is given with --policy or --kernel.
 * Return: an array of struct subject; or NULL, with @error set.
 */
GPtrArray *subjects_parse(const struct overrides *o, const char *policies, const char *releases,
			  GError **error);

/** releases_parse() - "R,R2...": append each row of release_table() to @releases. */
gboolean releases_parse(const char *what, const char *text, GPtrArray *releases, GError **error);

/** overrides_tree() - the first kernel tree among the releases, or NULL. */
const struct release *overrides_tree(const struct overrides *o);

#endif
