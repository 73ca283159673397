/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What page frames hold. Most frames are all zero, or hold a few bytes of some
 * serialized structure, so that a frame stores one span of bytes and everything
 * outside it reads as zero, or as garbage in a frame that was scrambled.
 */
#include <xxhash.h>

#include "machine/machine.h"

/* The span of a frame; a frame whose handle has DATA_FULL stores 4096 bytes and no header. */
struct span {
	u16 start;
	u16 len;
	u32 cap;
	u8 bytes[];
};

#define DATA_FULL	(1u << 31)
#define DATA_SHIFT	4
#define SPAN_MIN	24u
#define SPAN_MAX	1016u		/* with its header still a class of the arena */

static void *data_ptr(struct machine *m, u32 data)
{
	return m->persist.base + ((u64)(data & ~DATA_FULL) << DATA_SHIFT);
}

static u32 data_handle(struct machine *m, const void *ptr, u32 flags)
{
	return (u32)((u64)((const char *)ptr - m->persist.base) >> DATA_SHIFT) | flags;
}

static void *data_alloc(struct machine *m, u64 size)
{
	void *ptr = arena_alloc(&m->persist, size);

	if (!ptr || (u64)((char *)ptr - m->persist.base) >> DATA_SHIFT >= DATA_FULL)
		simulator_panic(m, "host memory reserved for page contents is used up");
	return ptr;
}

static u8 garbage(u64 pfn, u32 off)
{
	return 0xa5 ^ (u8)(pfn * 29) ^ (u8)(off * 13 + (off >> 8));
}

/* What frames are scrambled with differs in one byte: @base is that of frame 0, or NULL. */
void phys_fill_garbage(const u8 *base, u64 pfn, u8 *page)
{
	for (u32 off = 0; off < PAGE_SIZE; off++)
		page[off] = base ? base[off] ^ (u8)(pfn * 29) : garbage(pfn, off);
}

bool phys_is_garbage(const u8 *base, u64 pfn, const u8 *page)
{
	const u64 *want = (const u64 *)base, *word = (const u64 *)page;
	u64 own = (u8)(pfn * 29) * 0x0101010101010101ull, differs = 0;

	if ((want[0] ^ word[0]) != own)
		return false;
	for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		differs |= want[i] ^ word[i] ^ own;
	return !differs;
}

static void data_free(struct machine *m, struct page *page)
{
	if (page->data & DATA_FULL) {
		arena_free(&m->persist, data_ptr(m, page->data), PAGE_SIZE);
	} else if (page->data) {
		struct span *span = data_ptr(m, page->data);

		arena_free(&m->persist, span, sizeof(*span) + span->cap);
	}
	page->data = 0;
}

void frames_use(struct machine *m, u64 pfn, u64 end)
{
	for (; pfn < end; pfn++)
		m->memmap[pfn].flags |= PG_USED;
	m->top = max(m->top, end);
}

void phys_drop(struct machine *m, u64 pfn, bool scramble)
{
	struct page *page = &m->memmap[pfn];
	u8 *ram = m->memory.ram ? m->memory.ram + PFN_PHYS(pfn) : NULL;

	data_free(m, page);
	if (ram && scramble)
		phys_fill_garbage(m->memory.garbage, pfn, ram);
	else if (ram)
		memset(ram, 0, PAGE_SIZE);
	if (scramble)
		page->flags |= PG_SCRAMBLED;
	else
		page->flags &= ~PG_SCRAMBLED;
}

/* What the frame reads as outside its span. */
static void fill(struct machine *m, const struct page *page, u32 off, u8 *buf, u32 len)
{
	if (!(page->flags & PG_SCRAMBLED)) {
		memset(buf, 0, len);
		return;
	}
	for (u32 i = 0; i < len; i++)
		buf[i] = garbage(page - m->memmap, off + i);
}

/* Where a tree's kernel has run, memory is as its code sees it. */
static u8 *frame_ram(struct machine *m, const struct page *page)
{
	return m->memory.ram + PFN_PHYS(page - m->memmap);
}

static void frame_read(struct machine *m, const struct page *page, u32 off, u8 *buf, u32 len)
{
	const struct span *span;
	u32 from, to;

	if (m->memory.ram) {
		memcpy(buf, frame_ram(m, page) + off, len);
		return;
	}
	if (page->data & DATA_FULL) {
		memcpy(buf, (u8 *)data_ptr(m, page->data) + off, len);
		return;
	}
	if (!page->data) {
		fill(m, page, off, buf, len);
		return;
	}
	span = data_ptr(m, page->data);
	from = max(off, (u32)span->start);
	to = min(off + len, (u32)span->start + span->len);
	if (from >= to) {
		fill(m, page, off, buf, len);
		return;
	}
	fill(m, page, off, buf, from - off);
	memcpy(buf + (from - off), span->bytes + (from - span->start), to - from);
	fill(m, page, to, buf + (to - off), off + len - to);
}

/* Make the frame's store cover [off, off + len); returns where byte @off is. */
static u8 *frame_store(struct machine *m, struct page *page, u32 off, u32 len)
{
	struct span *old = NULL, *span;
	u32 start = off, end = off + len, cap;

	if (m->memory.ram)
		return frame_ram(m, page) + off;
	if (page->data & DATA_FULL)
		return (u8 *)data_ptr(m, page->data) + off;
	if (page->data) {
		old = data_ptr(m, page->data);
		start = min(off, (u32)old->start);
		end = max(end, (u32)old->start + old->len);
		if (start == old->start && end - start <= old->cap) {
			fill(m, page, start + old->len, old->bytes + old->len,
			     end - start - old->len);
			old->len = end - start;
			return old->bytes + (off - start);
		}
	}
	cap = max(end - start, old ? 2 * old->cap + (u32)sizeof(*old) : SPAN_MIN);
	if (cap > SPAN_MAX) {
		u8 *full = data_alloc(m, PAGE_SIZE);

		frame_read(m, page, 0, full, PAGE_SIZE);
		data_free(m, page);
		page->data = data_handle(m, full, DATA_FULL);
		return full + off;
	}
	span = data_alloc(m, sizeof(*span) + cap);
	*span = (struct span){ .start = start, .len = end - start, .cap = cap };
	frame_read(m, page, start, span->bytes, span->len);
	data_free(m, page);
	page->data = data_handle(m, span, 0);
	return span->bytes + (off - start);
}

static bool all_zero(const u8 *buf, u32 len)
{
	return !len || (!buf[0] && !memcmp(buf, buf + 1, len - 1));
}

static void frame_write(struct machine *m, struct page *page, u32 off, const u8 *buf, u32 len)
{
	/* Zeroes in a frame that is zero need no store. */
	if (!m->memory.ram && !page->data && !(page->flags & PG_SCRAMBLED) && all_zero(buf, len))
		return;
	memcpy(frame_store(m, page, off, len), buf, len);
}

static void frame_zero(struct machine *m, struct page *page, u32 off, u32 len)
{
	if (len == PAGE_SIZE)
		phys_drop(m, page - m->memmap, false);
	else if (m->memory.ram || page->data || (page->flags & PG_SCRAMBLED))
		memset(frame_store(m, page, off, len), 0, len);
}

/* The part of [phys, phys + size) that lies in the first frame. */
static struct page *first_frame(struct machine *m, phys_addr_t phys, u64 size, u32 *off, u32 *len)
{
	struct page *page = pfn_to_page(m, PHYS_PFN(phys));

	*off = phys & ~PAGE_MASK;
	*len = min(size, PAGE_SIZE - *off);
	frames_use(m, PHYS_PFN(phys), PHYS_PFN(phys) + 1);
	return page;
}

void phys_read(struct machine *m, phys_addr_t phys, void *buf, u64 size)
{
	u32 off, len;

	for (u8 *p = buf; size; p += len, phys += len, size -= len) {
		struct page *page = first_frame(m, phys, size, &off, &len);

		frame_read(m, page, off, p, len);
	}
}

static bool zero_word(const u8 *at)
{
	u64 word;

	memcpy(&word, at, sizeof(word));
	return !word;
}

/* From @off on, the first byte of the frame that may begin a word that is not zero. */
static u32 skip_zeros(struct machine *m, const struct page *page, u32 off)
{
	const struct span *span = data_ptr(m, page->data);
	const u8 *bytes = span->bytes;
	u32 start = span->start, end = start + span->len;

	if (m->memory.ram || page->flags & PG_SCRAMBLED)
		return off;
	if (!page->data)
		return PAGE_SIZE;
	if (page->data & DATA_FULL) {
		bytes = (const u8 *)span;
		start = 0;
		end = PAGE_SIZE;
	}
	off = max(off, start);
	while (off + sizeof(u64) <= end && zero_word(bytes + (off - start)))
		off += sizeof(u64);
	return off < end ? off : PAGE_SIZE;
}

bool phys_next_word(struct machine *m, phys_addr_t phys, u32 *i, u64 *word)
{
	while (*i < PAGE_SIZE / sizeof(*word)) {
		phys_addr_t at = phys + *i * sizeof(*word);
		u32 off, len, skip;
		struct page *page = first_frame(m, at, sizeof(*word), &off, &len);

		/* Only for speed: what is not skipped is read as zeros. */
		skip = skip_zeros(m, page, off) - off;
		if (skip >= sizeof(*word)) {
			*i += skip / sizeof(*word);
			continue;
		}
		phys_read(m, at, word, sizeof(*word));
		if (*word)
			return true;
		++*i;
	}
	return false;
}

void phys_write(struct machine *m, phys_addr_t phys, const void *buf, u64 size)
{
	u32 off, len;

	for (const u8 *p = buf; size; p += len, phys += len, size -= len) {
		struct page *page = first_frame(m, phys, size, &off, &len);

		frame_write(m, page, off, p, len);
	}
}

void phys_zero(struct machine *m, phys_addr_t phys, u64 size)
{
	u32 off, len;

	for (; size; phys += len, size -= len) {
		struct page *page = first_frame(m, phys, size, &off, &len);

		frame_zero(m, page, off, len);
	}
}

u8 *phys_byte(struct machine *m, phys_addr_t phys)
{
	u32 off, len;
	struct page *page = first_frame(m, phys, 1, &off, &len);

	return frame_store(m, page, off, len);
}

/* Of what is not zero, so that it does not matter how it is stored. */
static u64 hash_trimmed(const u8 *buf, u32 len, u64 offset)
{
	while (len >= sizeof(u64) && zero_word(buf + len - sizeof(u64)))
		len -= sizeof(u64);
	while (len && !buf[len - 1])
		len--;
	while (len >= sizeof(u64) && zero_word(buf)) {
		buf += sizeof(u64);
		len -= sizeof(u64);
		offset += sizeof(u64);
	}
	while (len && !*buf) {
		buf++;
		len--;
		offset++;
	}
	return len ? XXH3_64bits_withSeed(buf, len, offset) : 0;
}

u64 phys_hash(struct machine *m, phys_addr_t phys, u64 size, u64 offset)
{
	u8 buf[PAGE_SIZE];
	u32 off, len;
	struct page *page = first_frame(m, phys, size, &off, &len);

	if (m->memory.ram)
		return hash_trimmed(frame_ram(m, page) + off, len, offset);
	if (!page->data && !(page->flags & PG_SCRAMBLED))
		return 0;
	if (page->data && !(page->data & DATA_FULL) && !(page->flags & PG_SCRAMBLED)) {
		const struct span *span = data_ptr(m, page->data);
		u32 from = max(off, (u32)span->start);
		u32 to = min(off + len, (u32)span->start + span->len);

		return from >= to ? 0 : hash_trimmed(span->bytes + (from - span->start),
						     to - from, offset + (from - off));
	}
	frame_read(m, page, off, buf, len);
	return hash_trimmed(buf, len, offset);
}
