/* SPDX-License-Identifier: GPL-2.0-only */
/* The test pattern of fill() and verify(): a byte for each offset and seed. */
#ifndef SIM_SCN_PATTERN_H
#define SIM_SCN_PATTERN_H

#include <glib.h>

/** pattern_fill() - the bytes of @len offsets from @off on. */
void pattern_fill(guint8 *buf, guint64 off, gsize len, guint64 seed);

#endif
