#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make bench-explore: luosim explore on the full model beside Spin on the reduced one.
#
#	explore.sh LUOSIM
#
# Times are CPU seconds of the user, as the machine may have other work.
set -eu
export LC_ALL=C
luosim=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
TIMEFORMAT=%U

# Run a command with its output in $tmp/NAME; prints its CPU seconds.
cpu()
{
	local name=$1
	shift
	{ time "$@" >"$name" 2>&1; } 2>&1
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# The first line of a search: "STATES TRANSITIONS".
counts()
{
	sed -nE '1s/.*: ([0-9]+) states, ([0-9]+) transitions.*/\1 \2/p' "$1"
}

reduced()
{
	"$luosim" explore --reduced --opens 2 --policy none "$@" || [ $? = 1 ]
}

if command -v spin >/dev/null; then
	spin -a -o2 -DS=3 -DM=2 -DT=2 -DPOLICY=0 -DCHECK=0 "$here/luo.pml" >/dev/null
	gcc -O2 -DSAFETY -DNOREDUCE -w -o pan pan.c
	spin=$(cpu pan.out ./pan -E -m1000000 -w25)
	grep -q '^ *4962569 states, stored' pan.out || { echo "spin: other counts"; cat pan.out; exit 1; }
	echo "Spin, depth first, 3 2 2 none:            $spin s, 4962569 states"
else
	echo "Spin is not installed"
	spin=
fi
own=$(cpu symmetry reduced --sessions 3 -j 1)
echo "luosim, symmetry, 3 2 2 none:             $own s, $(counts symmetry) states and transitions"
[ -z "$spin" ] || echo "  Spin takes $(ratio "$spin" "$own") times as long"

# A search of v7.3's own states: the full model, nothing left out.
full()
{
	"$luosim" explore --kernel v7.3 --opens 2 --no-symmetry --depth 14 "$@" || [ $? = 3 ]
}

# Two lines about a search that took $1 seconds of the user and printed to file $2.
rate()
{
	local states transitions
	read -r states transitions <<<"$(counts "$2")"
	echo "$1 s, $states states, $transitions transitions"
	echo "  $(ratio "$transitions" "$1") transitions a CPU second;$(sed -nE '2s/.*,( [0-9.]+ bytes a state)/\1/p' "$2")"
}

echo "luosim, no symmetry, v7.3, 14 operations: $(rate "$(cpu full full -j 1)" full)"
echo "luosim, no symmetry, 2 2 3 none:          $(rate "$(cpu one reduced --tokens 3 --no-symmetry -j 1)" one)"

# One thread and two: the time, and what both processors spent.
TIMEFORMAT='%R %U'
read -r one one_cpu <<<"$(cpu one full -j 1)"
read -r two two_cpu <<<"$(cpu two full -j 2)"
[ "$(counts one)" = "$(counts two)" ] || { echo "two threads count otherwise: $(counts two)"; exit 1; }
echo "luosim, no symmetry, v7.3, one thread:    $one s of time, $one_cpu s of CPU"
echo "  two threads:                            $two s of time, $two_cpu s of CPU, $(ratio "$one" "$two") times"
