/* SPDX-License-Identifier: GPL-2.0-only */
/* Worlds: the operations there are, what each does, and when it can be done. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "scn/crash.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"
#include "run/plan.h"
#include "explore/internal.h"
#include "explore/reduced.h"

#define SMALLEST_MEM	((guint64)4 << 20)
#define HUGE_MEM	((guint64)4 << 20)	/* more for each huge page */

static const char *const action_names[NR_WORLD_ACTIONS + 1] = {
	[WORLD_CREATE] = "create_session",
	[WORLD_OPEN] = "retrieve_session",
	[WORLD_CLOSE] = "close_session",
	[WORLD_PRESERVE] = "preserve_fd",
	[WORLD_RETRIEVE] = "retrieve_fd",
	[WORLD_FINISH] = "finish",
	[WORLD_KEXEC] = "kexec",
	[WORLD_REBOOT] = "reboot",
	[WORLD_CLOSE_FILE] = "close",
	[WORLD_REOPEN] = "reopen",
	[WORLD_MEMFD] = "memfd_create",
	[WORLD_WRITE] = "write",
	[WORLD_TRUNCATE] = "truncate",
	[WORLD_EXTEND] = "extend",
	[WORLD_SEEK] = "lseek",
	[WORLD_SEAL] = "add_seals",
	[WORLD_SEND] = "send_fd",
	[WORLD_EXIT] = "exit",
};

const char *world_action_name(enum world_action action)
{
	return action_names[action];
}

gboolean world_set_ops(struct world *world, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);

	world->actions = 0;
	for (guint i = 0; words[i] != NULL; i++) {
		guint action = 0;

		while (action < NR_WORLD_ACTIONS && !g_str_equal(words[i], action_names[action]))
			action++;
		if (action == NR_WORLD_ACTIONS) {
			g_autofree char *all = g_strjoinv(", ", (char **)action_names);

			g_set_error(error, SCN_ERROR, 0, "unknown operation '%s', expected %s",
				    words[i], all);
			return FALSE;
		}
		world->actions |= 1u << action;
	}
	return TRUE;
}

/* ---- Slots ---- */

static int free_file_slot(const struct world *world, const struct place *place, guint process)
{
	guint slot = first_slot(world, process) + file_slot(world, 0);

	for (guint f = 0; f < nr_files(world); f++)
		if (place->fds[slot + f] < 0)
			return slot + f;
	return -1;
}

/* ---- The list of operations ---- */

/* Slots are counted within the process; 0: none. */
static void add_op(struct world *world, guint process, enum world_action action, guint session,
		   guint file, guint token)
{
	guint first = first_slot(world, process);
	struct world_op op = {
		.action = action, .process = process, .token = token,
		.session = session > 0 ? first + session : 0,
		.file = file > 0 || action == WORLD_SEND ? first + file : 0,
	};

	if (world->actions & 1u << action)
		g_array_append_val(world->ops, op);
}

static void add_session_ops(struct world *world, guint process, guint slot)
{
	add_op(world, process, WORLD_CLOSE, slot, 0, 0);
	add_op(world, process, WORLD_FINISH, slot, 0, 0);
	for (guint t = 0; t < world->tokens; t++) {
		add_op(world, process, WORLD_RETRIEVE, slot, 0, t);
		for (guint f = 0; f < nr_files(world); f++)
			add_op(world, process, WORLD_PRESERVE, slot, file_slot(world, f), t);
	}
}

static void list_process_ops(struct world *world, guint p)
{
	static const enum world_action file_actions[] = {
		WORLD_CLOSE_FILE, WORLD_REOPEN, WORLD_WRITE, WORLD_TRUNCATE, WORLD_EXTEND,
		WORLD_SEEK, WORLD_SEAL,
	};

	for (guint s = 0; s < world->sessions; s++) {
		add_op(world, p, WORLD_CREATE, out_slot(s), 0, 0);
		add_op(world, p, WORLD_OPEN, in_slot(world, s), 0, 0);
		add_session_ops(world, p, out_slot(s));
		add_session_ops(world, p, in_slot(world, s));
	}
	add_op(world, p, WORLD_MEMFD, 0, 0, 0);
	for (guint f = 0; f < nr_files(world); f++)
		for (guint a = 0; a < G_N_ELEMENTS(file_actions); a++)
			add_op(world, p, file_actions[a], 0, file_slot(world, f), 0);
	for (guint i = 0; i < world->nr_slots && world->processes > 1; i++)
		add_op(world, p, WORLD_SEND, 0, i, 0);
	add_op(world, p, WORLD_EXIT, 0, 0, 0);
}

static void list_ops(struct world *world)
{
	world->ops = g_array_new(FALSE, TRUE, sizeof(struct world_op));
	for (guint p = 0; p < world->processes; p++)
		list_process_ops(world, p);
	add_op(world, 0, WORLD_KEXEC, 0, 0, 0);
	add_op(world, 0, WORLD_REBOOT, 0, 0, 0);
}

/* Every two operations, also one with itself. */
static bool list_pairs(struct world *world, GError **error)
{
	guint nr = world->ops->len;

	world->pairs = g_array_new(FALSE, TRUE, sizeof(struct world_pair));
	if (world->tasks == 1)
		return true;
	if (nr + (guint64)nr * (nr + 1) / 2 > G_MAXUINT16) {
		g_set_error(error, SCN_ERROR, 0, "%u operations, too many for --tasks 2, "
			    "expected a smaller world or fewer --ops", nr);
		return false;
	}
	for (guint i = 0; i < nr; i++) {
		for (guint j = i; j < nr; j++) {
			struct world_pair pair = { { i, j } };

			g_array_append_val(world->pairs, pair);
		}
	}
	return true;
}

/* Is there all that the search begins with? Settings can be such that there are not. */
static bool can_begin(const struct world *world, GError **error)
{
	struct place place;
	struct machine *m = world_new_machine(world, &place, NULL, NULL);
	guint f = 0;

	if (m == NULL)
		return true;
	machine_free(m);
	while (f < nr_files(world) && place.fds[file_slot(world, f)] >= 0)
		f++;
	if (f == nr_files(world) && place.fds[0] >= 0)
		return true;
	g_set_error(error, SCN_ERROR, 0, "kernel 1 cannot open %s of this world, expected more "
		    "mem, a higher nofile, kho and liveupdate", f < nr_files(world) ?
		    "the files" : "/dev/liveupdate");
	return false;
}

static const struct release *tree_of(const struct world *world)
{
	for (guint i = 0; i < world->kernels; i++)
		if (world->boots[i].release.tree != NULL)
			return &world->boots[i].release;
	return NULL;
}

guint world_jobs(const struct world *world, guint jobs)
{
	return tree_of(world) != NULL ? 1 : jobs;
}

/* What a kernel tree cannot do. */
static bool tree_can(const struct world *world, GError **error)
{
	const struct release *tree = tree_of(world);
	const char *what = NULL;

	if (tree == NULL)
		return true;
	if (world->tasks > 1)
		what = "--tasks 2";
	else if (world->damage > 0)
		what = "--damage";
	else if (world->nr_others > 0)
		what = "--handlers";
	else if (!release_as_built(tree))
		what = "a policy, fix, limit or handler";
	if (what != NULL)
		g_set_error(error, SCN_ERROR, 0, "%s on the kernel tree %s, expected a release",
			    what, release_label(tree));
	return what == NULL;
}

gboolean world_plan(struct world *world, const struct overrides *overrides, GError **error)
{
	const GPtrArray *releases = overrides->releases;

	world->hugepages = world_count(world, KIND_HUGETLB);
	world->mem = world->least_mem = SMALLEST_MEM + world->hugepages * HUGE_MEM;
	for (guint i = 0; i < world->kernels; i++) {
		struct boot *boot = &world->boots[i];

		*boot = (struct boot){
			.kho = true, .liveupdate = true, .hugepages = world->hugepages,
		};
		boot->release = releases->len == 0 ? *newest_release() :
			*(const struct release *)releases->pdata[MIN(i, releases->len - 1)];
		settings_apply(overrides->settings, boot, &world->mem);
	}
	world->no_reduction = overrides->no_reduction;
	world->max_states = overrides->max_states > 0 ? (guint)overrides->max_states :
							DEFAULT_STATES;
	G_STATIC_ASSERT(MAX_PROCESSES * MAX_WORLD_SLOTS <= 64);	/* see struct machine_view */
	world->nr_slots = 1 + 2 * world->sessions + nr_files(world);
	list_ops(world);
	world_list_damages(world);
	return list_pairs(world, error) && tree_can(world, error) && can_begin(world, error);
}

void world_clear(struct world *world)
{
	g_array_unref(world->ops);
	g_array_unref(world->pairs);
	g_array_unref(world->damages);
}

/* ---- Machines ---- */

static void no_fds(struct place *place)
{
	for (guint i = 0; i < G_N_ELEMENTS(place->fds); i++)
		place->fds[i] = -1;
}

struct machine *world_new_machine(const struct world *world, struct place *place,
				  void (*emit)(void *data, const struct event *event),
				  void *data)
{
	struct machine_config config = {
		.boot = world->boots[0], .mem = world->mem, .emit = emit, .data = data,
		.no_log = !world->log,
	};
	struct machine *m;

	world_scripts(world, &config);
	m = machine_new(&config);
	if (m == NULL)
		return NULL;
	*place = (struct place){ .kernel = 1 };
	no_fds(place);
	world_start_processes(world, m);
	place->fds[0] = sys_open(m, "/dev/liveupdate", O_RDWR);
	world_open_files(world, m, place);
	return m;
}

void world_frames(const struct world *world, struct machine *m, const struct place *place,
		  guint64 *frames)
{
	for (guint i = 0; i < world->inodes; i++)
		frames[i] = machine_file_frame(m, place->fds[file_slot(world, i * world->opens)],
					       0);
}

struct machine_view world_view(const struct world *world, const struct place *place, bool names)
{
	return (struct machine_view){
		.fds = place->fds, .nr_fds = world->processes * world->nr_slots,
		.own_fds = world->nr_slots,
		.other = world->processes > 1 ? process_name(1) : NULL,
		/* Damage may have made names of which there are no other like ones. */
		.names = names || place->damages > 0,
		.contents = world->actions & 1u << WORLD_WRITE,
		.damaged = place->damages > 0,
	};
}

void world_fingerprint(const struct world *world, struct machine *m, struct machine_walk *walk,
		       const struct place *place, const guint64 *frames, bool symmetry,
		       guint64 fingerprint[2])
{
	const struct machine_view view = world_view(world, place, !symmetry);

	if (world->reduced) {
		project(world, m, frames, symmetry, fingerprint);
		return;
	}
	machine_fingerprint(m, walk, &view, fingerprint);
	fingerprint[0] += (place->faults | place->damages << 8 | place->races << 16) *
			  0x9e3779b97f4a7c15ull;
}

/* The reduced machine preserves in its first kernel and retrieves in the second. */
static bool reduced_can(const struct world *world, const struct place *place,
			const struct world_op *op)
{
	bool out = op->session < in_slot(world, 0);

	switch (op->action) {
	case WORLD_CREATE:
		return place->kernel == 1 && place->fds[op->session] < 0;
	case WORLD_OPEN:
		return place->kernel == 2 && place->fds[op->session] < 0;
	case WORLD_PRESERVE:
		return out;
	case WORLD_RETRIEVE:
	case WORLD_FINISH:
		return !out;
	default:
		return true;
	}
}

bool world_boots(const struct world *world, guint nr)
{
	enum world_action action = op_of(world, nr)->action;

	return action == WORLD_KEXEC || action == WORLD_REBOOT;
}

const struct world_pair *world_pair(const struct world *world, guint nr)
{
	return nr < world->ops->len ? NULL :
		&g_array_index(world->pairs, struct world_pair, nr - world->ops->len);
}

static bool has_any(const struct world *world, const struct place *place, guint process)
{
	const int *fds = place->fds + first_slot(world, process);
	guint i = 0;

	while (i < world->nr_slots && fds[i] < 0)
		i++;
	return i < world->nr_slots;
}

static bool can_race(const struct world *world, const struct place *place,
		     const struct world_pair *pair)
{
	return place->races < world->races && world_can(world, place, pair->ops[0]) &&
	       world_can(world, place, pair->ops[1]);
}

bool world_can(const struct world *world, const struct place *place, guint nr)
{
	const struct world_pair *pair = world_pair(world, nr);
	const struct world_op *op;

	if (pair != NULL)
		return can_race(world, place, pair);
	op = op_of(world, nr);
	if (world->reduced && !reduced_can(world, place, op))
		return false;
	switch (op->action) {
	case WORLD_CREATE:
	case WORLD_OPEN:
		return place->fds[first_slot(world, op->process)] >= 0;
	case WORLD_CLOSE:
	case WORLD_FINISH:
	case WORLD_RETRIEVE:
		return place->fds[op->session] >= 0;
	case WORLD_PRESERVE:
		return place->fds[op->session] >= 0 && place->fds[op->file] >= 0;
	case WORLD_KEXEC:
		return place->kernel < world->kernels;
	case WORLD_REBOOT:
		return true;
	case WORLD_MEMFD:
		return free_file_slot(world, place, op->process) >= 0;
	case WORLD_REOPEN:
		return place->fds[op->file] >= 0 &&
		       free_file_slot(world, place, op->process) >= 0;
	case WORLD_SEND:
		return place->fds[op->file] >= 0 &&
		       place->fds[first_slot(world, !op->process) + own_slot(world, op->file)] < 0;
	case WORLD_EXIT:
		return has_any(world, place, op->process);
	default:
		return place->fds[op->file] >= 0;
	}
}

/* Does a lower token do that is in use, or is not, as this one is? */
static bool lower_token(guint8 used, guint token)
{
	guint8 lower = (1u << token) - 1;

	return used & 1u << token ? used & lower : (guint8)~used & lower;
}

static bool has_token(const struct world_op *op)
{
	return op->action == WORLD_PRESERVE || op->action == WORLD_RETRIEVE;
}

/* Does @b mean nothing to the names and tokens that @a could as well have been done to? */
static bool is_apart(const struct world_op *a, const struct world_op *b)
{
	if (a->action == WORLD_CREATE)
		return b->session == 0;
	return !has_token(b) || b->session != a->session;
}

static bool pair_same(const struct world *world, const struct place *place,
		      const struct world_pair *pair)
{
	const struct world_op *a = op_of(world, pair->ops[0]), *b = op_of(world, pair->ops[1]);

	return (world_same(world, place, pair->ops[0]) && is_apart(a, b)) ||
	       (world_same(world, place, pair->ops[1]) && is_apart(b, a));
}

bool world_same(const struct world *world, const struct place *place, guint nr)
{
	const struct world_pair *pair = world_pair(world, nr);
	const struct world_op *op;
	guint8 used;

	if (pair != NULL)
		return pair_same(world, place, pair);
	op = op_of(world, nr);
	/*
	 * Which of two calls was the last to change tokens is not known. And what is like
	 * in one process need not be in the other.
	 */
	if ((place->races > 0 && has_token(op)) || world->processes > 1)
		return false;
	used = place->tokens[op->session];

	/* What was handed over need not be what was preserved. */
	if (place->damages > 0)
		return false;
	switch (op->action) {
	case WORLD_CREATE:
		for (guint slot = 1; slot < op->session; slot++)
			if ((place->fds[slot] < 0) == (place->fds[op->session] < 0))
				return true;
		return false;
	case WORLD_PRESERVE:
		return lower_token(used, op->token);
	case WORLD_RETRIEVE:
		return !(used & 1u << op->token) && lower_token(used, op->token);
	default:
		return false;
	}
}

/* ---- Operations ---- */

static gint64 session_ioctl(struct machine *m, int dev, unsigned int cmd, guint session)
{
	struct liveupdate_ioctl_session arg = { .size = sizeof(arg), .name = { 'a' + session } };
	int ret = sys_ioctl(m, dev, cmd, (struct uptr){ .mem = &arg, .size = sizeof(arg) });

	return ret < 0 ? ret : arg.fd;
}

static gint64 fd_ioctl(struct machine *m, int session, unsigned int cmd, int fd, guint token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .fd = fd, .token = token + 1 };
	int ret = sys_ioctl(m, session, cmd, (struct uptr){ .mem = &arg, .size = sizeof(arg) });

	return ret < 0 || cmd == LIVEUPDATE_SESSION_PRESERVE_FD ? ret : arg.fd;
}

static gint64 finish_ioctl(struct machine *m, int session)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };

	return sys_ioctl(m, session, LIVEUPDATE_SESSION_FINISH,
			 (struct uptr){ .mem = &arg, .size = sizeof(arg) });
}

static gint64 reboot(const struct world *world, struct machine *m)
{
	guint next = machine_kernel(m);

	machine_set_next(m, &world->boots[MIN(next, world->kernels - 1)]);
	return sys_reboot_kexec(m);
}

static gint64 kexec(const struct world *world, struct machine *m)
{
	gint64 ret = sys_kexec_load(m, KEXEC_FILE);

	return ret < 0 ? ret : reboot(world, m);
}

gint64 world_call(const struct world *world, struct machine *m, const struct place *place,
		  guint nr)
{
	const struct world_op *op = op_of(world, nr);
	int dev = place->fds[first_slot(world, op->process)];
	int session = place->fds[op->session], file = place->fds[op->file];

	crash_step(NULL, 0, action_names[op->action]);
	switch (op->action) {
	case WORLD_CREATE:
		return session_ioctl(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION,
				     session_of(world, op->session));
	case WORLD_OPEN:
		return session_ioctl(m, dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
				     session_of(world, op->session));
	case WORLD_CLOSE:
		return sys_close(m, session);
	case WORLD_PRESERVE:
		return fd_ioctl(m, session, LIVEUPDATE_SESSION_PRESERVE_FD, file, op->token);
	case WORLD_RETRIEVE:
		return fd_ioctl(m, session, LIVEUPDATE_SESSION_RETRIEVE_FD, 0, op->token);
	case WORLD_FINISH:
		return finish_ioctl(m, session);
	case WORLD_KEXEC:
		return kexec(world, m);
	case WORLD_REBOOT:
		return reboot(world, m);
	case WORLD_CLOSE_FILE:
		return sys_close(m, file);
	case WORLD_REOPEN:
		return world_reopen(m, file);
	case WORLD_MEMFD:
		return world_new_memfd(world, m, 0);
	case WORLD_WRITE:
		return sys_pwrite(m, file, WORLD_MARK, strlen(WORLD_MARK), 1);
	case WORLD_TRUNCATE:
		return sys_ftruncate(m, file, 0);
	case WORLD_EXTEND:
		return sys_ftruncate(m, file, 2 * FILE_BYTES);
	case WORLD_SEEK:
		return sys_lseek(m, file, 1, SEEK_SET);
	case WORLD_SEAL:
		return sys_fcntl(m, file, F_ADD_SEALS, F_SEAL_GROW);
	case WORLD_SEND:
		return sys_send_fd(m, file, process_name(!op->process));
	case WORLD_EXIT:
		return sys_exit_group(m);
	default:
		g_assert_not_reached();
	}
}

/* The slot for a descriptor that the operation returns; -1: none is free. */
static int slot_for(const struct world *world, const struct place *place,
		    const struct world_op *op)
{
	switch (op->action) {
	case WORLD_CREATE:
	case WORLD_OPEN:
		return place->fds[op->session] < 0 ? op->session : -1;
	case WORLD_RETRIEVE:
	case WORLD_REOPEN:
	case WORLD_MEMFD:
		return free_file_slot(world, place, op->process);
	default:
		return NO_SLOT;
	}
}

void world_open_device(struct machine *m, struct place *place, struct done *done)
{
	machine_begin_op(m, 1);
	done->dev = sys_open(m, "/dev/liveupdate", O_RDWR);
	machine_end_op(m, done->dev);
	place->fds[0] = MAX(done->dev, -1);
}

void world_boot(const struct world *world, struct machine *m, struct place *place,
		struct done *done)
{
	for (guint s = 0; s < world->sessions; s++)
		place->waiting[s] = place->tokens[out_slot(s)];
	memset(place->tokens, 0, sizeof(place->tokens));
	no_fds(place);
	place->kernel++;
	done->booted = true;
	world_start_processes(world, m);
	world_open_device(m, place, done);
}

void world_settle(const struct world *world, struct machine *m, struct place *place, guint nr,
		  struct done *done)
{
	const struct world_op *op = op_of(world, nr);
	guint8 *tokens = &place->tokens[own_slot(world, op->session)];

	switch (op->action) {
	case WORLD_CREATE:
		*tokens = 0;
		break;
	case WORLD_OPEN:
		*tokens = place->waiting[session_of(world, op->session)];
		break;
	case WORLD_CLOSE:
		place->fds[op->session] = -1;
		*tokens = 0;
		break;
	case WORLD_PRESERVE:
		*tokens |= 1u << op->token;
		break;
	case WORLD_FINISH:
		*tokens = 0;
		break;
	case WORLD_CLOSE_FILE:
		place->fds[op->file] = -1;
		break;
	case WORLD_KEXEC:
	case WORLD_REBOOT:
		world_boot(world, m, place, done);
		break;
	case WORLD_SEND:
		world_receive(world, m, place, op, done);
		break;
	case WORLD_EXIT:
		world_restart(world, m, place, op, done);
		break;
	default:
		break;
	}
}

void world_bind(const struct world *world, struct machine *m, struct place *place, guint nr,
		struct done *done)
{
	done->slot = slot_for(world, place, op_of(world, nr));
	if (done->slot == NO_SLOT)
		return;
	if (done->slot >= 0) {
		place->fds[done->slot] = done->ret;
		return;
	}
	machine_begin_op(m, 1);
	machine_end_op(m, sys_close(m, done->ret));
}

static void take_failure(struct machine *m, struct place *place, struct done *done)
{
	struct fail_stats stats;

	machine_fail_stats(m, &stats);
	machine_fail_clear(m);
	done->hit = stats.happened > 0;
	done->failure = stats.last;
	place->faults += done->hit;
}

/* Did the next kernel get what was damaged? If not, nobody will. */
static void take_damage(const struct world *world, struct machine *m, struct place *place,
			guint nr, struct done *done)
{
	done->hit = done->left;
	if (!done->hit) {
		machine_damage_clear(m);
		return;
	}
	place->damages++;
	place->damaged = 1 + g_array_index(world->damages, struct world_damage, nr).pattern;
}

static void run_op(const struct world *world, struct machine *m, struct place *place, guint nr,
		   guint nth, struct done *done)
{
	const struct world_op *op = op_of(world, nr);
	const struct failure anywhere = { .point = FAIL_ANYWHERE, .error = -EIO, .nth = nth };
	guint kernel = machine_kernel(m);

	*done = (struct done){ .slot = -1, .opened = op->action == WORLD_OPEN };
	/* A memfd takes several calls, of which none fails. */
	if (op->action == WORLD_MEMFD)
		nth = 0;
	if (nth >= FIRST_DAMAGE) {
		done->ret = -ENOENT;
		if (!world_damage(world, m, nth - FIRST_DAMAGE))
			return;
	} else if (nth > 0) {
		machine_fail(m, &anywhere);
	}
	machine_begin_op(m, nr + 2);
	done->ret = world_call(world, m, place, nr);
	machine_end_op(m, done->ret);
	done->left = machine_kernel(m) != kernel;
	if (nth >= FIRST_DAMAGE)
		take_damage(world, m, place, nth - FIRST_DAMAGE, done);
	else if (nth > 0)
		take_failure(m, place, done);
	done->refused = done->ret == -EBUSY && !done->hit && op->action == WORLD_PRESERVE &&
			!machine_is_preserved(m, place->fds[op->file]);
	/* A process that fails to start has ended all the same. */
	if (machine_panicked(m) || (done->ret < 0 && op->action != WORLD_EXIT))
		return;
	world_bind(world, m, place, nr, done);
	if (done->slot >= 0)
		world_settle(world, m, place, nr, done);
}

void world_run(const struct world *world, struct machine *m, struct place *place, guint nr,
	       guint nth, struct done *done)
{
	guint process = op_of(world, nr)->process;

	world_enter(world, m, process);
	run_op(world, m, place, nr, nth, done);
	if (process > 0)
		world_enter(world, m, 0);
}
