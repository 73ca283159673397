/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ranks of a search as processes of MPI: a module, so that the program itself needs no
 * library of MPI.
 *
 * Nothing waits inside of MPI, which would take a processor: calls that have to wait ask
 * again and again, after a while with breaks.
 */
#include <mpi.h>
#include <string.h>

#include "explore/net.h"

#define PIECE	(256u << 20)	/* sizes of MPI are of type int */
#define EAGER	10		/* questions without a break */
#define BREAK	50		/* microseconds, first; then twice as long, up to ... */
#define LONG	1600

struct message {
	MPI_Request request;
	void *data;
};

struct mpi {
	struct net net;
	MPI_Comm messages, together;	/* so that one is not taken for the other */
	GArray *sent;			/* of struct message: not yet out of here */
	MPI_Request barrier;
};

static struct mpi *mpi_of(struct net *net)
{
	return (struct mpi *)net;
}

/* Until @request is done. */
static void wait_for(MPI_Request *request)
{
	guint pause = BREAK;
	int done = 0;

	for (guint tries = 0; MPI_Test(request, &done, MPI_STATUS_IGNORE), !done; tries++) {
		if (tries < EAGER)
			continue;
		g_usleep(pause);
		pause = MIN(2 * pause, LONG);
	}
}

static void drop_sent(struct mpi *mpi)
{
	for (guint i = 0; i < mpi->sent->len; ) {
		struct message *m = &g_array_index(mpi->sent, struct message, i);
		int done = 0;

		MPI_Test(&m->request, &done, MPI_STATUS_IGNORE);
		if (!done) {
			i++;
			continue;
		}
		g_free(m->data);
		g_array_remove_index_fast(mpi->sent, i);
	}
}

static void send_message(struct net *net, guint to, guint tag, const void *data, guint size)
{
	struct mpi *mpi = mpi_of(net);
	struct message m = { .data = g_memdup2(data, size) };

	drop_sent(mpi);
	MPI_Isend(m.data, size, MPI_BYTE, to, tag, mpi->messages, &m.request);
	g_array_append_val(mpi->sent, m);
	net->messages++;
	net->bytes += size;
}

static bool receive_message(struct net *net, guint *from, guint *tag, GByteArray *data)
{
	struct mpi *mpi = mpi_of(net);
	MPI_Message message;
	MPI_Status status;
	int there = 0, size;

	MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, mpi->messages, &there, &message, &status);
	if (!there)
		return false;
	MPI_Get_count(&status, MPI_BYTE, &size);
	g_byte_array_set_size(data, size);
	MPI_Mrecv(data->data, size, MPI_BYTE, &message, MPI_STATUS_IGNORE);
	*from = status.MPI_SOURCE;
	*tag = status.MPI_TAG;
	return true;
}

static bool all_are_here(struct net *net)
{
	struct mpi *mpi = mpi_of(net);
	int done = 0;

	drop_sent(mpi);
	if (mpi->barrier == MPI_REQUEST_NULL)
		MPI_Ibarrier(mpi->together, &mpi->barrier);
	MPI_Test(&mpi->barrier, &done, MPI_STATUS_IGNORE);
	return done;
}

static void gather(struct net *net, const guint64 *mine, guint nr, guint64 *all)
{
	struct mpi *mpi = mpi_of(net);
	MPI_Request request;

	MPI_Iallgather(mine, nr, MPI_UINT64_T, all, nr, MPI_UINT64_T, mpi->together, &request);
	wait_for(&request);
	net->messages++;
	net->bytes += nr * sizeof(*mine);
}

/* Piece by piece in both directions; @sizes is how much comes from each. */
static void exchange_pieces(struct mpi *mpi, GByteArray **out, GByteArray **in)
{
	g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(MPI_Request));
	MPI_Request request;

	for (guint i = 0; i < mpi->net.size; i++) {
		for (gsize at = 0; at < in[i]->len; at += PIECE) {
			MPI_Irecv(in[i]->data + at, MIN(PIECE, in[i]->len - at), MPI_BYTE, i, 0,
				  mpi->together, &request);
			g_array_append_val(requests, request);
		}
	}
	for (guint i = 0; i < mpi->net.size; i++) {
		for (gsize at = 0; at < out[i]->len; at += PIECE) {
			MPI_Isend(out[i]->data + at, MIN(PIECE, out[i]->len - at), MPI_BYTE, i, 0,
				  mpi->together, &request);
			g_array_append_val(requests, request);
			mpi->net.messages += i != mpi->net.rank;
			mpi->net.bytes += i != mpi->net.rank ? MIN(PIECE, out[i]->len - at) : 0;
		}
	}
	for (guint i = 0; i < requests->len; i++)
		wait_for(&g_array_index(requests, MPI_Request, i));
}

static void exchange(struct net *net, GByteArray **parts)
{
	struct mpi *mpi = mpi_of(net);
	g_autofree guint32 *out = g_new(guint32, net->size), *in = g_new(guint32, net->size);
	GByteArray **came = net_parts(net);
	MPI_Request request;

	for (guint i = 0; i < net->size; i++)
		out[i] = parts[i]->len;
	MPI_Ialltoall(out, 1, MPI_UINT32_T, in, 1, MPI_UINT32_T, mpi->together, &request);
	wait_for(&request);
	for (guint i = 0; i < net->size; i++)
		g_byte_array_set_size(came[i], in[i]);
	exchange_pieces(mpi, parts, came);
	for (guint i = 0; i < net->size; i++) {
		g_byte_array_unref(parts[i]);
		parts[i] = came[i];
	}
	g_free(came);
}

static void close_net(struct net *net)
{
	struct mpi *mpi = mpi_of(net);

	while (mpi->sent->len > 0)
		drop_sent(mpi);
	g_array_unref(mpi->sent);
	MPI_Comm_free(&mpi->messages);
	MPI_Comm_free(&mpi->together);
	MPI_Finalize();
	g_free(mpi);
}

struct net *net_open(void)
{
	MPI_Request request;
	struct mpi *mpi;
	int rank, size;

	/*
	 * Who waits sleeps. On a busy machine each look for a message would else end in a yield,
	 * and one who yields comes after all who have work.
	 */
	g_setenv("OMPI_MCA_mpi_yield_when_idle", "0", TRUE);
	if (MPI_Init(NULL, NULL) != MPI_SUCCESS)
		return NULL;
	mpi = g_new(struct mpi, 1);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	*mpi = (struct mpi){
		.net = {
			.rank = rank, .size = size, .send = send_message,
			.receive = receive_message, .all_here = all_are_here, .gather = gather,
			.exchange = exchange, .close = close_net,
		},
		.sent = g_array_new(FALSE, FALSE, sizeof(struct message)),
		.barrier = MPI_REQUEST_NULL,
	};
	MPI_Comm_idup(MPI_COMM_WORLD, &mpi->messages, &request);
	wait_for(&request);
	MPI_Comm_idup(MPI_COMM_WORLD, &mpi->together, &request);
	wait_for(&request);
	return &mpi->net;
}
