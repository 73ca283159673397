#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Searches by 1, 2 and 5 processes under mpirun find what one thread finds, to the byte of the
# files of findings: all graphs of the reduced machine up to 5 million states, and all worlds of
# docs/findings.md. Skipped without MPI.
#
#	mpi-worlds.sh [graphs | worlds]		or one part of it
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/mpirun.sh"

[ "${1:-graphs}" != graphs ] || check "graphs of the reduced machine" graphs 5000000 60000
[ "${1:-worlds}" != worlds ] || check "worlds of docs/findings.md" worlds all
done_testing
