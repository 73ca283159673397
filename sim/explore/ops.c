/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of a world: what the rows of the table of operations say is to be tried,
 * with the world's objects put in.
 */
#include <stdlib.h>
#include <string.h>

#include "scn/names.h"
#include "scn/value.h"
#include "explore/internal.h"

/* Words of a try for which objects of the world are put in, one after the other. */
enum role {
	ROLE_DEV, ROLE_SESSION, ROLE_NAME, ROLE_FILE, ROLE_ANY, ROLE_TOKEN, ROLE_PEER, ROLE_FOLIO,
	ROLE_AREA, NR_ROLES
};

static const char *const role_words[NR_ROLES] = {
	[ROLE_DEV] = "DEV",
	[ROLE_SESSION] = "SESSION",
	[ROLE_NAME] = "NAME",
	[ROLE_FILE] = "FILE",
	[ROLE_ANY] = "ANY",
	[ROLE_TOKEN] = "TOKEN",
	[ROLE_PEER] = "PEER",
	[ROLE_FOLIO] = "FOLIO",
	[ROLE_AREA] = "AREA",
};

bool world_tries(const struct world *world, const char *name)
{
	return world->words.tries >> op_try_find(name) & 1;
}

/* ---- One operation ---- */

void world_op_clear(gpointer data)
{
	op_clear(&((struct world_op *)data)->op);
}

/* The slot of the first process that is called so: "dev", "s0", "r1", "f2", "tmp". */
static guint slot_named(const struct world *world, const char *name)
{
	guint nr = atoi(name + 1);

	switch (*name) {
	case 's':
		return out_slot(nr);
	case 'r':
		return in_slot(world, nr);
	case 'f':
		return file_slot(world, nr);
	default:
		return g_str_equal(name, "tmp") ? TMP_SLOT : 0;
	}
}

/* Descriptors are looked up at each call, all else once. */
static void resolve_arg(const struct world *world, struct world_op *op, guint i)
{
	const struct value *value = &op->op.args[i];
	struct actual *arg = &op->args[i];
	guint slot;

	arg->given = value->kind != VALUE_ABSENT;
	if (value->kind == VALUE_NUMBER) {
		arg->number = value_number(value, NULL);
	} else if (value->kind == VALUE_STRING) {
		arg->bytes = value->text.bytes;
		arg->len = value->text.len;
	}
	if (g_strcmp0(op->op.info->args[i].name, role_words[ROLE_TOKEN]) == 0) {
		op->has_token = true;
		op->token = arg->number - 1;
	}
	if (value->kind != VALUE_NAME)
		return;
	if (op->op.info->args[i].kind == PARAM_MEMORY) {
		op->memory = atoi(value->text.bytes + 1);
		arg->number = MODULE_MEM_FIRST + op->memory;
		return;
	}
	slot = slot_named(world, value->text.bytes);
	op->slots[i] = slot == TMP_SLOT ? slot : first_slot(world, op->process) + slot;
	if (op->has_file || slot == TMP_SLOT)
		return;
	op->has_file = op->peer || slot >= file_slot(world, 0);
	if (op->has_file)
		op->file = op->slots[i];
	else if (slot > 0)
		op->session = op->slots[i];
}

/* What becomes of the descriptor that it returns. */
static void take_result(const struct world *world, struct world_op *op,
			const struct value *value)
{
	const char *name = op->args[1].bytes, *result = value->text.bytes;
	guint nr = name != NULL ? *name - 'a' : 0;

	if (value->kind != VALUE_NAME)
		return;
	if (op->op.info->result.kind == PARAM_NEW_MEMORY) {
		op->gives = GIVES_MEMORY;
	} else if (g_str_equal(result, "OUTGOING")) {
		op->gives = GIVES_OUTGOING;
		op->session = first_slot(world, op->process) + out_slot(nr);
	} else if (g_str_equal(result, "INCOMING")) {
		op->gives = GIVES_INCOMING;
		op->session = first_slot(world, op->process) + in_slot(world, nr);
	} else {
		op->gives = GIVES_FILE;
		op->result = slot_named(world, result);
		if (op->result != TMP_SLOT && op->result > 0)
			op->result += first_slot(world, op->process);
	}
}

void world_parse_step(const char *text, struct op *op)
{
	g_autoptr(GError) error = NULL;
	struct lex l = {
		.file = "world", .line = text, .p = text, .end = text + strlen(text),
		.names = names_new(), .error = &error,
	};
	g_autofree char *name = lex_word(&l);

	if (!op_parse(&l, text, name, op))
		g_error("%s", error->message);
	names_free(l.names);
}

/* @text is a step that the table, setup.c or prelude.c has written, so that it is one. */
void world_op_parse(const struct world *world, struct world_op *op, const char *text)
{
	world_parse_step(text, &op->op);
	memset(op->slots, NO_SLOT, sizeof(op->slots));
	for (guint i = 0; i < op_nr_args(op->op.info); i++)
		resolve_arg(world, op, i);
	if (op->op.outcomes != NULL)
		take_result(world, op, &g_array_index(op->op.outcomes, struct outcome, 0).value);
}

/* ---- All of them ---- */

struct lister {
	struct world *world;
	guint action, process;
	const char *name;
	bool peer;
};

/* Where the first word of @text that is a role begins, or NULL. */
static const char *find_role(const char *text, enum role *role)
{
	const char *first = NULL;

	for (guint i = 0; i < NR_ROLES; i++) {
		const char *at = strstr(text, role_words[i]);

		if (at != NULL && (first == NULL || at < first)) {
			first = at;
			*role = i;
		}
	}
	return first;
}

static guint role_count(const struct world *world, enum role role)
{
	switch (role) {
	case ROLE_SESSION:
		return 2 * world->sessions;
	case ROLE_NAME:
		return world->sessions;
	case ROLE_FILE:
		return nr_files(world);
	case ROLE_ANY:
		return world->nr_slots;
	case ROLE_TOKEN:
		return world->tokens;
	case ROLE_PEER:
		return world->processes - 1;
	case ROLE_FOLIO:
	case ROLE_AREA:
		return world->memories;
	default:
		return 1;
	}
}

static void put_object(GString *out, const struct lister *l, enum role role, guint nr)
{
	switch (role) {
	case ROLE_SESSION:
		world_print_slot(out, l->world, out_slot(nr));
		break;
	case ROLE_NAME:
		g_string_append_printf(out, "\"%c\"", 'a' + nr);
		break;
	case ROLE_FILE:
		world_print_slot(out, l->world, file_slot(l->world, nr));
		break;
	case ROLE_TOKEN:
		g_string_append_printf(out, "0x%x", nr + 1);
		break;
	case ROLE_PEER:
		g_string_append_printf(out, "\"%s\"", process_name(!l->process));
		break;
	case ROLE_FOLIO:
	case ROLE_AREA:
		g_string_append_printf(out, "m%u", nr);
		break;
	default:
		world_print_slot(out, l->world, nr);
	}
}

/* Add an operation for each way to put objects into @text. */
static void list_try(struct lister *l, const char *text)
{
	struct world_op op = {
		.action = l->action, .process = l->process, .peer = l->peer, .name = l->name,
	};
	enum role role = NR_ROLES;
	const char *at = find_role(text, &role);

	if (at == NULL) {
		world_op_parse(l->world, &op, text);
		g_array_append_val(l->world->ops, op);
		return;
	}
	l->peer |= role == ROLE_PEER;
	for (guint i = 0; i < role_count(l->world, role); i++) {
		g_autoptr(GString) filled = NULL;

		if ((role == ROLE_FOLIO || role == ROLE_AREA) &&
		    memory_is_area(i) != (role == ROLE_AREA))
			continue;
		filled = g_string_new_len(text, at - text);
		put_object(filled, l, role, i);
		g_string_append(filled, at + strlen(role_words[role]));
		list_try(l, filled->str);
	}
}

void world_list_ops(struct world *world)
{
	const struct op_info *info;
	const char *text;

	world->ops = g_array_new(FALSE, TRUE, sizeof(struct world_op));
	g_array_set_clear_func(world->ops, world_op_clear);
	for (guint p = 0; p < world->processes; p++) {
		for (guint i = 0; (text = op_try(i, &info)) != NULL; i++) {
			g_autofree char *name = op_try_name(text);
			struct lister l = {
				.world = world, .action = i, .process = p,
				.name = g_intern_string(name),
			};
			const char *step = strchr(text, ':');

			/* Only the first process boots the next kernel. */
			if (world->words.tries >> i & 1 && (p == 0 || !info->reboots))
				list_try(&l, step != NULL ? step + 2 : text);
		}
	}
}
