/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios: reading files, and giving memory back. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "scn/handler.h"
#include "scn/op.h"
#include "scn/value.h"

static void outcome_clear(struct outcome *o)
{
	if (o->selectors != NULL)
		g_array_unref(o->selectors);
	value_clear(&o->value);
}

GArray *outcomes_new(void)
{
	GArray *outcomes = g_array_new(FALSE, TRUE, sizeof(struct outcome));

	g_array_set_clear_func(outcomes, (GDestroyNotify)outcome_clear);
	return outcomes;
}

void op_clear(struct op *op)
{
	for (guint i = 0; op->args != NULL && i < op_nr_args(op->info); i++)
		value_clear(&op->args[i]);
	g_free(op->args);
	if (op->outcomes != NULL)
		g_array_unref(op->outcomes);
}

static void step_clear(struct step *step)
{
	switch (step->kind) {
	case STEP_KERNEL:
		if (step->kernel.settings != NULL)
			g_array_unref(step->kernel.settings);
		break;
	case STEP_OP:
		op_clear(&step->op);
		break;
	case STEP_REPEAT:
		g_free(step->repeat.name);
		break;
	case STEP_RACE:
		if (step->race.schedule != NULL)
			g_array_unref(step->race.schedule);
		break;
	case STEP_TASK:
		g_free(step->task.name);
		g_free(step->task.process);
		break;
	case STEP_PROCESS:
		g_free(step->process);
		break;
	case STEP_END:
	case STEP_FAIL:
		break;
	}
}

static void variant_clear(struct variant *v)
{
	g_free(v->name);
	g_free(v->policy);
}

static void expectation_clear(struct expectation *e)
{
	if (e->selectors != NULL)
		g_array_unref(e->selectors);
}

static GArray *array_new(gsize size, gpointer clear)
{
	GArray *array = g_array_new(FALSE, TRUE, size);

	g_array_set_clear_func(array, (GDestroyNotify)clear);
	return array;
}

struct scenario *scenario_new(const char *file)
{
	struct scenario *scn = g_new0(struct scenario, 1);

	scn->file = g_strdup(file);
	scn->path = g_strdup(file);
	scn->runs = array_new(sizeof(struct variant), variant_clear);
	scn->handlers = g_array_new(FALSE, TRUE, sizeof(struct handler_script));
	handlers_append_given(scn->handlers);
	scn->steps = array_new(sizeof(struct step), step_clear);
	scn->expects = array_new(sizeof(struct expectation), expectation_clear);
	for (int i = 0; i < NR_LISTS; i++)
		scn->lists[i] = array_new(sizeof(struct expectation), expectation_clear);
	return scn;
}

void scenario_free(struct scenario *scn)
{
	g_free(scn->file);
	g_free(scn->path);
	g_free(scn->digest);
	g_free(scn->text);
	g_free(scn->name);
	g_free(scn->title);
	g_free(scn->about);
	g_free(scn->source);
	g_array_unref(scn->runs);
	g_array_unref(scn->handlers);
	g_free(scn->explore.ops);
	g_free(scn->explore.handlers);
	g_array_unref(scn->steps);
	g_array_unref(scn->expects);
	for (int i = 0; i < NR_LISTS; i++)
		g_array_unref(scn->lists[i]);
	g_free(scn);
}

/* All of the file, but not more than a byte too much. */
static GByteArray *read_file(int fd)
{
	GByteArray *all = g_byte_array_new();
	guint8 buf[65536];
	gssize n;

	while (all->len <= MAX_FILE_BYTES && (n = read(fd, buf, sizeof(buf))) != 0) {
		if (n > 0) {
			g_byte_array_append(all, buf, n);
		} else if (errno != EINTR) {
			g_byte_array_unref(all);
			return NULL;
		}
	}
	return all;
}

char *display_name(const char *path)
{
	char *name = g_filename_display_name(path);

	for (char *c = name; *c != '\0'; c++)
		if (g_ascii_iscntrl(*c))
			*c = '?';
	return name;
}

/* Read and parse; @fd is negative when opening failed with errno. */
static struct scenario *read_scenario(int fd, const char *name, GError **error)
{
	g_autoptr(GByteArray) all = fd >= 0 ? read_file(fd) : NULL;
	struct scenario *scn;

	if (all == NULL) {
		g_set_error(error, SCN_ERROR, 0, "%s: %s, expected a scenario file", name,
			    g_strerror(errno));
		return NULL;
	}
	if (all->len > MAX_FILE_BYTES) {
		g_set_error(error, SCN_ERROR, 0, "%s: file too large, expected at most %u bytes",
			    name, MAX_FILE_BYTES);
		return NULL;
	}
	scn = scenario_parse(name, all->len > 0 ? (char *)all->data : "", all->len, error);
	if (scn != NULL) {
		scn->digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, all->data, all->len);
		scn->digest[DIGEST_DIGITS] = '\0';
		scn->text = g_utf8_make_valid((char *)all->data, all->len);
	}
	return scn;
}

struct scenario *scenario_load(const char *path, GError **error)
{
	g_autofree char *name = display_name(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct scenario *scn = read_scenario(fd, name, error);

	if (fd >= 0)
		close(fd);
	return scn;
}

struct scenario *scenario_load_stdin(GError **error)
{
	return read_scenario(STDIN_FILENO, "<stdin>", error);
}
