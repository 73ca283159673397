/* SPDX-License-Identifier: GPL-2.0-only */
/* The module test_kho: see test_kho.c. */
#ifndef MODEL_LIB_TEST_KHO_H
#define MODEL_LIB_TEST_KHO_H

struct machine;

/* Loading it: 0, -ENOMEM, -EINVAL or what KHO says; unloading it. */
int kho_test_init(struct machine *m);
void kho_test_exit(struct machine *m);
/* The machine ends: what it has outside its memory goes. */
void kho_test_end(struct machine *m);

#endif
