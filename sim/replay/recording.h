/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording: what a real kernel answered to a case, operation by operation.
 * The format is described in luosim-recording(5).
 */
#ifndef SIM_REPLAY_RECORDING_H
#define SIM_REPLAY_RECORDING_H

#include <glib.h>

/* One operation of the case and the kernel's answer. */
struct recorded_op {
	guint stage;		/* which kernel, counted from 1 */
	guint line;		/* of the case */
	char *text;		/* "preserve S M 1" */
	char *rc;		/* "0", "-EBUSY", "skipped", "badop", "panic", "hang", "lost" */
	char *data;
	GPtrArray *log;		/* of char *, what the kernel printed meanwhile */
};

struct recording {
	char *name;
	char *kernel;		/* "v7.1" */
	char *release;		/* exactly: "7.1.3", without a local version, or "" */
	char *row;		/* the release that it is held to: "v7.1.0" */
	char *end;		/* "poweroff", "panic", ... */
	char *panic;		/* the panic line, or NULL */
	gboolean panic_on_warn;
	gboolean kho, liveupdate;	/* boot arguments */
	guint hugepages;	/* the pool of each kernel */
	GArray *ops;		/* of struct recorded_op */
	GPtrArray *boot_log;	/* by stage: GPtrArray of char * */
};

/**
 * recordings_load() - read a file of recordings, one JSON object a line.
 * @path: the file. Settings that a line has not ("append") are looked for in
 *	cases/NAME.case next to it.
 * Return: an array of struct recording *, or NULL and @error "FILE:LINE: what".
 */
GPtrArray *recordings_load(const char *path, GError **error);

/** recording_parse() - likewise, one from its line; or NULL with @error set. */
struct recording *recording_parse(const char *line, GError **error);
void recording_free(struct recording *recording);

#endif
