/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Are two states that a search takes for one alike? Every operation is done in both, and
 * the results compared. Do two operations that it takes for independent lead to the
 * same in either order?
 */
#ifndef SIM_EXPLORE_AUDIT_H
#define SIM_EXPLORE_AUDIT_H

#include "explore/world.h"

struct audit;

/**
 * struct audit_difference - what tells two paths apart.
 * @paths: of struct path_step, with the operation as the last one where it can be done.
 * @at_end: it shows when all is closed after them.
 * @text: what differs.
 */
struct audit_difference {
	GArray *paths[2];
	bool at_end;
	char *text;
};

/**
 * audit_new() - for a search of @world; see struct explore_options for the others.
 * Return: NULL when there is no memory for a machine.
 */
struct audit *audit_new(const struct world *world, bool symmetry, bool prune, bool through);
void audit_free(struct audit *audit);

/**
 * audit_compare() - do the two paths, of struct path_step, end in states that are alike?
 * Return: NULL if so.
 */
struct audit_difference *audit_compare(struct audit *audit, GArray *first, GArray *second);

/**
 * audit_orders() - do two operations after @path, of struct path_step, lead to the same in
 * either order?
 * @refused: @two is refused without a trace, also after @one.
 * Return: NULL if so.
 */
struct audit_difference *audit_orders(struct audit *audit, GArray *path, guint one, guint two,
				      bool refused);
void difference_free(struct audit_difference *d);

/** difference_scenario() - path @nr of the two as a scenario of that name. */
char *difference_scenario(const struct audit_difference *d, guint nr, const struct world *world,
			  const struct overrides *overrides, const char *name);

#endif
