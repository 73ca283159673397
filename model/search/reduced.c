/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine as the reduced one of tests/bench/luo.pml: which sessions there are, what
 * each token holds, and of each memfd whether its one page can still be restored.
 */
#include "luosim-search.h"
#include "handlers/handlers.h"
#include "machine/machine.h"

int64_t machine_file_references(struct machine *m, int fd)
{
	const struct file *file = fdget_raw(m, fd);

	return file ? file->f_count : 0;
}

int64_t machine_module_references(struct machine *m, unsigned int script)
{
	const struct handlers *h = m->k->handlers;

	return h && h->scripted[script] ? h->scripted[script]->module.refcnt : 0;
}

uint64_t machine_file_frame(struct machine *m, int fd, uint64_t index)
{
	struct file *file = fdget_raw(m, fd);
	struct folio *folio = file ? filemap_get_folio(m, &file_inode(file)->i_mapping, index) :
				     NULL;

	return folio ? folio_pfn(m, folio) + index - folio_start(folio, index) : 0;
}

static void reduce_frame(struct machine *m, u64 pfn, bool *mark, bool *used)
{
	const struct page *page = pfn_to_page(m, pfn);
	union kho_page_info info = { .page_private = page->private };

	if (m->kernel_nr == 1)
		*mark = m->ledger.ghost[pfn].preserved;
	else
		*mark = !(page->flags & PG_BUDDY) && info.magic == KHO_PAGE_MAGIC;
	*used = m->ledger.ghost[pfn].restored;
}

static void reduce_session(const struct machine *m, const struct luo_session *session,
			   struct machine_reduced *r)
{
	unsigned int i = session->name[0] - 'a';
	const struct luo_file *luo_file;

	if (i >= REDUCED_MAX)
		return;
	r->sessions[i] = m->kernel_nr == 1 ? REDUCED_OUTGOING :
			 session->retrieved ? REDUCED_RETRIEVED : REDUCED_INCOMING;
	list_for_each_entry(luo_file, &session->file_set.files_list, list) {
		u64 t = luo_file->token - 1;

		if (t >= REDUCED_MAX)
			continue;
		r->ops[i][t] = m->ledger.claims[luo_file->claim - 1]->op;
		r->got[i][t] = luo_file->retrieve_status < 0 ? 2 : luo_file->retrieve_status;
		/* In the first kernel nothing is retrieved yet. */
		if (m->kernel_nr == 1)
			r->got[i][t] = 0;
	}
}

void machine_reduce(struct machine *m, const uint64_t *frames, unsigned int nr,
		    struct machine_reduced *r)
{
	const struct luo_session_header *sh = m->kernel_nr == 1 ? &m->k->luo.outgoing :
								  &m->k->luo.incoming;
	const struct luo_session *session;

	*r = (struct machine_reduced){ .second = m->kernel_nr > 1 };
	for (unsigned int i = 0; i < min(nr, REDUCED_MAX); i++)
		reduce_frame(m, frames[i], &r->mark[i], &r->used[i]);
	list_for_each_entry(session, &sh->list, list)
		reduce_session(m, session, r);
}
