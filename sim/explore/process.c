/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes of a world: who runs, descriptors that go from one to the other, ends. */
#include "explore/internal.h"

const char *process_name(guint process)
{
	return process == 0 ? "init" : "child";
}

void world_enter(const struct world *world, struct machine *m, guint process)
{
	if (world->processes > 1)
		machine_process(m, process_name(process));
}

void world_start_processes(const struct world *world, struct machine *m)
{
	for (guint i = world->processes; i-- > 0; )
		world_enter(world, m, i);
}

void world_receive(const struct world *world, struct machine *m, struct place *place,
		   const struct world_op *op, struct done *done)
{
	guint other = !op->process;

	world_enter(world, m, other);
	machine_begin_op(m, 1);
	done->received = sys_recv_fd(m);
	machine_end_op(m, done->received);
	world_enter(world, m, op->process);
	place->fds[first_slot(world, other) + own_slot(world, op->file)] =
		MAX(done->received, -1);
}

/* The first process opens the device again, which the other may have. */
void world_restart(const struct world *world, struct machine *m, struct place *place,
		   const struct world_op *op, struct done *done)
{
	int *fds = place->fds + first_slot(world, op->process);

	for (guint i = 0; i < world->nr_slots; i++)
		fds[i] = -1;
	if (op->process > 0)
		return;
	done->restarted = true;
	world_open_device(m, place, done);
}
