/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths such as "session[vm0].count", and where in memory is what they name. */
#ifndef MODEL_SEARCH_HANDOVER_H
#define MODEL_SEARCH_HANDOVER_H

#include "lib/types.h"

struct machine;

#define MAX_NAME	64
#define MAX_INDICES	2

/* What stands in the brackets of a path. */
struct args {
	char name[MAX_NAME + 1];	/* of a session, a subtree or an FLB */
	char field[32];			/* of what a loaded handler hands over */
	u64 token;
	u64 index[MAX_INDICES];		/* in the order of the path */
};

/* A field, or an object: without a size. */
struct handover_place {
	phys_addr_t phys;
	u32 shift, bits;	/* of a number, which begins at bit @shift of the bytes there */
	u32 bytes;		/* of a string */
	bool big_endian;
	bool pfn;		/* an address is kept as its frame number */
};

/* What of an object is meant. */
enum aspect {
	ASPECT_SELF,
	ASPECT_PRESERVED,	/* its bit in KHO's record of preserved pages */
	ASPECT_RADIX,		/* the entry of a table on the way to that bit */
};

struct field_pattern;

/* A path that was read. */
struct path {
	const struct field_pattern *field;
	struct args args;
	enum aspect aspect;
	u64 level;		/* of the table, for ASPECT_RADIX */
};

/* 0 or -ENOENT. */
int path_read(const char *text, struct path *path);
/* It has an address and no value. */
bool path_is_object(const struct path *path);
/* As handover_field() has it. */
const char *path_pattern(const struct path *path);
/* Where that is, as the running kernel lays its handover out; 0 or -ENOENT. */
int path_find(struct machine *m, const struct path *path, struct handover_place *place);

/* The bytes that a number shares with its neighbours, lowest first; which are its; it. */
u64 place_word(struct machine *m, const struct handover_place *place);
u64 place_mask(const struct handover_place *place);
u64 place_read(struct machine *m, const struct handover_place *place);

/*
 * Call @each for every field and object that the running kernel's handover has. A list is
 * told up to its 64th entry, one of numbers up to the first that is zero.
 */
void handover_each(struct machine *m,
		   void (*each)(void *data, const char *path, const struct handover_place *place),
		   void *data);

#endif
