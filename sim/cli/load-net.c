/* SPDX-License-Identifier: GPL-2.0-only */
/* The module by which processes that mpirun has started search together. */
#include <gmodule.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "scn/scn.h"

/* What mpirun or srun has set in the environment: of Open MPI, PMIx and PMI. */
static const char *const ranks[] = { "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK" };

const char *net_rank(void)
{
	const char *rank = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(ranks) && rank == NULL; i++)
		rank = getenv(ranks[i]);
	return rank;
}

struct net *net_load(GError **error)
{
	g_autofree char *path = net_module();
	GModule *module = g_module_open(path, G_MODULE_BIND_LAZY);
	struct net *net = NULL;
	gpointer symbol;

	if (module == NULL)
		g_set_error(error, SCN_ERROR, 0, "started by mpirun, and no module of MPI: %s, "
			    "expected luosim to be built with ./configure --with-mpi",
			    g_module_error());
	else if (!g_module_symbol(module, NET_OPEN, &symbol) ||
		 (net = ((net_open_fn *)symbol)()) == NULL)
		g_set_error(error, SCN_ERROR, 0, "%s: MPI does not begin", path);
	return net;
}
