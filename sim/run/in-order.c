/* SPDX-License-Identifier: GPL-2.0-only */
/* Independent work in several threads, whose results are taken in order. */
#include "run/in-order.h"
#include "scn/tree.h"

struct pool {
	void (*work)(void *data, guint i);
	void *data;
	GMutex lock;
	GCond over;
	gboolean *is_over;
};

/* A pool takes no NULL, so it is given numbers from 1. */
static void work_one(gpointer number, gpointer data)
{
	struct pool *p = data;
	guint i = GPOINTER_TO_UINT(number) - 1;

	p->work(p->data, i);
	g_mutex_lock(&p->lock);
	p->is_over[i] = TRUE;
	g_cond_signal(&p->over);
	g_mutex_unlock(&p->lock);
}

static void wait_for(struct pool *p, guint i)
{
	g_mutex_lock(&p->lock);
	while (!p->is_over[i])
		g_cond_wait(&p->over, &p->lock);
	g_mutex_unlock(&p->lock);
}

void in_order(guint jobs, guint nr, void (*work)(void *data, guint i),
	      void (*done)(void *data, guint i), void *data)
{
	g_autofree gboolean *is_over = g_new0(gboolean, nr);
	struct pool p = { .work = work, .data = data, .is_over = is_over };
	/* A tree's object holds the variables of one machine at a time. */
	GThreadPool *pool = jobs > 1 && !tree_any() ?
			    g_thread_pool_new(work_one, &p, jobs, FALSE, NULL) : NULL;

	g_mutex_init(&p.lock);
	g_cond_init(&p.over);
	for (guint i = 0; pool != NULL && i < nr; i++)
		g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
	for (guint i = 0; i < nr; i++) {
		if (pool != NULL)
			wait_for(&p, i);
		else
			work(data, i);
		done(data, i);
	}
	if (pool != NULL)
		g_thread_pool_free(pool, FALSE, TRUE);
	g_cond_clear(&p.over);
	g_mutex_clear(&p.lock);
}
