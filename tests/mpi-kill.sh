#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One process of a search by several is killed at ten moments, or all are, or the disk is full, and
# the search gone on with by another number of processes or threads: it ends as one that nobody
# has killed. Skipped without MPI.
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

# All at once, and gone on with by more of them.
killed_together()
{
	local dir=$tmp/together i
	mkdir -p "$dir/search" "$dir/out"
	mpirun_n 3 bash -c 'echo $$ >"$1.$OMPI_COMM_WORLD_RANK"; shift; exec "$@"' _ "$dir/pid" \
		"$luosim" explore "${world[@]}" --out "$dir/out" --checkpoint "$dir/search" >/dev/null 2>&1 &
	for ((i = 0; i < 1000; i++)); do
		[ -e "$(echo "$dir"/search/none-*.search)" ] && break
		sleep 0.05
	done
	sleep 0.1
	kill -9 "$(cat "$dir/pid.0")" "$(cat "$dir/pid.1")" "$(cat "$dir/pid.2")" || echo "it was over"
	wait $!
	(cd "$dir/out" && mpirun_n 5 "$luosim" explore "${world[@]}" --resume ../search --out . >../text)
	rm -f "$dir"/out/*.scn.??????
	diff <(text "$tmp/whole.txt") <(text "$dir/text") && diff -r "$tmp/whole" "$dir/out"
}

# full HOW...: the disk is, and who searches says so, once, and has written what was found; the
# last checkpoint is whole.
full()
{
	local dir=$tmp/full
	rm -rf "$dir"
	mkdir -p "$dir/disk" "$dir/search" "$dir/out"
	export dir
	unshare -rm bash -c 'mount -t tmpfs -o size=200k none "$dir/disk" && cd "$dir/out" &&
		"$@" --out . --checkpoint "$dir/disk" >"$dir/text" 2>"$dir/error"
		echo $? >"$dir/status"
		cp "$dir"/disk/*.search "$dir/search/"' _ "$@" "${world[@]}"
	[ "$(cat "$dir/status")" = 2 ] || echo "status $(cat "$dir/status")"
	grep -q 'stopped by a checkpoint that cannot be written, [1-9]' "$dir/text" || cat "$dir/text"
	[ "$(grep -c 'No space left on device' "$dir/error")" = 1 ] || cat "$dir/error"
	[ "$(grep -c '^  [a-z-]* in ' "$dir/text")" = "$(ls "$dir/out" | wc -l)" ] ||
		{ cat "$dir/text"; ls "$dir/out"; }
	(cd "$dir/out" && "$luosim" explore "${world[@]}" -j 1 --resume ../search --out . >../text)
	diff <(text "$tmp/whole.txt") <(text "$dir/text") && diff -r "$tmp/whole" "$dir/out"
}

# What is written down is what one thread writes.
same_file()
{
	mkdir "$tmp/one" "$tmp/three"
	"$luosim" explore --policy none --opens 2 --depth 6 -j 1 --checkpoint "$tmp/one" >/dev/null
	mpirun_n 3 "$luosim" explore --policy none --opens 2 --depth 6 --checkpoint "$tmp/three" >/dev/null
	diff -r "$tmp/one" "$tmp/three"
	others --no-symmetry 'expected "symmetry 0, '
	others --tokens=3 'expected "'
	others --faults=1 'expected "'
	sed 's/luosim checkpoint 1/luosim checkpoint 0/' "$tmp/three"/*.search >"$tmp/old"
	cp "$tmp/old" "$tmp/three"/*.search
	others --opens=2 'no whole checkpoint, expected what --checkpoint of this luosim has written'
}

# others OPTION MESSAGE: with which it is not gone on, as is said once.
others()
{
	local file
	file=$(echo "$tmp"/three/*.search)
	mpirun_n 2 "$luosim" explore --policy none --opens 2 "$1" --resume "$tmp/three" >"$tmp/other" 2>&1
	grep -F -- "$2" "$tmp/other" | grep -cF "${file%-*}" | grep -qx 1 || { echo "$1"; cat "$tmp/other"; }
}

mkdir "$tmp/whole"
(cd "$tmp/whole" && "$luosim" explore "${world[@]}" -j 1 --out . >../whole.txt)
check "a checkpoint has the bytes of that of one thread" same_file
check "kill -9 of all ranks loses nothing" killed_together
if unshare -rm mount -t tmpfs none "$tmp" 2>/dev/null; then
	check "a full disk loses nothing: threads" full "$luosim" explore -j 2
	check "a full disk loses nothing: ranks" full mpirun --allow-run-as-root --oversubscribe \
		--bind-to none -n 2 "$luosim" explore
else
	skip "a full disk loses nothing: threads" "no namespaces"
	skip "a full disk loses nothing: ranks" "no namespaces"
fi
check "kill -9 of a rank at ten moments loses nothing" all_killed
done_testing
