/* SPDX-License-Identifier: GPL-2.0-only */
/* What scripted handlers hand over of a file, see script_pages.c. */
#ifndef MODEL_HANDLERS_SCRIPT_PAGES_H
#define MODEL_HANDLERS_SCRIPT_PAGES_H

#include "handlers/handlers.h"
#include "machine/machine.h"
#include "search/walk.h"

struct scripted_page {
	u64 pfn;
	u64 index;
} __packed;

struct scripted_ser {
	u32 kind;
	u32 nr;			/* of @pages */
	u64 state;
	u64 size, seals;	/* of a file with a page cache */
	u64 features;		/* that it uses */
	struct scripted_page pages[];
} __packed;

/* The kind of @file that the script accepts, or NR_SCRIPT_KINDS. */
enum file_kind script_kind(struct machine *m, const struct handler_script *script,
			   const struct file *file);
/* Preserve what the file is: 0, -ENOMEM, -EFBIG above MAX_SCRIPT_FOLIOS. */
int script_save(struct machine *m, const struct handler_script *script, struct file *file,
		phys_addr_t *physp);
/* Its state may have changed since; where tokens share, it may be another file. */
void script_save_state(struct machine *m, const struct handler_script *script, struct file *file,
		       phys_addr_t phys);
void script_unsave(struct machine *m, const struct handler_script *script, phys_addr_t phys);
/*
 * Make the file again. -EINVAL for what no script hands over, -EIO when a folio is not
 * what it was, and what making a file says.
 */
int script_restore(struct machine *m, const struct handler_script *script, phys_addr_t phys,
		   struct file **filep);
/* The features that it uses: bit i is the i-th of the script. */
u64 script_features(struct machine *m, u64 serialized_data);
/* Those that the script knows in this kernel. */
u64 script_known(const struct machine *m, const struct handler_script *script);
/* Nobody wanted it. */
void script_discard(struct machine *m, const struct handler_script *script, phys_addr_t phys);
void script_walk(struct machine_walk *w, struct machine *m,
		 struct liveupdate_file_handler *handler, u64 phys);

#endif
