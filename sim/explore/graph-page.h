/* SPDX-License-Identifier: GPL-2.0-only */
/* What is the same in each page of graph.c, in front of its data and after. */
#ifndef SIM_EXPLORE_GRAPH_PAGE_H
#define SIM_EXPLORE_GRAPH_PAGE_H

extern const char graph_page_head[], graph_page_tail[];

#endif
