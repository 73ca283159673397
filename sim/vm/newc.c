/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes initramfs archives. */
#include <string.h>

#include "vm/newc.h"

#define TRAILER "TRAILER!!!"

/* Names and contents are padded so that what follows is aligned to four bytes. */
static void pad(FILE *out, size_t len)
{
	while (len++ % 4 != 0)
		fputc('\0', out);
}

void newc_begin(FILE *out, const char *name, unsigned int mode, size_t size)
{
	static unsigned int inode;
	size_t len = strlen(name) + 1;
	/* Owner, group, links, time, and after the size the numbers of two devices. */
	int head = fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
			   ++inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len, 0);

	fwrite(name, 1, len, out);
	pad(out, head + len);
}

void newc_end(FILE *out, size_t size)
{
	pad(out, size);
}

void newc_close(FILE *out)
{
	newc_begin(out, TRAILER, 0, 0);
}
