/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a small world as a graph. The search is breadth first and by one thread, so
 * the first step that leads to a state is the last one of a shortest way to it.
 */
#include "explore/graph.h"
#include "explore/graph-page.h"
#include "report/json.h"
#include "report/state.h"

/* A page of more can be neither drawn nor read. */
#define MAX_PAGE_STATES	1000

struct edge {
	guint from, to;
	char *label;
	bool thick;
};

struct graph {
	const struct world *world;
	int fold;
	GArray *node_of;		/* of guint: by number of a state */
	GPtrArray *labels;		/* of char *: by node */
	GArray *first;			/* of guint: by node, the edge that led there first, + 1 */
	GArray *broken;			/* of guint: nodes that are violations */
	GHashTable *nodes;		/* by label, + 1; when states are folded, and violations */
	GArray *edges;			/* of struct edge */
	GHashTable *known;		/* edges by text */
	struct machine_state state;
};

static void edge_clear(struct edge *edge)
{
	g_free(edge->label);
}

static guint add_node(struct graph *g, const char *label)
{
	const guint none = 0;

	g_ptr_array_add(g->labels, g_strdup(label));
	g_array_append_val(g->first, none);
	return g->labels->len - 1;
}

static guint named_node(struct graph *g, const char *label, bool *new)
{
	guint node = GPOINTER_TO_UINT(g_hash_table_lookup(g->nodes, label));

	*new = node == 0;
	if (*new) {
		node = add_node(g, label) + 1;
		g_hash_table_insert(g->nodes, g_strdup(label), GUINT_TO_POINTER(node));
	}
	return node - 1;
}

struct graph *graph_new(const struct world *world, int fold)
{
	struct graph *g = g_new0(struct graph, 1);

	g->world = world;
	g->fold = fold;
	g->node_of = g_array_new(FALSE, TRUE, sizeof(guint));
	g->labels = g_ptr_array_new_with_free_func(g_free);
	g->first = g_array_new(FALSE, TRUE, sizeof(guint));
	g->broken = g_array_new(FALSE, TRUE, sizeof(guint));
	g->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g->edges = g_array_new(FALSE, TRUE, sizeof(struct edge));
	g_array_set_clear_func(g->edges, (GDestroyNotify)edge_clear);
	g->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return g;
}

void graph_free(struct graph *g)
{
	if (g == NULL)
		return;
	g_array_unref(g->node_of);
	g_ptr_array_unref(g->labels);
	g_array_unref(g->first);
	g_array_unref(g->broken);
	g_hash_table_unref(g->nodes);
	g_array_unref(g->edges);
	g_hash_table_unref(g->known);
	machine_state_free(&g->state);
	g_free(g);
}

/* What tells a state: the kernel, and sessions with their files; or what it is folded by. */
static char *label_of(struct graph *g, struct machine *m)
{
	g_autoptr(GString) label = g_string_new(NULL);

	machine_state_take(m, &g->state, false);
	g_string_append_printf(label, "kernel %u", machine_kernel(m));
	for (guint i = 0; i < g->state.nr; i++) {
		const struct state_object *o = &g->state.objects[i];

		if (g->fold >= 0 ? (int)o->kind != g->fold :
				   o->kind != STATE_SESSION && o->kind != STATE_FILE)
			continue;
		g_string_append_c(label, '\n');
		state_print_object(label, &g->state, o);
	}
	return g_string_free(g_steal_pointer(&label), FALSE);
}

void graph_state(struct graph *g, guint32 number, struct machine *m)
{
	/* The first one is where the search begins, and node 0. */
	g_autofree char *label = g->labels->len == 0 ? g_strdup("start") : label_of(g, m);
	bool new;
	guint node = g->fold >= 0 ? named_node(g, label, &new) : add_node(g, label);

	if (g->node_of->len <= number)
		g_array_set_size(g->node_of, number + 1);
	g_array_index(g->node_of, guint, number) = node;
}

static void add_edge(struct graph *g, guint from, guint to, const struct origin *origin)
{
	g_autoptr(GString) call = g_string_new(NULL);
	struct edge edge = { .from = from, .to = to };
	guint *first = &g_array_index(g->first, guint, to);
	char *text;

	if (from == to)
		return;
	world_print_call(call, g->world, origin->op, origin->nth);
	text = g_strdup_printf("%u %u %s", from, to, call->str);
	if (!g_hash_table_add(g->known, text))
		return;
	edge.label = g_strdup(call->str);
	g_array_append_val(g->edges, edge);
	if (*first == 0 && to != 0)
		*first = g->edges->len;
}

void graph_step(struct graph *g, const struct origin *origin, guint32 number)
{
	add_edge(g, g_array_index(g->node_of, guint, origin->parent),
		 g_array_index(g->node_of, guint, number), origin);
}

void graph_broken(struct graph *g, const struct origin *origin, const char *kind, bool at_end)
{
	g_autofree char *label = g_strconcat(kind, at_end ? "\nwhen all is closed" : NULL, NULL);
	bool new;
	guint node = named_node(g, label, &new);

	if (new)
		g_array_append_val(g->broken, node);
	add_edge(g, g_array_index(g->node_of, guint, origin->parent), node, origin);
}

/* ---- Writing ---- */

static void mark_way(struct graph *g, guint node)
{
	guint first;

	while ((first = g_array_index(g->first, guint, node)) != 0) {
		struct edge *edge = &g_array_index(g->edges, struct edge, first - 1);

		if (edge->thick)
			return;
		edge->thick = true;
		node = edge->from;
	}
}

static void append_quoted(GString *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			g_string_append(out, "\\n");
		else
			g_string_append_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c",
					       *text);
}

static GString *as_dot(const struct graph *g)
{
	GString *out = g_string_new("digraph states {\n"
		"node [shape=box, fontname=monospace, fontsize=10];\n"
		"edge [fontname=monospace, fontsize=9];\n");

	for (guint i = 0; i < g->labels->len; i++) {
		g_string_append_printf(out, "s%u [label=\"", i);
		append_quoted(out, g->labels->pdata[i]);
		g_string_append(out, "\"];\n");
	}
	for (guint i = 0; i < g->broken->len; i++)
		g_string_append_printf(out, "s%u [color=\"#cf222e\", penwidth=3];\n",
				       g_array_index(g->broken, guint, i));
	for (guint i = 0; i < g->edges->len; i++) {
		const struct edge *e = &g_array_index(g->edges, struct edge, i);

		g_string_append_printf(out, "s%u -> s%u [label=\"", e->from, e->to);
		append_quoted(out, e->label);
		g_string_append_printf(out, "\"%s];\n", e->thick ? ", penwidth=3" : "");
	}
	g_string_append(out, "}\n");
	return out;
}

static void add_nodes(const struct graph *g, JsonBuilder *b)
{
	g_autofree guint *states = g_new0(guint, g->labels->len);
	g_autofree bool *broken = g_new0(bool, g->labels->len);

	for (guint i = 0; i < g->node_of->len; i++)
		states[g_array_index(g->node_of, guint, i)]++;
	for (guint i = 0; i < g->broken->len; i++)
		broken[g_array_index(g->broken, guint, i)] = true;
	add_array(b, "nodes");
	for (guint i = 0; i < g->labels->len; i++) {
		guint first = g_array_index(g->first, guint, i);

		json_builder_begin_object(b);
		add_string(b, "label", g->labels->pdata[i]);
		json_builder_set_member_name(b, "first");
		if (first > 0)
			json_builder_add_int_value(b, first - 1);
		else
			json_builder_add_null_value(b);
		add_number(b, "states", states[i]);
		add_bool(b, "broken", broken[i]);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}

static void add_edges(const struct graph *g, JsonBuilder *b)
{
	add_array(b, "edges");
	for (guint i = 0; i < g->edges->len; i++) {
		const struct edge *e = &g_array_index(g->edges, struct edge, i);

		json_builder_begin_object(b);
		add_number(b, "from", e->from);
		add_number(b, "to", e->to);
		add_string(b, "label", e->label);
		add_bool(b, "thick", e->thick);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}

static GString *as_page(const struct graph *g)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	GString *out = g_string_new(graph_page_head);
	g_autofree char *json = NULL;

	json_builder_begin_object(b);
	add_nodes(g, b);
	add_edges(g, b);
	add_string(b, "folded", g->fold >= 0 ? state_kind_name(g->fold) : "");
	json_builder_end_object(b);
	json = json_page_text(b);
	g_string_append_printf(out, "<script type=\"application/json\" id=\"data\">%s</script>\n",
			       json);
	g_string_append(out, graph_page_tail);
	return out;
}

bool graph_write(struct graph *g, const char *path, GError **error)
{
	bool page = g_str_has_suffix(path, ".html");
	g_autoptr(GString) out = NULL;

	if (page && g->labels->len > MAX_PAGE_STATES) {
		g_set_error(error, SCN_ERROR, 0, "%u states are too many for a page, expected at "
			    "most %u; --fold makes them fewer", g->labels->len, MAX_PAGE_STATES);
		return false;
	}
	for (guint i = 0; i < g->broken->len; i++)
		mark_way(g, g_array_index(g->broken, guint, i));
	out = page ? as_page(g) : as_dot(g);
	return g_file_set_contents(path, out->str, out->len, error);
}
