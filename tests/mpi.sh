#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Searches by several processes under mpirun: the same as those by threads, to the byte of the
# files of findings; skipped without MPI.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/mpirun.sh"

# Of 2 and 5 ranks.
same_of_all()
{
	same "2 5" "$@"
}

# A level of a race has fewer states than there are ranks.
same_of_many()
{
	same 2 --kernel v7.0 --sessions 1 --inodes 1 --tokens 1 --tasks 2 --depth 5
	same 1 --policy none --depth 5
	same 12 --policy none --depth 5
	same 2 --policies none,get-id --depth 6
}

# Rank 0 has seed 1, and so on: what searches with those seeds find.
random()
{
	local world=(--kernel v7.0 --random --runs 300 --depth 12) seed
	mkdir "$tmp/seeds" "$tmp/random"
	for seed in 5 6; do
		"$luosim" explore "${world[@]}" --seed $seed --out "$tmp/seeds" >>"$tmp/seeds.txt"
	done
	mpirun_n 2 "$luosim" explore "${world[@]}" --seed 5 --out "$tmp/random" >"$tmp/random.txt"
	grep -q '^v7.0: 600 runs, ' "$tmp/random.txt" || cat "$tmp/random.txt"
	diff <(ls "$tmp/seeds") <(ls "$tmp/random")
	[ "$(awk '/^v7.0: / { n += $4 } END { print n }' "$tmp/seeds.txt")" = \
		"$(awk '/^v7.0: / { print $4 }' "$tmp/random.txt")" ] || cat "$tmp/seeds.txt" "$tmp/random.txt"
}

# status WANTED TEXT OPTIONS...: so it ends, and it is said once.
status()
{
	local want=$1 text=$2 status=0
	shift 2
	mpirun_n 2 "$luosim" explore "$@" >"$tmp/one" 2>&1 || status=$?
	[ $status = "$want" ] && [ "$(grep -cF -- "$text" "$tmp/one")" = 1 ] ||
		{ echo "$*: status $status"; cat "$tmp/one"; }
}

ends()
{
	status 0 'all seen, 0 findings' --policy get-id --inodes 1 --tokens 1 --depth 20
	status 1 'stopped by depth, ' --policy none --depth 6
	status 3 'stopped by depth, 0 findings' --policy get-id --depth 3
	status 3 'stopped by time, ' --policy get-id --sessions 2 --inodes 3 --opens 3 --tokens 3 \
		--time 1 --depth 30
	status 1 'stopped by memory, ' --policy none --opens 2 --memory 1M --depth 30
	status 2 'under mpirun, expected one process' --audit
	status 2 "unknown operation 'kexek'" --ops kexek
}

# Ctrl-C is rank 0's, and ends all.
interrupted()
{
	mkdir "$tmp/begun"
	mpirun_n 2 bash -c 'echo $$ >"$1/pid.$OMPI_COMM_WORLD_RANK"
		exec "$2" explore --policy get-id --opens 3 --depth 40 --checkpoint "$1"' \
		_ "$tmp/begun" "$luosim" >"$tmp/one" 2>&1 &
	until [ -e "$(echo "$tmp"/begun/*.search)" ]; do
		sleep 0.1
	done
	kill -INT "$(cat "$tmp/begun/pid.0")"
	wait $!
	grep -q 'stopped by interrupt, ' "$tmp/one" || cat "$tmp/one"
}

# A kernel tree's own code: addresses in it are the same in each process.
tree()
{
	"$luosim" build-kernel "$LUOSIM_KERNEL_TREE" -o "$tmp/x.so" >"$tmp/build.log" 2>&1 ||
		cat "$tmp/build.log"
	same 2 --kernel "$tmp/x.so" --depth 4
	same 5 --kernel "$tmp/x.so" --depth 4 --faults 1
	same 2 --kernel "$tmp/x.so" --damage 1 --depth 3
	same 2 --kernel "$tmp/x.so" --processes 2 --depth 3
	same 2 --kernel "$tmp/x.so" --sessions 1 --inodes 1 --tasks 2 --depth 2
	status 2 'on the kernel tree' --kernel "$tmp/x.so" --handlers hugetlb
}

check "as one thread: graphs of the reduced machine" graphs 1000 60
check "worlds of docs/findings.md" worlds 300
check "two sessions and memfds" same_of_all --policy none --opens 2 --depth 7
check "faults" same_of_all --kernel v7.0 --inodes 1 --tokens 1 --faults 1 \
	--ops create_session,close_session,preserve_fd,kexec,kexec_jump --depth 6
check "damage" same_of_all --damage 1 --sessions 1 --inodes 1 --depth 6
check "other handlers" same_of_all --handlers eventfd,eventfd --inodes 1 --policy inode-flag --depth 5
check "two processes" same_of_all --processes 2 --depth 5
check "without symmetry, and behind violations" same_of_all --policy none --no-symmetry --through --depth 5
check "races, many ranks, several searches" same_of_many
check "--random takes a seed for each rank" random
check "statuses and messages" ends
check "Ctrl-C" interrupted
if [ -n "${LUOSIM_KERNEL_TREE:-}" ]; then
	check "a kernel tree" tree
else
	skip "a kernel tree" "no LUOSIM_KERNEL_TREE"
fi
done_testing
