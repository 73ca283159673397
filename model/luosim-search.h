/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a search of states needs besides luosim.h: going back to where a machine was, and
 * telling states apart. It may change with any version.
 */
#ifndef LUOSIM_SEARCH_H
#define LUOSIM_SEARCH_H

#include "luosim.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct machine_snapshot - the whole state of a machine at one moment.
 * @mem: the copy; all zero before the first machine_save(), which grows it.
 * @size: bytes at @mem.
 * @used: of which hold the copy.
 */
struct machine_snapshot {
	void *mem;
	size_t size;
	size_t used;
};

/**
 * machine_save() - copy the state of a machine.
 * @s: what it held before is overwritten.
 * Return: 0, or -ENOMEM with @s as it was. Two snapshots with equal bytes are of
 *	one state, from which the same will follow; the reverse does not hold.
 * Context: between system calls, or between the steps of a race's tasks.
 */
int machine_save(struct machine *m, struct machine_snapshot *s);

/**
 * machine_restore() - put a machine back to the moment of a snapshot.
 * @m: the machine that @s was made of. If nothing was ever saved to @s, as there was no
 *	memory, it stays as it is.
 * Context: as of machine_save().
 */
void machine_restore(struct machine *m, const struct machine_snapshot *s);

/**
 * machine_is_at() - is the machine, byte for byte, where it was saved?
 * @m: the machine that @s was made of, in no race.
 *
 * True says that the same will follow; false says nothing, as memory that was used
 * meanwhile and given back does not look as before. Violations do not count.
 */
bool machine_is_at(const struct machine *m, const struct machine_snapshot *s);

/** machine_snapshot_free() - give the copy's memory back. */
void machine_snapshot_free(struct machine_snapshot *s);

/**
 * struct machine_view - what of a machine's state counts in a search.
 * @fds: descriptors that later operations use, -1 for one that is not open; at most 64.
 * @nr_fds: how many there are.
 * @own_fds: how many of them are the running process's; the others are @other's.
 * @other: a process, or NULL.
 * @names: it matters which slot of @fds a file is in, and how sessions and tokens
 *	are called. Otherwise states that differ only in that are one state.
 * @contents: it matters what files hold, and not only which hold the same.
 * @damaged: what was handed over need not be what the preserved files were.
 * @faults: steps may fail, so that it matters how many there are.
 */
struct machine_view {
	const int *fds;
	unsigned int nr_fds, own_fds;
	const char *other;
	bool names;
	bool contents;
	bool damaged;
	bool faults;
};

/** struct machine_walk - memory that fingerprints are made in. */
struct machine_walk;

/**
 * machine_walk_dangles() - does something refer to a frame that is free, in the state whose
 * fingerprint was made last? What comes of it depends on which frame an allocation gives.
 */
bool machine_walk_dangles(const struct machine_walk *w);

/** machine_walk_new() - NULL without memory. */
struct machine_walk *machine_walk_new(void);
void machine_walk_free(struct machine_walk *w);

/**
 * machine_fingerprint() - a hash of all that can influence what a machine does from
 * here on, or what the judge says of it, but for which frame or piece of memory an
 * allocation will give.
 * @fingerprint: where to store 128 bits.
 * Context: between system calls. Without memory on the host the program ends.
 */
void machine_fingerprint(struct machine *m, struct machine_walk *w,
			 const struct machine_view *view, uint64_t fingerprint[2]);

/**
 * machine_is_preserved() - does a session have the object of descriptor @fd, preserved
 * or retrieved? An object is what the handler's get_id() tells apart.
 */
bool machine_is_preserved(struct machine *m, int fd);

/** machine_file_references() - on the open file behind @fd; 0: there is none. */
int64_t machine_file_references(struct machine *m, int fd);

/** machine_module_references() - on the module of the handler @script; 0: not loaded. */
int64_t machine_module_references(struct machine *m, unsigned int script);

/** machine_file_frame() - the frame that holds page @index of a file; 0 in a hole. */
uint64_t machine_file_frame(struct machine *m, int fd, uint64_t index);

/**
 * machine_behind() - what a call on a descriptor can reach: its inode and the frames of
 * that, or its session with the files in it. Two descriptors that have none of it in
 * common are of objects that share nothing.
 * @ids: where to store a number for each, of inodes, sessions and frames.
 * @max: how many there is room for.
 * Context: between system calls, on no kernel tree.
 * Return: how many there are, which may be more than @max.
 */
size_t machine_behind(struct machine *m, int fd, uint64_t *ids, size_t max);

/**
 * machine_shares() - may what is preserved refer to memory that is given back? So where two
 * files with a frame in common were preserved, or where a reboot that failed has left
 * something to be handed over.
 */
bool machine_shares(struct machine *m);

/* Sessions "a", "b"..., tokens 1, 2... and memfds of a reduced machine. */
#define REDUCED_MAX	8u

enum { REDUCED_ABSENT, REDUCED_OUTGOING, REDUCED_INCOMING, REDUCED_RETRIEVED };

/**
 * struct machine_reduced - a machine in its first or second kernel, as the reduced one
 * of tests/bench/luo.pml.
 * @second: it is in the second kernel.
 * @sessions: which of the four states each is in.
 * @ops: by session and token: the operation that preserved it, 0: it is free.
 * @got: likewise: 1 it was retrieved, 2 that failed.
 * @mark: its page is preserved, or can be restored.
 * @used: its page was restored.
 */
struct machine_reduced {
	bool second;
	uint8_t sessions[REDUCED_MAX];
	uint32_t ops[REDUCED_MAX][REDUCED_MAX];
	uint8_t got[REDUCED_MAX][REDUCED_MAX];
	bool mark[REDUCED_MAX], used[REDUCED_MAX];
};

/** machine_reduce() - @frames: of the one page of each of @nr memfds. */
void machine_reduce(struct machine *m, const uint64_t *frames, unsigned int nr,
		    struct machine_reduced *r);

#ifdef __cplusplus
}
#endif

#endif
