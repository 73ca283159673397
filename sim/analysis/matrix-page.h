/* SPDX-License-Identifier: GPL-2.0-only */
/* What is the same in each page of matrix-html.c. */
#ifndef SIM_ANALYSIS_MATRIX_PAGE_H
#define SIM_ANALYSIS_MATRIX_PAGE_H

extern const char page_head[], page_controls[], page_panel[], page_script[];

#endif
