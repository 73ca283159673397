/* SPDX-License-Identifier: GPL-2.0-only */
/* What is made of the calls of struct net, whoever answers them. */
#include "explore/net.h"

guint64 net_sum(struct net *net, guint64 mine)
{
	g_autofree guint64 *all = g_new(guint64, net->size);
	guint64 sum = 0;

	net->gather(net, &mine, 1, all);
	for (guint i = 0; i < net->size; i++)
		sum += all[i];
	return sum;
}

guint64 net_max(struct net *net, guint64 mine)
{
	g_autofree guint64 *all = g_new(guint64, net->size);
	guint64 max = 0;

	net->gather(net, &mine, 1, all);
	for (guint i = 0; i < net->size; i++)
		max = MAX(max, all[i]);
	return max;
}

GByteArray **net_parts(const struct net *net)
{
	GByteArray **parts = g_new(GByteArray *, net->size);

	for (guint i = 0; i < net->size; i++)
		parts[i] = g_byte_array_new();
	return parts;
}

void net_parts_free(const struct net *net, GByteArray **parts)
{
	for (guint i = 0; i < net->size; i++)
		g_byte_array_unref(parts[i]);
	g_free(parts);
}
