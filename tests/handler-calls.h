/* SPDX-License-Identifier: GPL-2.0-only */
/* What shipped handlers bring, as system calls with names. */
#ifndef TESTS_HANDLER_CALLS_H
#define TESTS_HANDLER_CALLS_H

#include <stdlib.h>
#include <string.h>

#include "luosim.h"

static inline const struct luosim_call *find_call(const char *name)
{
	const struct handler_script *script;

	for (unsigned int i = 0; (script = handler_shipped(i)); i++)
		for (const struct luosim_call *c = handler_calls(script); c && c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	abort();
}

static inline int64_t handler_call(struct machine *m, const char *name, int64_t a, int64_t b,
				   int64_t c, const void *bytes, size_t len)
{
	struct luosim_arg args[] = { { .number = a }, { .number = b }, { .number = c }, { 0 } };

	args[bytes && !len ? 0 : 3].bytes = (char *)bytes;
	args[3].len = len;
	return sys_handler_call(m, find_call(name), args);
}

#define sys_vfio_open(m, bdf)		handler_call(m, "vfio_open", 0, 0, 0, bdf, 0)
#define sys_vfio_attach(m, vfio, io)	handler_call(m, "vfio_attach", vfio, io, 0, NULL, 0)
#define sys_kvm_create_vm(m)		handler_call(m, "kvm_create_vm", 0, 0, 0, NULL, 0)
#define sys_kvm_create_vcpu(m, vm, id)	handler_call(m, "kvm_create_vcpu", vm, id, 0, NULL, 0)
#define sys_guest_memfd_create(m, vm, size) \
	handler_call(m, "guest_memfd_create", vm, size, 3, NULL, 0)
#define sys_guest_write(m, vcpu, gmem, buf, len, pos) \
	handler_call(m, "guest_write", vcpu, gmem, pos, buf, len)
#define sys_guest_read(m, vcpu, gmem, buf, len, pos) \
	handler_call(m, "guest_read", vcpu, gmem, pos, buf, len)

#endif
