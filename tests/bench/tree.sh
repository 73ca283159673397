#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench/tree.sh LUOSIM: how fast a kernel tree's own code is searched, beside the model and
# alone, in rows as those of bench. Nothing without LUOSIM_KERNEL_TREE.
set -eu
luosim=$1
tree=${LUOSIM_KERNEL_TREE:-}
[ -n "$tree" ] || exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
world=(--sessions 2 --inodes 2 --opens 1 --tokens 2 --kernels 2)

# row NAME COMMAND...: what a search says of its speed and of the memory that a state takes.
row()
{
	local name=$1 said
	shift
	said=$("$@" | sed -nE 's/^ *([0-9]+) transitions a CPU second, ([0-9.]+) bytes a state.*/\1 \2/p')
	[ -n "$said" ] || { echo "bench: $name failed" >&2; exit 1; }
	printf '%-24s %10d transitions/s %10.1f B/state\n' "$name" ${said}
}

"$luosim" build-kernel "$tree" -o "$tmp/x.so" >"$tmp/log" || { cat "$tmp/log"; exit 1; }
row model-search "$luosim" explore -j 1 "${world[@]}"
row tree-search "$luosim" explore --kernel "$tmp/x.so" --time 10 "${world[@]}"
row tree-lockstep "$luosim" prove "$tmp/x.so" "${world[@]}"
