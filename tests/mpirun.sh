# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests of several processes share: mpirun for any number of ranks on one machine, or
# all is skipped; and a folder.
#
#	mpirun_n RANKS PROGRAM...

luosim=$(realpath "${LUOSIM:-./luosim}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if ! command -v mpirun >/dev/null || [ ! -e "$(dirname "$luosim")/.libs/luosim-mpi.so" ]; then
	echo "1..0 # SKIP no mpirun, or built without --with-mpi"
	exit
fi

# What MPI itself leaves is not luosim's.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

mpirun_n()
{
	local options=(--oversubscribe --bind-to none)
	[ "$(id -u)" != 0 ] || options+=(--allow-run-as-root)
	mpirun "${options[@]}" -n "$@" 2> >(sed -n '/^luosim/p' >&2)
}
