/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled, not linked: where luo_session.c keeps its list of incoming sessions. */
#include "kernel/liveupdate/luo_session.c"

#define PROBE(name, value) \
	__asm__ volatile("\n.ascii \"->PROBED_" #name " %0\"" : : "i" (value))

void luosim_probe(void);
void luosim_probe(void)
{
	PROBE(incoming_count, offsetof(typeof(luo_session_global), incoming.count));
	PROBE(incoming_active, offsetof(typeof(luo_session_global), incoming.active));
}
