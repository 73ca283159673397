/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a log, however it was kept: compressed, in UTF-16, with any ends of lines. */
#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

#define PART_BYTES	65536

static GString *read_bytes(const char *path, gsize max, GError **error)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "rb");
	g_autoptr(GString) text = g_string_new(NULL);
	char part[PART_BYTES];
	bool failed;
	size_t n;

	while (in != NULL && text->len < max && (n = fread(part, 1, sizeof(part), in)) > 0)
		g_string_append_len(text, part, n);
	failed = in == NULL || ferror(in);
	if (failed)
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", path,
			    g_strerror(errno));
	if (in != NULL && !is_stdin)
		fclose(in);
	return failed ? NULL : g_steal_pointer(&text);
}

static bool begins_with(const GString *text, gsize at, const char *magic)
{
	gsize len = strlen(magic);

	return text->len - at >= len && memcmp(text->str + at, magic, len) == 0;
}

/* What is no text, and no format that is read here, is told by its first bytes. */
static bool is_foreign(const GString *text, const char *path, GError **error)
{
	static const struct {
		const char *magic, *what, *advice;
	} formats[] = {
		{ "\x28\xb5\x2f\xfd", "is compressed", "zstd -dc" },
		{ "\xfd" "7zXZ", "is compressed", "xz -dc" },
		{ "BZh", "is compressed", "bzip2 -dc" },
		{ "\x04\x22\x4d\x18", "is compressed", "lz4 -dc" },
		{ "PK\x03\x04", "is an archive", "unzip -p" },
		{ "LPKSHHRH", "is a journal", "journalctl -k --file" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (!begins_with(text, 0, formats[i].magic))
			continue;
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    "%s: %s, expected text or gzip, as '%s' makes of it", path,
			    formats[i].what, formats[i].advice);
		return true;
	}
	return false;
}

/* Files of gzip may stand one after the other in a file. */
static bool unpack(GString *text, const char *path, gsize max, GError **error)
{
	g_autoptr(GConverter) gzip =
		G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
	g_autoptr(GString) plain = g_string_new(NULL);
	GConverterResult result;
	char part[PART_BYTES];
	gsize at = 0, nr_read, written;

	while (plain->len < max) {
		result = g_converter_convert(gzip, text->str + at, text->len - at, part,
					     sizeof(part), G_CONVERTER_INPUT_AT_END, &nr_read,
					     &written, error);
		if (result == G_CONVERTER_ERROR) {
			g_prefix_error(error, "%s: gzip: ", path);
			return false;
		}
		g_string_append_len(plain, part, written);
		at += nr_read;
		if (result != G_CONVERTER_FINISHED)
			continue;
		if (!begins_with(text, at, "\x1f\x8b"))
			break;
		g_converter_reset(gzip);
	}
	g_string_assign(text, "");
	g_string_append_len(text, plain->str, plain->len);
	return true;
}

/* The byte of each unit of UTF-16 that ASCII is in: 0, 1, or -1 if @text is something else. */
static int low_byte(const GString *text)
{
	gsize len = MIN(text->len, 512), zeros[2] = { 0 };

	if (begins_with(text, 0, "\xff\xfe"))
		return 0;
	if (begins_with(text, 0, "\xfe\xff"))
		return 1;
	for (gsize i = 0; i < len; i++)
		zeros[i % 2] += text->str[i] == '\0';
	if (zeros[0] == 0 && zeros[1] > len / 4)
		return 0;
	return zeros[1] == 0 && zeros[0] > len / 4 ? 1 : -1;
}

/* A kernel says all in ASCII; what else there is need not be kept. */
static void narrow(GString *text, int low)
{
	gsize len = 0;

	for (gsize i = 0; i + 1 < text->len; i += 2)
		text->str[len++] = text->str[i + 1 - low] == '\0' ? text->str[i + low] : '?';
	g_string_truncate(text, len);
}

/* Lines that all end with something else end with a newline; other NUL bytes are blanks. */
static void end_lines(GString *text)
{
	char end = '\0';

	if (memchr(text->str, '\n', text->len) != NULL)
		end = '\n';
	else if (memchr(text->str, '\r', text->len) != NULL)
		end = '\r';
	for (gsize i = 0; i < text->len; i++) {
		if (text->str[i] == end)
			text->str[i] = '\n';
		else if (text->str[i] == '\0')
			text->str[i] = ' ';
	}
}

GString *read_text(const char *path, gsize max, GError **error)
{
	g_autoptr(GString) text = read_bytes(path, max, error);
	int low;

	if (text == NULL || is_foreign(text, path, error))
		return NULL;
	if (begins_with(text, 0, "\x1f\x8b") && !unpack(text, path, max, error))
		return NULL;
	low = low_byte(text);
	if (low >= 0)
		narrow(text, low);
	end_lines(text);
	return g_steal_pointer(&text);
}
