/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each operation is in C, and what else the functions need that say so. Their text
 * is in guest.c.in, which the program has as a string.
 */
#include <string.h>

#include "emit/chunk.h"

static const struct {
	const char *name;	/* of its section */
	guint32 needs;
} chunks[NR_CHUNKS] = {
	[CHUNK_UAPI] = { "uapi", 0 },
	[CHUNK_UAPI_NAME] = { "uapi_name", NEED(UAPI) },
	[CHUNK_RESULT] = { "result", 0 },
	[CHUNK_SINCE] = { "since", 0 },
	[CHUNK_BYTES] = { "bytes", 0 },
	[CHUNK_ALLOC] = { "alloc", NEED(BYTES) },
	[CHUNK_REPEAT] = { "repeat", NEED(ALLOC) },
	[CHUNK_NUMBER] = { "number", NEED(ALLOC) },
	[CHUNK_JOIN] = { "join", NEED(ALLOC) },
	[CHUNK_LE] = { "le", NEED(ALLOC) },
	[CHUNK_FD] = { "fd", 0 },
	[CHUNK_STEP] = { "step", 0 },
	[CHUNK_ROUNDS] = { "rounds", NEED(STEP) },
	[CHUNK_EXPECT] = { "expect", NEED(STEP) },
	[CHUNK_EXPECT_FD] = { "expect_fd", NEED(STEP) },
	[CHUNK_ANSWER] = { "answer", NEED(BYTES) },
	[CHUNK_EXPECT_BYTES] = { "expect_bytes", NEED(STEP) | NEED(ANSWER) },
	[CHUNK_EXPECT_FIELDS] = { "expect_fields", NEED(STEP) | NEED(ANSWER) },
	[CHUNK_WRITE_FILE] = { "write_file", NEED(RESULT) },
	[CHUNK_PATTERN] = { "pattern", NEED(RESULT) | NEED(ALLOC) },
	[CHUNK_STAGE] = { "stage", NEED(UAPI) },
	[CHUNK_LOAD] = { "load", NEED(RESULT) | NEED(STAGE) },
	[CHUNK_LEAVE] = { "leave", NEED(STEP) | NEED(STAGE) },
	[CHUNK_REBOOT] = { "do_reboot", NEED(RESULT) | NEED(LEAVE) },
	[CHUNK_SUPERVISE] = { "supervise", 0 },
};

static const struct saying sayings[] = {
	{ "open", .defaults = { [1] = "O_RDWR" }, .needs = NEED(RESULT) | NEED(BYTES) },
	{ "open_file", .needs = NEED(RESULT) },
	{ "memfd_create", .defaults = { [2] = "0" }, .needs = NEED(RESULT) | NEED(BYTES) },
	{ "dup", .needs = NEED(RESULT) },
	{ "reopen", .defaults = { [1] = "O_RDWR" }, .needs = NEED(RESULT) },
	{ "close", .needs = NEED(RESULT) },
	{ "exit", .needs = NEED(SUPERVISE) },
	{ "kill", .cannot = "another process" },
	{ "send_fd", .cannot = "another process" },
	{ "recv_fd", .cannot = "another process" },
	{ "create_session", .needs = NEED(UAPI) | NEED(BYTES) },
	{ "retrieve_session", .needs = NEED(UAPI) | NEED(BYTES) },
	{ "preserve_fd", .needs = NEED(UAPI) | NEED(RESULT) },
	{ "retrieve_fd", .needs = NEED(UAPI) },
	{ "finish", .needs = NEED(UAPI) | NEED(RESULT) },
	{ "get_name", .needs = NEED(UAPI_NAME) | NEED(ANSWER) | NEED(ALLOC) },
	{ "ioctl", .defaults = { [3] = "B(\"\")" },
	  .needs = NEED(UAPI) | NEED(RESULT) | NEED(BYTES) },
	{ "write", .defaults = { [1] = "-1" }, .needs = NEED(RESULT) | NEED(BYTES) },
	{ "read", .defaults = { [1] = "-1" }, .needs = NEED(RESULT) | NEED(ANSWER) | NEED(ALLOC) },
	{ "fill", .needs = NEED(PATTERN) },
	{ "verify", .needs = NEED(PATTERN) },
	{ "sum", .needs = NEED(RESULT) | NEED(ANSWER) | NEED(ALLOC) },
	{ "lseek", .needs = NEED(RESULT) },
	{ "ftruncate", .needs = NEED(RESULT) },
	{ "fallocate", .defaults = { [3] = "0" }, .needs = NEED(RESULT) },
	{ "punch", .needs = NEED(RESULT) },
	{ "fsync", .needs = NEED(RESULT) },
	{ "add_seals", .needs = NEED(RESULT) },
	{ "get_seals", .needs = NEED(RESULT) },
	{ "setfl", .needs = NEED(RESULT) },
	{ "fstat", .needs = NEED(RESULT) | NEED(ANSWER) | NEED(ALLOC) },
	{ "same", .needs = NEED(RESULT) | NEED(ANSWER) | NEED(ALLOC) },
	{ "kexec", .needs = NEED(LOAD) | NEED(REBOOT) },
	{ "kexec_jump", .cannot = "a kernel that jumps back" },
	{ "kexec_load", .defaults = { [0] = "\"file\"" }, .needs = NEED(LOAD) },
	{ "kexec_unload", .needs = NEED(LOAD) },
	{ "reboot", .needs = NEED(REBOOT) },
	{ "nofile", .needs = NEED(RESULT) },
	{ "drop_caches", .needs = NEED(WRITE_FILE) },
	{ "shmem_enabled", .needs = NEED(WRITE_FILE) },
	{ "meminfo", .cannot = "how many pages the machine has" },
};

const struct saying *saying_of(const struct op_info *info)
{
	for (guint i = 0; i < G_N_ELEMENTS(sayings); i++)
		if (strcmp(sayings[i].op, info->name) == 0)
			return &sayings[i];
	return NULL;
}

guint32 chunk_needs(guint32 needs)
{
	for (guint i = NR_CHUNKS; i-- > 0;)
		if (needs >> i & 1)
			needs |= chunks[i].needs;
	return needs;
}

const char *chunk_name(enum chunk chunk)
{
	return chunks[chunk].name;
}

bool section_append(GString *out, const char *name)
{
	g_autofree char *mark = g_strdup_printf("\n/* @%s */\n", name);
	const char *at = strstr(guest_text, mark), *end;

	if (at == NULL)
		return false;
	at += strlen(mark);
	end = strstr(at, "\n/* @");
	g_string_append_len(out, at, end != NULL ? end - at : (gssize)strlen(at));
	g_string_append_c(out, '\n');
	return true;
}
