/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file in which a search is written down, so that another process goes on with it. It is
 * written next to the last one and renamed, so that there is a whole one at any moment.
 *
 * What is saved and what is loaded are one list of moves, in one order: checkpoint_move()
 * and the others go in the direction of the checkpoint.
 */
#ifndef SIM_EXPLORE_CHECKPOINT_H
#define SIM_EXPLORE_CHECKPOINT_H

#include <glib.h>
#include <stdbool.h>

struct checkpoint;

/**
 * checkpoint_save() - begin to write @path.
 * @what: the lines that say what is searched and by what.
 * Return: NULL and @error when it cannot be written.
 */
struct checkpoint *checkpoint_save(const char *path, const char *what, GError **error);

/**
 * checkpoint_load() - begin to read @path.
 * Return: NULL and @error when there is none, when it is not whole, or when its lines are
 *	not those of @what: the first one that differs is named.
 */
struct checkpoint *checkpoint_load(const char *path, const char *what, GError **error);

/**
 * checkpoint_pack() - not into a file, but into memory that is allocated at checkpoint_end().
 * checkpoint_unpack() - from there.
 */
struct checkpoint *checkpoint_pack(char **bytes, gsize *size);
struct checkpoint *checkpoint_unpack(const void *bytes, gsize size);

/** checkpoint_is_loading() - in which direction does it go? */
bool checkpoint_is_loading(const struct checkpoint *c);

/** checkpoint_move() - @size bytes at @mem. */
void checkpoint_move(struct checkpoint *c, void *mem, gsize size);

/** checkpoint_move_array() - elements of an array, which is there already. */
void checkpoint_move_array(struct checkpoint *c, GArray *array);

/** checkpoint_move_string() - one that is allocated, or NULL. */
void checkpoint_move_string(struct checkpoint *c, char **string);

/**
 * checkpoint_end() - the file is complete, and replaces the one before.
 * Return: false and @error when it could not be written.
 */
bool checkpoint_end(struct checkpoint *c, GError **error);

#endif
