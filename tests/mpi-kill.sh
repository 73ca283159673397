#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One process of a search by several is killed at ten moments, and the search gone on with by
# another number of processes or threads: it ends as one that nobody has killed. Skipped without
# MPI.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/mpirun.sh"

world=(--policy none --opens 2 --depth 9)

# killed MOMENT: tenths of a second after the first checkpoint is there.
killed()
{
	local moment=$1 dir=$tmp/$1 how=() i
	mkdir -p "$dir/search" "$dir/out"
	mpirun_n 3 bash -c 'echo $$ >"$1.$OMPI_COMM_WORLD_RANK"; shift; exec "$@"' _ "$dir/pid" \
		"$luosim" explore "${world[@]}" --out "$dir/out" --checkpoint "$dir/search" >/dev/null 2>&1 &
	for ((i = 0; i < 1000; i++)); do
		[ -e "$(echo "$dir"/search/none-*.search)" ] && break
		sleep 0.05
	done
	sleep "0.$moment"
	kill -9 "$(cat "$dir/pid.$((moment % 3))")" 2>/dev/null && echo "$moment" >>"$tmp/kills"
	wait $!
	how=(--resume ../search --out .)
	if [ $((moment % 2)) = 0 ]; then
		(cd "$dir/out" && mpirun_n 2 "$luosim" explore "${world[@]}" "${how[@]}" >../text)
	else
		(cd "$dir/out" && "$luosim" explore "${world[@]}" -j 2 "${how[@]}" >../text)
	fi
	rm -f "$dir"/out/*.scn.??????
	diff <(text "$tmp/whole.txt") <(text "$dir/text") && diff -r "$tmp/whole" "$dir/out"
}

all_killed()
{
	local moment
	for moment in 0 1 2 3 4 5 6 7 8 9; do
		killed $moment
	done
	[ -s "$tmp/kills" ] || echo "never killed"
}

# What is written down is what one thread writes.
same_file()
{
	mkdir "$tmp/one" "$tmp/three"
	"$luosim" explore --policy none --opens 2 --depth 6 -j 1 --checkpoint "$tmp/one" >/dev/null
	mpirun_n 3 "$luosim" explore --policy none --opens 2 --depth 6 --checkpoint "$tmp/three" >/dev/null
	diff -r "$tmp/one" "$tmp/three"
	mpirun_n 2 "$luosim" explore --policy none --opens 2 --no-symmetry --resume "$tmp/three" 2>&1 >/dev/null |
		grep -qF 'expected "symmetry 0, ' || echo "another search was gone on with"
}

mkdir "$tmp/whole"
(cd "$tmp/whole" && "$luosim" explore "${world[@]}" -j 1 --out . >../whole.txt)
check "a checkpoint has the bytes of that of one thread" same_file
check "kill -9 of a rank at ten moments loses nothing" all_killed
done_testing
