/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel trees as releases: what luosim build-kernel has made, by path. */
#ifndef SIM_SCN_TREE_H
#define SIM_SCN_TREE_H

#include <glib.h>

#include "luosim.h"

/** tree_is_path() - does @word name an object, and no release? A path has a '/'. */
bool tree_is_path(const char *word);

/**
 * tree_release() - the release that the object at @path is: the row of its version, or the
 * newest one where there is none, with the tree's code. It is loaded once and stays.
 * Return: the release; NULL with @wrong set to what is wrong with it.
 */
const struct release *tree_release(const char *path, const char **wrong);

/** release_label() - what reports call it: the row's name, or the object's path. */
const char *release_label(const struct release *release);

/** tree_identity() - "7.3.4, commit 0a1b..., configuration 2c3d...": what it was made of. */
char *tree_identity(const struct luosim_tree *tree);

/** tree_any() - was any loaded? Machines on trees must be used by one thread. */
bool tree_any(void);

#endif
