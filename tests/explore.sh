#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim explore: the state counts of other checkers, what it must find and what not,
# the same with and without symmetry and pruning, and what it writes.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"

tmp=$(mktemp -d)
mkdir "$tmp/out" "$tmp/races" "$tmp/random" "$tmp/processes"
trap 'rm -rf "$tmp"' EXIT
world=(--sessions 2 --inodes 1 --opens 2 --tokens 2)

# "STATES TRANSITIONS DEPTH" of a search whose options follow.
counts()
{
	"$LUOSIM" explore -j 1 "$@" | sed -nE '1s/.*: ([0-9]+) states, ([0-9]+) transitions, depth ([0-9]+),.*/\1 \2 \3/p'
}

# The graphs of the reduced machine up to $1 states, and the orbits of all up to $2.
reduced()
{
	local sizes policy states transitions depth orbits s m t got
	while IFS=$'\t' read -r sizes policy states transitions depth orbits; do
		[[ $sizes = '#'* ]] && continue
		read -r s m t <<<"$sizes"
		[ "$policy" = none ] || policy=reject-$policy
		local options=(--reduced --sessions "$s" --inodes "$m" --opens 2 --tokens "$t" --policy "$policy")
		if [ "$states" -le "$1" ]; then
			got=$(counts "${options[@]}" --no-symmetry)
			[ "$got" = "$states $transitions $depth" ] ||
				echo "$sizes $policy: $got, expected $states $transitions $depth"
		fi
		if [ "$orbits" -le "$2" ]; then
			got=$(counts "${options[@]}")
			[ "${got%% *}" = "$orbits" ] || echo "$sizes $policy: $got, expected $orbits orbits"
		fi
	done <"$srcdir/tests/bench/graphs.tsv"
}

# The findings of a search, without how often each was met.
findings()
{
	"$LUOSIM" explore "$@" | grep -E '^  [a-z-]+( in [a-z_]+)?, [0-9]+ operations' |
		sed -E 's/, [0-9]+ times.*//' | sort -u
}

same_findings()
{
	local p
	for p in none reject-file inode-flag get-id share refcount; do
		findings "${world[@]}" --depth 7 --policy $p >"$tmp/a"
		findings "${world[@]}" --depth 7 --policy $p --no-prune >"$tmp/b"
		findings "${world[@]}" --depth 7 --policy $p --no-symmetry >"$tmp/c"
		diff "$tmp/a" "$tmp/b" && diff "$tmp/a" "$tmp/c" || echo "policy $p"
	done
}

# less PERCENT OPTIONS...: all but the transitions, of which so many are left at most, is the
# same as without reduction, with threads or not, and so are the files.
less()
{
	local percent=$1 strip='s/, [0-9]+ transitions, /, /; s/, [0-9.]+ s$//; /transitions a CPU second/d'
	shift
	rm -rf "$tmp/reduced" "$tmp/full"
	mkdir "$tmp/reduced" "$tmp/full"
	(cd "$tmp/full" && "$luosim" explore "$@" -j 1 --no-reduction --out . >../full.txt)
	(cd "$tmp/reduced" && "$luosim" explore "$@" -j 1 --out . >../reduced.txt)
	(cd "$tmp/reduced" && "$luosim" explore "$@" -j 2 --out . >../threads.txt)
	diff <(sed -E "$strip" "$tmp/full.txt") <(sed -E "$strip" "$tmp/reduced.txt") &&
		diff <(sed -E 's/, [0-9.]+ s$//; 2d' "$tmp/reduced.txt") \
			<(sed -E 's/, [0-9.]+ s$//; 2d' "$tmp/threads.txt") &&
		diff -r "$tmp/full" "$tmp/reduced" || echo "$*"
	sed -nE 's/.* states, ([0-9]+) transitions,.*/\1/p' "$tmp/reduced.txt" "$tmp/full.txt" |
		awk -v percent="$percent" -v world="$*" 'NR == 1 { some = $1 }
			NR == 2 && some * 100 > $1 * percent { print world ": " some " of " $1 }'
}

reduction()
{
	local luosim
	luosim=$(realpath "$LUOSIM")
	less 50 --kernel v7.3 --sessions 2 --inodes 2 --tokens 1
	less 50 --policy none --opens 2 --depth 7
	less 50 --policy share --depth 7
	less 70 --kernel v6.19 --depth 6
	less 70 --kernel v7.0 --kernels 3 --no-symmetry --depth 6
	less 99 --kernel v7.0 --opens 2 --tokens 1 --faults 1 --depth 6
	less 100 --sessions 1 --inodes 1 --tokens 1 --damage 1 --depth 5
}

# Killed again and again, and gone on with by another number of threads: nothing is lost.
resumed()
{
	local luosim run=0 how=--checkpoint strip='s/, [0-9.]+ s$//; /transitions a CPU second/d'
	local small=(--policy none --opens 2 --depth 8) pid status=137 killed=0
	luosim=$(realpath "$LUOSIM")
	mkdir "$tmp/search" "$tmp/whole" "$tmp/broken"
	(cd "$tmp/whole" && "$luosim" explore "${small[@]}" -j 1 --out . | sed -E "$strip" >../whole.txt)
	while [ $status = 137 ] && [ $run -lt 40 ]; do
		(cd "$tmp/broken" && exec "$luosim" explore "${small[@]}" -j $((1 + run % 3)) --out . \
			$how ../search --checkpoint-every 0.0001 >../broken.txt 2>&1) &
		pid=$!
		sleep "0.$((10 + 7 * run))"
		kill -9 $pid && killed=$((killed + 1))
		status=0
		wait $pid || status=$?
		[ -e "$tmp"/search/none-*.search ] && how=--resume
		run=$((run + 1))
	done 2>/dev/null
	[ $killed -gt 0 ] || echo "never killed"
	rm -f "$tmp"/broken/*.scn.??????
	diff "$tmp/whole.txt" <(sed -E "$strip" "$tmp/broken.txt") && diff -r "$tmp/whole" "$tmp/broken"
	# What ended early goes on: with less depth there is nothing to do, with more the rest.
	for run in 6 9; do
		"$luosim" explore --policy none --opens 2 --depth $run --resume "$tmp/search" >"$tmp/$run" || true
	done
	grep -q 'stopped by depth' "$tmp/6" || cat "$tmp/6"
	diff <("$luosim" explore --policy none --opens 2 --depth 9 | sed -E "$strip") <(sed -E "$strip" "$tmp/9")
}

# Fingerprints of a process are those of another one, or neither could go on with its search.
same_in_each_process()
{
	local handlers dir
	for handlers in iommufd,vfio kvm,vcpu,guest_memfd cpu hugetlb,eventfd_luo; do
		mkdir -p "$tmp/first" "$tmp/second"
		for dir in first second; do
			"$LUOSIM" explore --kernel next --sessions 1 --inodes 1 --handlers $handlers -j 1 \
				--depth 4 --checkpoint "$tmp/$dir" >/dev/null
		done
		diff -r "$tmp/first" "$tmp/second" || echo "$handlers"
	done
}

# not_resumed TEXT OPTIONS...: that is no search to go on with, as the message says.
not_resumed()
{
	local text=$1 status=0
	shift
	"$LUOSIM" explore --resume "$tmp/other" "$@" >"$tmp/one" 2>&1 || status=$?
	[ $status = 2 ] && grep -qF -- "$text" "$tmp/one" || { echo "$*: status $status"; cat "$tmp/one"; }
}

other_search()
{
	local file status=0
	mkdir "$tmp/other"
	"$LUOSIM" explore --policy none --depth 4 --checkpoint "$tmp/other" >/dev/null
	file=$(echo "$tmp"/other/none-*.search)
	not_resumed 'opens 1, tokens 2, kernels 2' --policy none --opens 2
	not_resumed 'expected "symmetry 0, ' --policy none --no-symmetry
	not_resumed 'expected "kernel 1: v7.0"' --policy none --kernel v7.0
	not_resumed 'a checkpoint of "close(s0)"' --policy none --ops create_session,preserve_fd
	not_resumed 'No such file' --policy get-id
	truncate -s -1 "$file"
	not_resumed 'no whole checkpoint' --policy none
	rm "$file"
	mkdir "$file.new"
	"$LUOSIM" explore --policy none --depth 4 --checkpoint "$tmp/other" >"$tmp/one" 2>&1 || status=$?
	[ $status = 2 ] && grep -q 'stopped by a checkpoint that cannot be written' "$tmp/one" || cat "$tmp/one"
}

# finds POLICY KIND PATTERN: a counterexample of that kind whose operations match.
finds()
{
	"$LUOSIM" explore "${world[@]}" --depth 8 --policy "$1" | grep -A1 -E "^  $2[ ,]" |
		grep -qE "$3" || echo "$1: no $2 with $3"
}

known()
{
	# Two tokens, both retrieved; two tokens, neither; two sessions, one closed.
	finds none double-restore 'preserve_fd\(s0, f0, 0x1\); preserve_fd\(s0, f0, 0x2\);.*retrieve_fd\(r0, 0x1\); retrieve_fd\(r0, 0x2\)'
	finds none double-restore 'preserve_fd\(s0, f0, 0x2\); kexec\(\); retrieve_session\(dev, "a"\); exit'
	finds none stolen 'close\(s0\); kexec'
	# Unrelated files of one inode.
	"$LUOSIM" explore --inodes 1 --handlers eventfd,eventfd --policy inode-flag --depth 4 |
		grep -A1 '^  refused' | grep -q 'preserve_fd(s0, f1, 0x1); preserve_fd(s0, f2, 0x2)' ||
		echo "inode-flag: no file refused"
	# Two open files of one inode.
	finds reject-file double-restore 'preserve_fd\(s0, f0, 0x1\); preserve_fd\(s0, f1, 0x2\)'
}

# A panic that panic_on_warn makes of a WARN is a symptom: the kinds are those without it.
panic_is_symptom()
{
	local option
	for option in --jobs=1 --panic-on-warn; do
		"$LUOSIM" explore --depth 7 --kernel v7.0 --jobs 1 $option |
			grep -oE '^  [a-z-]+ in [a-z_]+' >"$tmp/kinds$option"
	done
	grep -q double-restore "$tmp/kinds--jobs=1" || echo "no double-restore"
	diff "$tmp/kinds--jobs=1" "$tmp/kinds--panic-on-warn"
}

# What was broken in a release as it was, and is not any more.
releases()
{
	local r pattern
	for r in v6.19 v7.0; do
		"$LUOSIM" explore "${world[@]}" --kernel $r --depth 7 >"$tmp/release"
		for pattern in 'preserve_fd\(s0, f0, 0x1\); retrieve_fd\(s0, 0x1\)$' 'preserve_fd\(r0, f0, 0x2\); exit$' \
			       'preserve_fd\(s0, f0, 0x2\);.*exit$' 'retrieve_fd\(r0, 0x1\); retrieve_fd\(r0, 0x2\)$' \
			       'close\(s0\); kexec\(\)$'; do
			grep -qE "$pattern" "$tmp/release" || echo "$r: no $pattern"
		done
	done
	for r in v7.1 v7.2 v7.3; do
		"$LUOSIM" explore "${world[@]}" --kernel $r --depth 7 | grep -q ', 0 findings' || echo "$r: findings"
	done
}

# The kernel that a failed reboot, or one that jumps back, leaves behind: B82.
reboot_goes_on()
{
	local ops=create_session,close_session,preserve_fd,kexec,kexec_jump small
	small=(--kernel v7.0 --sessions 2 --inodes 1 --tokens 1 --ops $ops --depth 6)
	"$LUOSIM" explore "${small[@]}" >"$tmp/jump"
	"$LUOSIM" explore "${small[@]}" --faults 1 >"$tmp/fails"
	grep -A1 'unclean-error in kexec' "$tmp/jump" | grep -q 'kexec_jump(); close(s0); kexec()$' ||
		echo "no kexec_jump"
	grep -q 'kexec() \[failing at [0-9]*\]; close(s[01]); .*kexec()$' "$tmp/fails" || echo "no failed kexec"
}

# Each operation that the table has a way to explore is done, also where it fails.
every_operation()
{
	local op
	"$LUOSIM" list operations | sed -nE 's/^ +explored as ([a-z_]+).*/\1/p' >"$tmp/ops"
	[ "$(wc -l <"$tmp/ops")" -gt 30 ] || echo "$(wc -l <"$tmp/ops") operations"
	while read -r op; do
		alike 3 --kernel next --sessions 1 --inodes 1 --tokens 1 --faults 1 --depth 4 \
			--processes 2 --ops create_session,preserve_fd,$op
		grep -q ' transitions, ' "$tmp/audit" || echo "$op: no search"
	done <"$tmp/ops"
}

correct()
{
	local status=0 out
	out=$("$LUOSIM" explore "${world[@]}" --depth 8 --policy get-id) || status=$?
	[ $status = 3 ] || echo "status $status, expected 3 as the depth stopped it"
	grep -q ', 0 findings' <<<"$out" || echo "$out"
	"$LUOSIM" explore --sessions 1 --inodes 1 --tokens 1 >/dev/null || echo "not exhausted"
}

# What is sent lives on where it was not closed: the device with one process or both, the
# memfd likewise, the session with none, one, the other or both. And a process that ends
# while another one reboots.
processes()
{
	local small=(--sessions 1 --inodes 1 --tokens 1 --processes 2) got
	got=$(counts "${small[@]}" --kernels 1 --ops create_session,send_fd,close_session)
	[ "${got%% *}" = 16 ] || echo "$got states, expected 16"
	"$LUOSIM" explore "${small[@]}" --tasks 2 --depth 3 --kernel v7.0 --out "$tmp/processes" |
		grep -qF 'preserve_fd(s0, f0, 0x1); race(exit(), kexec())' || echo "no race of exit"
	"$LUOSIM" explore "${world[@]}" --processes 2 --depth 7 --kernel v6.19 --out "$tmp/processes" >/dev/null
	"$LUOSIM" explore "${world[@]}" --processes 2 --tasks 2 --random --runs 300 --seed 2 --depth 30 \
		--kernel v7.0 --out "$tmp/processes" >"$tmp/one"
	grep -q 'child: ' "$tmp/one" || cat "$tmp/one"
	fails "$tmp/processes"
	"$LUOSIM" explore "${world[@]}" --processes 2 --depth 7 --kernel v7.3 | grep -q ', 0 findings' ||
		echo "v7.3: findings"
}

# Races of close, create, preserve and finish against reboot, and of retrieve_session()
# against close: found in v7.0, and gone in v7.3.
races()
{
	local small=(--sessions 1 --inodes 1 --tokens 1 --tasks 2 --depth 5) status=0 pattern
	"$LUOSIM" explore "${small[@]}" --kernel v7.0 --out "$tmp/races" >"$tmp/v7.0"
	for pattern in 'stolen@race\(close\(s0\), kexec\(\)\)' \
		'stolen@race\(finish\(s0\), kexec\(\)\)' \
		'lost@race\(preserve_fd\(s0, f0, 0x1\), kexec\(\)\)$' \
		'leak@race\(preserve_fd\(s0, f0, 0x1\), kexec\(\)\); exit' \
		'use-after-free@race\(close\(r0\), retrieve_session\(dev, "a"\)\)'; do
		grep -A1 -E "^  ${pattern%%@*}[ ,]" "$tmp/v7.0" | grep -qE "${pattern#*@}" ||
			echo "v7.0: no $pattern"
	done
	"$LUOSIM" explore "${small[@]}" --kernel v7.3 >"$tmp/v7.3" || status=$?
	[ $status = 3 ] && grep -q ', 0 findings' "$tmp/v7.3" || cat "$tmp/v7.3"
	"$LUOSIM" explore "${small[@]}" --kernel v7.3 --policy gate=none >"$tmp/none"
	grep -q '^  stolen' "$tmp/none" || echo "gate=none: nothing stolen"
	"$LUOSIM" explore "${small[@]}" --races 0 --kernel v7.3 | sed -n 's/,.*//; 1p' >"$tmp/a"
	"$LUOSIM" explore "${small[@]}" --tasks 1 --kernel v7.3 | sed -n 's/,.*//; 1p' >"$tmp/b"
	diff "$tmp/a" "$tmp/b"
	# A next kernel that stops does so whoever called kexec().
	[ "$("$LUOSIM" explore "${small[@]}" --kernel v6.19,v7.0 --depth 1 | grep -c '^  panic')" = 1 ] ||
		echo "several panics of one cause"
	# A lock that a failed reboot keeps (B70), and two calls that sleep on it.
	"$LUOSIM" explore "${small[@]}" --faults 1 --through --depth 2 --kernel v7.0 --with serialize-rwsem \
		--out "$tmp/races" | grep -A1 '^  stuck' | grep -q '\[failing at 1\]; race(' || echo "nobody stuck"
	"$LUOSIM" explore "${small[@]}" --races 2 --depth 4 --through --kernel v7.0 --out "$tmp/races" >/dev/null
	grep -c 'race schedule' "$tmp"/races/*.scn | grep -q ':2$' || echo "no path with two races"
	fails "$tmp/races"
}

# The same with threads, symmetry and pruning or not; and at random.
races_again()
{
	local small=(--sessions 2 --inodes 1 --tokens 1 --tasks 2 --depth 3 --kernel v7.0)
	local strip='s/, [0-9.]+ s$//; /transitions a CPU second/d'
	"$LUOSIM" explore "${small[@]}" -j 1 | sed -E "$strip" >"$tmp/one"
	"$LUOSIM" explore "${small[@]}" -j 3 | sed -E "$strip" >"$tmp/three"
	diff "$tmp/one" "$tmp/three"
	findings "${small[@]}" >"$tmp/a"
	findings "${small[@]}" --no-prune >"$tmp/b"
	findings "${small[@]}" --no-symmetry >"$tmp/c"
	diff "$tmp/a" "$tmp/b" && diff "$tmp/a" "$tmp/c"
	"$LUOSIM" explore --random --runs 1000 --depth 20 --tasks 2 --kernel v7.0 --out "$tmp/random" |
		sed -E "$strip" >"$tmp/one"
	"$LUOSIM" explore --random --runs 1000 --depth 20 --tasks 2 --kernel v7.0 --out "$tmp/random" |
		sed -E "$strip" >"$tmp/again"
	diff "$tmp/one" "$tmp/again"
	grep -q 'race(' "$tmp/one" || echo "no race at random"
	fails "$tmp/random"
}

# Each finding as a scenario that runs, with the results that it says, and fails.
written()
{
	"$LUOSIM" explore "${world[@]}" --depth 8 --kernel v6.19 --faults 1 --depth 6 --out "$tmp/out" >/dev/null
	# The next kernel, of another release, stops at once.
	"$LUOSIM" explore --kernel v6.19,v7.0 --depth 1 --out "$tmp/out" | grep -q '^  panic' || echo "no panic"
	fails "$tmp/out"
}

fails()
{
	local f out
	for f in "$1"/*.scn; do
		out=$("$LUOSIM" --format json "$f" 2>&1) && echo "$f: does not fail"
		grep -q '"outcome":"failed".*"mismatches":0' <<<"$out" || { echo "$f:"; tail -n 1 <<<"$out"; }
	done
	[ -e "$f" ] || echo "nothing written"
}

# A damaged handover: a page of another tenant is shown, a table that leads outside stops the
# machine; what is written fails as it says; nothing of it without damage.
damaged()
{
	local options=(--sessions 2 --inodes 2 --tokens 1 --depth 8 --kernel v7.3) f out
	options+=(--ops create_session,retrieve_session,preserve_fd,retrieve_fd,kexec)
	mkdir "$tmp/damaged"
	"$LUOSIM" explore "${options[@]}" --damage 1 --out "$tmp/damaged" >"$tmp/out1"
	grep -A1 '^  exposed in luo_retrieve_file' "$tmp/out1" |
		grep -q 'corrupt_copy("memfd\[a, 1\].folios.first", "memfd\[b, 1\].folios.first")' ||
		echo "no page of another session"
	grep -A1 '^  panic' "$tmp/out1" | grep -q '  kexec() \[corrupt_address(".*radix\[[0-9]\]", "outside")\]' ||
		echo "no table that leads outside"
	! grep -qE '^  (lost|leak|warn)' "$tmp/out1" || echo "harmless findings"
	for f in "$tmp"/damaged/*.scn; do
		out=$("$LUOSIM" --format json "$f" 2>&1) && echo "$f: does not fail"
		grep -q '"outcome":"failed".*"mismatches":0' <<<"$out" || { echo "$f:"; tail -n 1 <<<"$out"; }
	done
	"$LUOSIM" explore "${options[@]}" | grep -q ', 0 findings' || echo "findings without damage"
}

# A world of KHO's callers is exhausted under either policy of restore; what is written fails.
kho_callers()
{
	local options=(--kernel v7.3 --sessions 1 --inodes 1 --memories 3) restore
	for restore in one-shot refcount; do
		mkdir "$tmp/$restore"
		"$LUOSIM" explore "${options[@]}" --policy restore=$restore --out "$tmp/$restore" >"$tmp/out1"
		grep -q 'all seen' "$tmp/out1" || cat "$tmp/out1"
		sed -nE "s/^  ([a-z-]+( in [a-z_]+)?), .*/$restore \1/p" "$tmp/out1"
		fails "$tmp/$restore"
	done >"$tmp/found"
	diff "$tmp/found" - <<-'EOF'
		one-shot stolen in kernel_kexec
		one-shot double-restore in kho_restore_folio
		one-shot warn in kho_restore_page
		refcount leak
	EOF
	"$LUOSIM" explore "${options[@]}" --memories 2 --faults 1 --policy restore=refcount --audit=50 |
		grep -q 'all seen' || echo "states that are taken for one are not alike"
}

# Worlds with other files can be exhausted; what belongs together is needed together.
# A device is not done until it was retrieved. What inode a session has changes nothing here.
session_axes()
{
	local options=(--kernel next --sessions 1 --inodes 1 --handlers iommufd,vfio --depth 8) axis
	for axis in close=stuck close=again close=refused inode=own inode=magic; do
		"$LUOSIM" explore "${options[@]}" --policies "get-id+session-$axis" --audit >"$tmp/$axis"
		grep -q '^get-id' "$tmp/$axis" || cat "$tmp/$axis"
	done
	grep -A1 '^  stuck' "$tmp/close=stuck" | grep -q '5 operations' || cat "$tmp/close=stuck"
	! grep '^  stuck' "$tmp/close=again"
	# Who ends has nobody to tell.
	grep -A1 '^  stuck' "$tmp/close=refused" | grep -q '; exit$' || cat "$tmp/close=refused"
	for axis in own magic; do
		cmp <(grep -v CPU "$tmp/close=stuck" | sed '1d') <(grep -v CPU "$tmp/inode=$axis" | sed '1d')
	done
}

# What a file uses that the next kernel's handler does not know is lost, or refused; and from
# before it is written nothing is.
compat_axis()
{
	local file=$srcdir/scenarios/policies/compat-used-feature.scn value line
	for value in string sub flags; do
		for line in 18 19; do
			"$LUOSIM" explore "$file" --from $line --policies "get-id+compat=$value" --depth 6 \
				>"$tmp/$value-$line"
		done
	done
	grep -q 'depth, 0 findings' "$tmp/string-18" || cat "$tmp/string-18"
	grep -q 'depth, 0 findings' "$tmp/flags-18" || cat "$tmp/flags-18"
	grep -q '^  lost in luo_retrieve_file, 4 operations' "$tmp/string-19" || cat "$tmp/string-19"
	for value in sub-18 sub-19 flags-19; do
		! grep '^  lost' "$tmp/$value"
		grep -q '^  unclean-error in kexec, 2 operations' "$tmp/$value" || cat "$tmp/$value"
	done
}

# An agent whose cgroup has no room for what it retrieves, and one with room.
cgroup_charges()
{
	local file=$srcdir/scenarios/cgroup-retrieve-latched.scn
	"$LUOSIM" explore "$file" --from 21 --policies get-id --depth 5 --audit >"$tmp/no-room"
	"$LUOSIM" explore "$file" --from 20 --policies get-id --depth 5 --audit >"$tmp/room"
	grep -q 'failed to retrieve for good 0 -> 1' "$tmp/no-room" || cat "$tmp/no-room"
	grep -q 'depth, 0 findings' "$tmp/room" || cat "$tmp/room"
	# In a world of its own, where the agent may come into such a cgroup at any time.
	"$LUOSIM" explore --kernel v7.3 --sessions 1 --inodes 1 --depth 7 --audit --ops \
		create_session,retrieve_session,preserve_fd,retrieve_fd,finish,kexec,memory_max \
		>"$tmp/any-time" || true
	grep -A1 'failed to retrieve for good 0 -> 1' "$tmp/any-time" |
		grep -q 'kexec(); memory_max(0); retrieve_session(dev, "a"); retrieve_fd' || cat "$tmp/any-time"
}

handlers()
{
	local options=(--kernel next --sessions 1 --inodes 1) with f out
	mkdir "$tmp/handlers"
	for with in eventfd,eventfd hugetlb kvm,vcpu,guest_memfd iommufd,vfio iommufd,vfio,vfio \
		tmpfs,tmpfs_file; do
		"$LUOSIM" explore "${options[@]}" --handlers $with --out "$tmp/handlers" >"$tmp/$with" || true
		grep -q 'all seen' "$tmp/$with" || { echo "$with:"; head -n 3 "$tmp/$with"; }
	done
	for with in kvm,vcpu,guest_memfd tmpfs,tmpfs_file; do
		grep -q ', 0 findings' "$tmp/$with" || cat "$tmp/$with"
	done
	# An iommufd needs its memfd in the session, and all its devices to be retrieved.
	grep -A1 '^  stuck' "$tmp/iommufd,vfio" |
		grep -q 'preserve_fd(s0, f0, 0x1); preserve_fd(s0, f1, 0x2); kexec()' || cat "$tmp/iommufd,vfio"
	# The posted handler forgets the page that describes a file that nobody retrieved.
	grep -A1 '^  leak' "$tmp/hugetlb" | grep -q 'retrieve_session(dev, "a"); exit' || cat "$tmp/hugetlb"
	for f in "$tmp"/handlers/*.scn; do
		out=$("$LUOSIM" --format json "$f" 2>&1) && echo "$f: does not fail"
		grep -q '"outcome":"failed".*"mismatches":0' <<<"$out" || { echo "$f:"; tail -n 1 <<<"$out"; }
	done
	for with in kvm,vcpu,guest_memfd iommufd,vfio; do
		findings "${options[@]}" --depth 8 --handlers $with >"$tmp/a"
		findings "${options[@]}" --depth 8 --handlers $with --no-prune --no-symmetry >"$tmp/b"
		diff "$tmp/a" "$tmp/b" || echo "$with"
	done
}

# The same counts and findings whatever the number of threads; random search likewise.
same_again()
{
	local jobs strip='s/, [0-9.]+ s$//; /transitions a CPU second/d'
	"$LUOSIM" explore "${world[@]}" --depth 7 --policy none --no-symmetry -j 1 | sed -E "$strip" >"$tmp/one"
	"$LUOSIM" explore "${world[@]}" --depth 7 --policy none --no-symmetry -j 3 | sed -E "$strip" >"$tmp/three"
	diff "$tmp/one" "$tmp/three"
	"$LUOSIM" explore --random --runs 300 --depth 20 --faults 1 --seed 7 | sed -E "$strip" >"$tmp/one"
	"$LUOSIM" explore --random --runs 300 --depth 20 --faults 1 --seed 7 | sed -E "$strip" >"$tmp/again"
	diff "$tmp/one" "$tmp/again"
	for jobs in 1 3; do
		"$LUOSIM" explore --sessions 1 --inodes 1 --damage 1 --depth 5 -j $jobs | sed -E "$strip" >"$tmp/$jobs"
		"$LUOSIM" explore --sessions 1 --inodes 1 --tokens 1 --damage 1 --faults 1 --depth 4 --kernel next \
			-j $jobs | sed -E "$strip" >>"$tmp/$jobs"
	done
	diff "$tmp/1" "$tmp/3"
	"$LUOSIM" explore --random --runs 300 --depth 20 --damage 2 --seed 7 | sed -E "$strip" >"$tmp/one"
	"$LUOSIM" explore --random --runs 300 --depth 20 --damage 2 --seed 7 | sed -E "$strip" >"$tmp/again"
	diff "$tmp/one" "$tmp/again"
}

# alike N OPTIONS...: no difference between paths of that world, each N-th compared.
alike()
{
	local n=$1 status=0
	shift
	"$LUOSIM" explore "$@" --audit="$n" >"$tmp/audit" || status=$?
	[ $status -le 3 ] && [ $status != 2 ] || { echo "$*: status $status"; cat "$tmp/audit"; }
}

audited()
{
	local policy ops with
	for with in hugetlb kvm,vcpu,guest_memfd iommufd,vfio iommufd,vfio,vfio eventfd,eventfd \
		tmpfs,tmpfs_file; do
		alike 20 --kernel next --sessions 1 --inodes 1 --handlers $with
	done
	for policy in none share refcount get-id; do
		alike 5 "${world[@]}" --depth 6 --policy $policy
	done
	ops=create_session,retrieve_session,close_session,preserve_fd,retrieve_fd,finish,kexec,close
	ops+=,reopen,memfd_create,write,truncate,extend,lseek,add_seals
	alike 20 --sessions 1 --inodes 1 --opens 2 --tokens 1 --kernels 3 --depth 5 --ops $ops
	alike 1 --kernel v7.0 --sessions 1 --inodes 1 --tokens 1 --faults 1 --depth 6
	alike 50 --limit sessions-per-block=1 --limit files-per-block=1 --faults 1 --kernels 3 --depth 5
	alike 20 --sessions 1 --processes 2 --depth 4
	alike 20 --kernel v7.0 --opens 2 --tokens 1 --faults 1 --depth 5
	alike 20 --sessions 1 --inodes 1 --tokens 1 --tasks 2 --depth 3 --kernel v7.0
	alike 50 --sessions 1 --damage 1 --depth 5
}

# The reduced machine leaves out descriptors: whether there is a slot for one more.
unequal()
{
	local status=0 f
	mkdir "$tmp/unequal"
	"$LUOSIM" explore --reduced "${world[@]}" --policy none --audit=1 --out "$tmp/unequal" >"$tmp/audit" || status=$?
	[ $status = 5 ] || echo "status $status, expected 5"
	grep -q 'stopped by audit' "$tmp/audit" && grep -A2 '^  audit: two paths to one state: ' "$tmp/audit" |
		grep -c 'retrieve_fd(r0, 0x1)$' | grep -qx 2 || cat "$tmp/audit"
	for f in none-audit-1 none-audit-2; do
		"$LUOSIM" --format json "$tmp/unequal/$f.scn" 2>&1 | grep -q '"mismatches":0' || echo "$f: results differ"
	done
	"$LUOSIM" explore --reduced "${world[@]}" --policy none --audit=1 --format json |
		grep -q '"type":"audit".*"scenario2":"scenario none-audit-2' || echo "json: no audit"
}

# What is left of a scenario is shorter, shows the same, and cannot be cut further.
nothing_to_minimise()
{
	local status=0
	"$LUOSIM" minimise "$srcdir/scenarios/one-memfd.scn" >"$tmp/out2" 2>"$tmp/err" || status=$?
	[ $status = 4 ] && [ ! -s "$tmp/out2" ] && grep -q 'no violation was found' "$tmp/err" ||
		{ echo "status $status"; cat "$tmp/out2" "$tmp/err"; }
}

minimised()
{
	local f kinds
	for f in dup-token two-sessions-one-closed direction-7.1.0 finish-outgoing-then-preserve \
		findings/seal-after-freeze handlers/needs-another; do
		"$LUOSIM" minimise "$srcdir/scenarios/$f.scn" >"$tmp/small.scn" || echo "$f: $?"
		"$LUOSIM" -q "$tmp/small.scn" || echo "$f: what is left does not show what it says"
		[ "$(wc -l <"$tmp/small.scn")" -lt "$(wc -l <"$srcdir/scenarios/$f.scn")" ] ||
			echo "$f: not shorter"
		"$LUOSIM" minimise "$tmp/small.scn" | diff "$tmp/small.scn" - || echo "$f: not minimal"
	done
}

# Stopped by a bound, it says so.
bounds()
{
	local status=0
	"$LUOSIM" explore --memory 1 --opens 2 --no-symmetry --no-prune --kernels 3 --time 60 >"$tmp/bound" || status=$?
	[ $status = 3 ] && grep -q 'stopped by memory' "$tmp/bound" || { echo "--memory: $status"; cat "$tmp/bound"; }
	status=0
	"$LUOSIM" explore --tasks 2 --kernel v7.0 --depth 4 --max-states 100 >"$tmp/bound" || status=$?
	[ $status = 3 ] && grep -q 'stopped by too many states' "$tmp/bound" || { echo "--max-states: $status"; cat "$tmp/bound"; }
}

# Ctrl-C ends it with what was found, and kill -9 leaves that as whole scenarios.
ended()
{
	local options=(--policy none --opens 2 --kernels 3 --no-symmetry --time 60 -j 2) pid f status=0
	mkdir "$tmp/left"
	env --default-signal=INT "$LUOSIM" explore "${options[@]}" --out "$tmp/left" >"$tmp/ended" &
	pid=$!
	until [ -n "$(ls "$tmp/left")" ]; do sleep 0.1; done
	kill -INT "$pid"
	wait "$pid" || status=$?
	[ $status = 130 ] || echo "Ctrl-C: status $status"
	grep -q 'stopped by interrupt, [1-9]' "$tmp/ended" || { echo "Ctrl-C:"; cat "$tmp/ended"; }
	rm "$tmp"/left/*
	"$LUOSIM" explore "${options[@]}" --out "$tmp/left" >/dev/null &
	pid=$!
	until [ -n "$(ls "$tmp/left")" ]; do sleep 0.1; done
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	for f in "$tmp"/left/*; do
		"$LUOSIM" --format json "$f" 2>&1 | grep -q '"outcome":"failed".*"mismatches":0' ||
			echo "$f: is not whole"
	done
}

# refused OPTIONS... MESSAGE: status 2, one line that says so, and no search.
refused()
{
	local status=0 message=${!#}
	"$LUOSIM" explore "${@:1:$#-1}" >"$tmp/out2" 2>"$tmp/err" || status=$?
	[ $status = 2 ] && grep -qF -- "$message" "$tmp/err" && [ "$(wc -l <"$tmp/err")" = 1 ] &&
		[ ! -s "$tmp/out2" ] || { echo "${*:1:$#-1}: $status"; cat "$tmp/out2" "$tmp/err"; }
}

bad()
{
	refused --sessions 9 'out of range'
	refused --sessions -1 'out of range'
	refused --depth 1 --faults=-3 'out of range'
	refused --random --depth 1 --runs=-1 'out of range'
	refused --random --depth 1 --seed=4294967296 'out of range'
	refused --depth 1 --time=-1 'out of range'
	refused --depth 1 --policies none,nine "unknown policy 'nine'"
	refused --depth 1 --releases v7.3,v7.9 "unknown release 'v7.9'"
	refused --depth 1 --kernel v6.19 --releases v7.3 "--kernel together with --releases"
	refused --depth 1 --policy none --policies get-id "--policy together with --policies"
	refused --depth 1 --releases v7.3 --policies get-id "--releases together with --policies"
	refused --depth 1 --policies "" "empty name in a list"
	refused --depth 1 --reduced --faults 1 'expected none of them'
	refused --tasks 2 --sessions 4 --inodes 4 --opens 4 --tokens 8 'too many for --tasks 2'
	refused --depth 1 --audit=0 '--audit=0, expected a number from 1 on'
	refused --depth 1 --audit -j 2 '--audit with several --jobs'
	refused --depth 1 --audit --random '--audit with --random'
	refused --resume "$tmp/nowhere" 'expected a directory that exists'
	refused --checkpoint "$tmp" --random '--checkpoint or --resume with --random'
	refused --checkpoint "$tmp" --checkpoint-every 0 '--checkpoint-every out of range'
	refused --estimate --random '--estimate with --random'
	refused --ops kexek "unknown operation 'kexek'"
	refused --handlers vcpu,kvm 'vcpu without one to belong to, expected kvm before it'
	refused --limit nofile=6 --opens 4 'cannot open the files'
	refused --mem 4M --handlers hugetlb,hugetlb --kernel next 'cannot open the files'
	refused --handlers kmv "unknown handler 'kmv'"
}

if [ "${1:-}" = all ]; then
	check "all graphs of the reduced machine up to 5 million states" reduced 5000000 60000
	done_testing
	exit
fi
check "the graphs of the reduced machine" reduced $(quick && echo 5000 1000 || echo 50000 8000)
slow "the same findings without symmetry or pruning" same_findings
check "in one order the same as in all, of half the transitions" reduction
check "kill -9 loses nothing" resumed
check "a state has one fingerprint in all processes" same_in_each_process
check "another search is not gone on with" other_search
check "the known counterexamples are found" known
check "a panic of panic_on_warn is no finding of its own" panic_is_symptom
slow "each release has what it is known for" releases
check "what a reboot leaves that does not come to pass" reboot_goes_on
slow "every operation of the table can be explored" every_operation
check "get-id has none" correct
check "findings are scenarios that fail" written
check "damaged handovers" damaged
check "callers of KHO, with and without counts" kho_callers
check "files of other handlers" handlers
check "a session whose close is refused, and one with an inode of its own" session_axes
check "what another kernel's handler does not know" compat_axis
check "who retrieves is charged" cgroup_charges
check "processes pass descriptors on, and end" processes
check "races are found where they are" races
slow "the same races with more threads, without symmetry, and at random" races_again
check "the same with more threads, and again at random" same_again
slow "states that are taken for one are alike" audited
check "an audit finds those that are not" unequal
check "scenarios are minimised" minimised
check "one without a violation is not" nothing_to_minimise
check "bounds stop a search" bounds
check "what was found stays when it ends early" ended
# As many states as the search counts, the violations marked, and the way to each drawn thick.
drawn()
{
	local states small=(--kernel v7.0 --sessions 1 --opens 1 --depth 6)
	states=$(counts "${small[@]}" | cut -d' ' -f1)
	"$LUOSIM" explore "${small[@]}" --graph "$tmp/all.dot" >/dev/null
	"$LUOSIM" explore "${small[@]}" --graph "$tmp/again.dot" >/dev/null
	"$LUOSIM" explore "${small[@]}" --graph "$tmp/folded.dot" --fold session >/dev/null
	cmp "$tmp/all.dot" "$tmp/again.dot"
	awk -v states="$states" '
		/^s[0-9]+ \[label/ { nodes++ }
		/^s[0-9]+ \[color/ { broken++; bad[$1] }
		/ -> / && /penwidth/ { from[$3] = $1 }
		END {
			if (!broken || nodes != states + broken)
				print nodes " nodes, " broken + 0 " violations, " states " states"
			for (node in bad) {
				for (at = node; at in from; at = from[at])
					;
				if (at != "s0")
					print "no way from the start to " node
			}
		}' "$tmp/all.dot"
	[ "$(wc -l <"$tmp/folded.dot")" -lt "$(wc -l <"$tmp/all.dot")" ] || echo "nothing was folded"
	"$LUOSIM" explore "${small[@]}" --graph "$tmp/all.html" >/dev/null
	sed -n 's|^<script type="application/json" id="data">\(.*\)</script>$|\1|p' "$tmp/all.html" |
		grep -o '"thick":true' | wc -l | grep -qx "$(grep -c '>.*penwidth=3' "$tmp/all.dot")" ||
		echo "the page has not the ways of the DOT file"
	! "$LUOSIM" explore --opens 2 --depth 9 --graph "$tmp/no.html" >/dev/null 2>"$tmp/err" &&
		grep -q 'are too many for a page' "$tmp/err" || cat "$tmp/err"
	! "$LUOSIM" explore "${small[@]}" --graph "$tmp/no.dot" --fold nonsense 2>"$tmp/err" &&
		grep -q -- --fold "$tmp/err" || cat "$tmp/err"
}

check "a small world is drawn" drawn
# From the state that the steps of a scenario lead to: its findings are scenarios that fail,
# and what the steps did is done in the same order by a world that has to find it.
begun()
{
	local from file
	mkdir -p "$tmp/begun"
	for from in 14 19; do
		"$LUOSIM" explore "$srcdir/scenarios/dup-token.scn" --from "$from" --depth 3 -j1 \
			--out "$tmp/begun" >"$tmp/begun.txt"
		grep -q double-restore "$tmp/begun.txt" || sed "s/^/from $from: /" "$tmp/begun.txt"
	done
	for file in "$tmp"/begun/*.scn; do
		"$LUOSIM" -q "$file" && echo "$file passes"
		[ $? -eq 1 ] || sed "s/^/is no scenario: /" "$file"
	done
	cat >"$tmp/steps.scn" <<-'EOF'
	scenario steps
	explore
	  ops exit,retrieve_session,retrieve_fd,finish,kexec
	  depth 3
	end
	kernel 1 v7.0
	process vmm
	  memfd_create("guest", 4K) = mem
	process init
	  open("/dev/liveupdate") = d
	  create_session(d, "one") = s
	process vmm
	  send_fd(mem, "init") = 0
	process init
	  recv_fd() = m
	  repeat i 1..2
	    preserve_fd(s, m, $i) = 0
	  end
	  fail alloc
	  create_session(d, "two") = -ENOMEM
	  kexec() = 0
	kernel 2
	  open("/dev/liveupdate") = dev
	expect any
	EOF
	"$LUOSIM" explore "$tmp/steps.scn" --out "$tmp/begun" -j1 >"$tmp/begun.txt"
	grep -q 'retrieve_session(dev, "a"); retrieve_fd(r0, 0x1); retrieve_fd(r0, 0x2)' "$tmp/begun.txt" ||
		cat "$tmp/begun.txt"
	file=$(grep -o "$tmp/begun/.*double-restore.*" "$tmp/begun.txt" | tail -n 1)
	"$LUOSIM" "$file" >"$tmp/trace"
	[ $? -eq 1 ] || cat "$tmp/trace"
	for step in 'process child' 'recv_fd()' 'fail alloc' 'preserve_fd(s0, f0, 2)'; do
		grep -qF "$step" "$file" || echo "no $step in $file"
	done
}

no_beginning()
{
	local races=$srcdir/scenarios/races/close-reboot.scn
	refused "$srcdir/scenarios/dup-token.scn" "no explore block"
	refused --from 5 "--from expected"
	refused "$srcdir/scenarios/dup-token.scn" --from 99 "double-restore in the steps"
	refused "$races" --from 99 "a race where a world begins"
	refused --reduced --inodes 0 "--reduced without memfds"
}

check "a search begins behind a scenario's steps" begun
check "what cannot be a beginning is refused" no_beginning
check "bad options are refused" bad
done_testing
