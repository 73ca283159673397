/* SPDX-License-Identifier: GPL-2.0-only */
/* Worlds: the operations there are, what each does, and when it can be done. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "scn/crash.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"
#include "scn/value.h"
#include "run/plan.h"
#include "explore/internal.h"
#include "explore/reduced.h"

#define SMALLEST_MEM	((guint64)4 << 20)
#define HUGE_MEM	((guint64)4 << 20)	/* more for each huge page */

/* ---- Slots ---- */

static int free_file_slot(const struct world *world, const struct place *place, guint process)
{
	guint slot = first_slot(world, process) + file_slot(world, 0);

	for (guint f = 0; f < nr_files(world); f++)
		if (place->fds[slot + f] < 0)
			return slot + f;
	return -1;
}

/* ---- The plan ---- */

/* Every two operations, also one with itself. */
static bool list_pairs(struct world *world, GError **error)
{
	guint nr = world->ops->len;

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

/* Files that no scenario's handler preserves, and handlers that a tree does not have. */
static const char *lacking_handler(const struct world_words *words)
{
	const char *what = NULL;

	for (guint i = 0; what == NULL && i < words->nr_loaded; i++)
		what = handler_lacking(&words->loaded[i]);
	for (guint i = 0; what == NULL && i < words->nr_others; i++)
		if (g_strcmp0(words->others[i]->name, words->own[i].name) != 0 &&
		    !g_str_equal(words->others[i]->name, "eventfd"))
			what = "a handler that was not merged";
	return what;
}

/* What a kernel tree cannot do. */
static bool tree_can(const struct world *world, GError **error)
{
	const struct release *tree = tree_of(world);
	const char *what = lacking_handler(&world->words);

	if (tree == NULL)
		return true;
	if (what == NULL && !release_as_built(tree))
		what = "a policy, fix, limit or handler";
	if (what != NULL)
		g_set_error(error, SCN_ERROR, 0, "%s on the kernel tree %s, expected a release",
			    what, release_label(tree));
	return what == NULL;
}

/* ---- Calls ---- */

static void free_string(gpointer string)
{
	g_string_free(string, TRUE);
}

/* For what a call returns in addition to its number, which nobody looks at. */
static GString *scratch(void)
{
	static GPrivate key = G_PRIVATE_INIT(free_string);
	GString *out = g_private_get(&key);

	if (out == NULL) {
		out = g_string_new(NULL);
		g_private_set(&key, out);
	}
	return out;
}

static gint64 make_call(const struct world *world, struct machine *m, const struct place *place,
			const struct world_op *op)
{
	struct call c = { .info = op->op.info, .machine = m, .process = process_name(op->process) };

	memcpy(c.args, op->args, sizeof(c.args));
	for (guint i = 0; i < MAX_ARGS; i++)
		if (op->slots[i] != NO_SLOT)
			c.args[i].number = place->fds[op->slots[i]];
	c.next = &world->boots[MIN(machine_kernel(m), world->kernels - 1)];
	if (op->op.info->result.kind == PARAM_STRING || op->op.info->result.kind == PARAM_FIELDS)
		c.out = scratch();
	return op->op.info->call(&c);
}

/* ---- Machines ---- */

static void no_fds(struct place *place)
{
	for (guint i = 0; i < G_N_ELEMENTS(place->fds); i++)
		place->fds[i] = -1;
}

/* A step that makes files; a file for which it fails is not there. */
static void open_file(const struct world *world, struct machine *m, struct place *place,
		      const struct world_op *op)
{
	gint64 ret = make_call(world, m, place, op);

	if (op->gives == GIVES_FILE)
		place->fds[op->result] = MAX(ret, -1);
	else if (op->gives == GIVES_MEMORY)
		g_assert(ret < 0 || op->memory == 0);
	else if (ret != value_number(&g_array_index(op->op.outcomes, struct outcome, 0).value,
				     NULL))
		place->fds[op->slots[0]] = -1;
}

/* A machine in kernel 1 with the files that the world makes itself. */
static struct machine *new_machine(const struct world *world, struct place *place,
				   void (*emit)(void *data, const struct event *event), void *data)
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
	memory_begin(world, place);
	world_start_processes(world, m);
	place->fds[0] = sys_open(m, "/dev/liveupdate", O_RDWR);
	for (guint i = 0; i < world->prelude->len; i++)
		open_file(world, m, place, &g_array_index(world->prelude, struct world_op, i));
	return m;
}

struct machine *world_new_machine(const struct world *world, struct place *place,
				  void (*emit)(void *data, const struct event *event),
				  void *data)
{
	struct machine *m = new_machine(world, place, emit, data);

	if (m != NULL)
		world_begin(world, m, place, NULL);
	return m;
}

/* Is there all that the search begins with? Settings can be such that there are not. */
static bool has_all(const struct world *world, const struct place *place, GError **error)
{
	guint made = nr_files(world) - world->begun_files, f = 0;

	while (f < made && place->fds[file_slot(world, f)] >= 0)
		f++;
	if (f == made && place->fds[0] >= 0)
		return true;
	g_set_error(error, SCN_ERROR, 0, "kernel 1 cannot open %s of this world, expected more "
		    "mem, a higher nofile, kho and liveupdate", f < made ?
		    "the files" : "/dev/liveupdate");
	return false;
}

/* What is broken from the beginning would be found on every path. */
static bool is_sound(const struct world *world, struct machine *m, GError **error)
{
	size_t nr;
	const struct violation *v = machine_violations(m, &nr);

	if (nr > 0)
		g_set_error(error, SCN_ERROR, 0, "%s: %s in the steps that the world begins with, "
			    "expected nothing broken", world->scn->file, violation_name(v->kind));
	return nr == 0;
}

static bool can_begin(const struct world *world, GError **error)
{
	struct place place;
	struct machine *m = new_machine(world, &place, NULL, NULL);
	bool ok;

	if (m == NULL)
		return true;
	ok = has_all(world, &place, error);
	if (ok) {
		world_begin(world, m, &place, world->start);
		ok = is_sound(world, m, error);
	}
	machine_free(m);
	return ok;
}

gboolean world_plan(struct world *world, const struct overrides *overrides, GError **error)
{
	const GPtrArray *releases = overrides->releases;
	bool ok;

	world->contents = world_tries(world, "write");
	world->hugepages = world_count(world, "hugetlb");
	world->least_mem = world->scn != NULL ? DEFAULT_MEM :
			   SMALLEST_MEM + world->hugepages * HUGE_MEM;
	world->mem = world->least_mem;
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
	world->pairs = g_array_new(FALSE, TRUE, sizeof(struct world_pair));
	ok = world_list_begin(world, error);
	world->nr_slots = 1 + 2 * world->sessions + nr_files(world);
	world_list_ops(world);
	world_list_damages(world);
	world_list_files(world);
	world_parse_begin(world);
	return ok && list_pairs(world, error) && tree_can(world, error) && can_begin(world, error);
}

void world_clear(struct world *world)
{
	g_string_free(world->start, TRUE);
	g_array_unref(world->prelude);
	g_array_unref(world->begin);
	g_array_unref(world->ops);
	g_array_unref(world->pairs);
	g_array_unref(world->damages);
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
		.contents = world->contents,
		.damaged = place->damages > 0,
		.faults = world->faults > 0,
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
	fingerprint[1] += memory_state(world, place) * 0x9e3779b97f4a7c15ull;
	fingerprint[0] += (place->faults | place->damages << 8 | place->races << 16) *
			  0x9e3779b97f4a7c15ull;
}

/* The reduced machine preserves in its first kernel and retrieves in the second. */
static bool reduced_can(const struct world *world, const struct place *place,
			const struct world_op *op)
{
	bool out = op->session < in_slot(world, 0);

	if (op->gives == GIVES_OUTGOING)
		return place->kernel == 1 && place->fds[op->session] < 0;
	if (op->gives == GIVES_INCOMING)
		return place->kernel == 2 && place->fds[op->session] < 0;
	if (op->has_token && op->has_file)
		return out;
	return !(op->has_token || op->op.info->empties) || !out;
}

bool world_boots(const struct world *world, guint nr)
{
	return op_of(world, nr)->op.info->reboots;
}

const struct world_pair *world_pair(const struct world *world, guint nr)
{
	return nr < world->ops->len ? NULL :
		&g_array_index(world->pairs, struct world_pair, nr - world->ops->len);
}

static guint named(const struct world_names *names, guint slot)
{
	return slot != NO_SLOT ? names->slots[slot] : NO_SLOT;
}

static bool is_with(const struct world_op *op, const struct world_op *other,
		    const struct world_names *names)
{
	if (op->action != other->action || op->process != other->process ||
	    named(names, op->session) != other->session || op->memory != other->memory ||
	    op->peer != other->peer ||
	    (op->has_token && names->tokens[op->session][op->token] != other->token))
		return false;
	for (guint i = 0; i < MAX_ARGS; i++)
		if (named(names, op->slots[i]) != other->slots[i])
			return false;
	return true;
}

guint world_op_with(const struct world *world, guint nr, const struct world_names *names)
{
	const struct world_op *op = op_of(world, nr);
	guint i = nr;

	if (!is_with(op, op, names))
		for (i = 0; i < world->ops->len && !is_with(op, op_of(world, i), names); i++)
			;
	return i;
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
	return place->races < world->races && world_enabled(world, place, pair->ops[0]) &&
	       world_enabled(world, place, pair->ops[1]);
}

bool world_enabled(const struct world *world, const struct place *place, guint nr)
{
	const struct world_pair *pair = world_pair(world, nr);
	const struct world_op *op;

	if (pair != NULL)
		return can_race(world, place, pair);
	op = op_of(world, nr);
	if (world->reduced && !reduced_can(world, place, op))
		return false;
	for (guint i = 0; i < MAX_ARGS; i++)
		if (op->slots[i] != NO_SLOT && place->fds[op->slots[i]] < 0)
			return false;
	if (op->op.info->loads && place->kernel == world->kernels)
		return false;
	if (!memory_can(place, op))
		return false;
	/* What a session gives back is closed where there is no room, what is made is not made. */
	if (op->gives == GIVES_FILE && !op->has_token)
		return free_file_slot(world, place, op->process) >= 0;
	if (op->peer)
		return place->fds[first_slot(world, !op->process) + own_slot(world, op->file)] < 0;
	return !op->op.info->ends || has_any(world, place, op->process);
}

/* Does a lower token do that is in use, or is not, as this one is? */
static bool lower_token(guint8 used, guint token)
{
	guint8 lower = (1u << token) - 1;

	return used & 1u << token ? used & lower : (guint8)~used & lower;
}

/* Does @b mean nothing to the names and tokens that @a could as well have been done to? */
static bool is_apart(const struct world_op *a, const struct world_op *b)
{
	if (a->gives == GIVES_OUTGOING)
		return b->session == 0;
	return !b->has_token || b->session != a->session;
}

static bool pair_same(const struct world *world, const struct place *place,
		      const struct world_pair *pair)
{
	const struct world_op *a = op_of(world, pair->ops[0]), *b = op_of(world, pair->ops[1]);

	return (world_redundant(world, place, pair->ops[0]) && is_apart(a, b)) ||
	       (world_redundant(world, place, pair->ops[1]) && is_apart(b, a));
}

bool world_redundant(const struct world *world, const struct place *place, guint nr)
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
	if ((place->races > 0 && op->has_token) || world->processes > 1)
		return false;
	used = place->tokens[op->session];

	/* What was handed over need not be what was preserved. */
	if (place->damages > 0)
		return false;
	if (op->gives == GIVES_OUTGOING) {
		for (guint slot = 1; slot < op->session; slot++)
			if ((place->fds[slot] < 0) == (place->fds[op->session] < 0))
				return true;
		return false;
	}
	return op->has_token && (op->has_file || !(used & 1u << op->token)) &&
	       lower_token(used, op->token);
}

/* ---- Operations ---- */

gint64 world_call(const struct world *world, struct machine *m, const struct place *place,
		  guint nr)
{
	const struct world_op *op = op_of(world, nr);

	crash_step(NULL, 0, op->name);
	return make_call(world, m, place, op);
}

/* The slot for a descriptor that the operation returns; -1: none is free. */
static int slot_for(const struct world *world, const struct place *place,
		    const struct world_op *op)
{
	switch (op->gives) {
	case GIVES_OUTGOING:
	case GIVES_INCOMING:
		return place->fds[op->session] < 0 ? op->session : -1;
	case GIVES_FILE:
		return op->result > 0 ? op->result : free_file_slot(world, place, op->process);
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
	memory_boot(world, place);
	no_fds(place);
	place->kernel++;
	done->booted = true;
	world_start_processes(world, m);
	world_open_device(m, place, done);
}

void world_apply(const struct world *world, struct machine *m, struct place *place,
		  const struct world_op *op, struct done *done)
{
	const struct op_info *info = op->op.info;
	guint8 *tokens = &place->tokens[own_slot(world, op->session)];

	if (op->gives == GIVES_INCOMING)
		*tokens = place->waiting[session_of(world, op->session)];
	else if (op->gives == GIVES_OUTGOING || info->empties || (info->closes && op->session > 0))
		*tokens = 0;
	else if (op->has_token && op->has_file)
		*tokens |= 1u << op->token;
	if (info->closes)
		place->fds[op->slots[0]] = -1;
	memory_settle(place, op);
	if (done->left)
		world_boot(world, m, place, done);
	if (op->peer)
		world_receive(world, m, place, op, done);
	if (info->ends)
		world_restart(world, m, place, op, done);
}

void world_bind_slot(const struct world *world, struct machine *m, struct place *place,
		const struct world_op *op, struct done *done)
{
	done->slot = slot_for(world, place, op);
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
	memcpy(done->in, stats.in, sizeof(done->in));
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

/* The call of @op has returned. */
static void follow(const struct world *world, struct machine *m, struct place *place,
		   const struct world_op *op, struct done *done)
{
	/* A process that fails to start has ended all the same. */
	if (machine_panicked(m) || (done->ret < 0 && !op->op.info->ends))
		return;
	world_bind_slot(world, m, place, op, done);
	if (done->slot >= 0)
		world_apply(world, m, place, op, done);
}

void world_do(const struct world *world, struct machine *m, struct place *place,
	      const struct world_op *op, struct done *done)
{
	guint kernel = machine_kernel(m);

	*done = (struct done){ .slot = -1 };
	machine_begin_op(m, 1);
	done->ret = make_call(world, m, place, op);
	machine_end_op(m, done->ret);
	done->left = machine_kernel(m) != kernel;
	follow(world, m, place, op, done);
}

static void run_op(const struct world *world, struct machine *m, struct place *place, guint nr,
		   guint nth, struct done *done)
{
	const struct world_op *op = op_of(world, nr);
	const struct failure anywhere = {
		.point = FAIL_ANYWHERE, .error = -EIO, .nth = nth, .no_nodes = world->no_nodes,
	};
	guint kernel = machine_kernel(m);

	*done = (struct done){ .slot = -1, .opened = op->gives == GIVES_INCOMING };
	done->damage = nth >= FIRST_DAMAGE;
	if (done->damage) {
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
	done->refused = done->ret == -EBUSY && !done->hit && op->has_token && op->has_file &&
			!machine_is_preserved(m, place->fds[op->file]);
	follow(world, m, place, op, done);
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
