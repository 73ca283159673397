#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Races: merging orders of steps loses no schedule, a schedule that was printed is
# the same run again, and so is everything else however often it is run.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"

dir=$srcdir/scenarios/races
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# What came of all schedules, without the trace of the one that is shown.
counts()
{
	"$LUOSIM" "$@" | sed -n '/^verdict/,/^$/p' | grep schedules
}

# Where all orders can be run one by one, the counts are the same.
merged_is_all()
{
	local all merged

	all=$(counts --no-reduction --max-states=3000000 "$@")
	merged=$(counts "$@")
	[ -n "$merged" ] || echo "no counts"
	[[ $all != *"not all"* ]] || echo "too many to run one by one"
	[ "$all" = "$merged" ] || printf '%s\n%s\n' "$all" "$merged"
}

# pasted KIND FILE...: the shortest schedule of that kind, put at the race, gives the kind
pasted()
{
	local kind=$1 schedule
	shift
	schedule=$("$LUOSIM" "$@" | sed -n "s/^  $kind: shortest //p" | head -n 1)
	[ -n "$schedule" ] || echo "no schedule for $kind"
	sed "s/^  race.*/  race schedule=$schedule/" "${!#}" >"$tmp/pasted.scn"
	"$LUOSIM" "${@:1:$#-1}" "$tmp/pasted.scn" >"$tmp/out"
	grep -q "^verdict: 1 schedule: 1 $kind" "$tmp/out" || { echo "$schedule"; cat "$tmp/out"; }
}

seeded()
{
	local seed

	for seed in {1..20}; do
		sed "s/^  race.*/  race seed=$seed preemptions=3/" "$dir/close-reboot.scn" \
			>"$tmp/$seed.scn"
		"$LUOSIM" --kernel=v7.0 "$tmp/$seed.scn" >"$tmp/one"
		"$LUOSIM" --kernel=v7.0 "$tmp/$seed.scn" | cmp - "$tmp/one" || return 1
		grep "in the order" "$tmp/one" >>"$tmp/orders"
	done
	[ "$(sort -u "$tmp/orders" | wc -l)" -gt 5 ] || echo "twenty seeds, few orders"
}

ten()
{
	local i

	"$LUOSIM" "$dir" >"$tmp/first"
	for i in {1..10}; do
		"$LUOSIM" "$dir" | cmp - "$tmp/first" || return 1
	done
}

# With n preemptions there are no more schedules than with n + 1, and in the end all.
bounded()
{
	local n before=0 all now

	all=$(counts --kernel=v7.3 "$dir/close-reboot.scn" | grep -o '[0-9]* schedules')
	for n in 0 1 2 3 4 30; do
		sed "s/^  race.*/  race preemptions=$n/" "$dir/close-reboot.scn" >"$tmp/bound.scn"
		now=$(counts --kernel=v7.3 "$tmp/bound.scn" | grep -o '[0-9]* schedules')
		[ "${now% *}" -ge "$before" ] || echo "$n preemptions: $now, fewer than $before"
		before=${now% *}
	done
	[ "$now" = "$all" ] || echo "$now, without a bound $all"
	sed "s/^  race.*/  race preemptions=0/" "$dir/close-reboot.scn" >"$tmp/bound.scn"
	merged_is_all --kernel=v7.0 "$tmp/bound.scn"
	sed "s/^  race.*/  race preemptions=2/" "$dir/close-reboot.scn" >"$tmp/bound.scn"
	merged_is_all --kernel=v7.0 "$tmp/bound.scn"
}

stopped()
{
	"$LUOSIM" --max-states=50 --kernel=v7.3 "$dir/create-reboot.scn" >"$tmp/out"
	[ $? -eq 3 ] || echo "exit status is not 3"
	tr -s '\n ' ' ' <"$tmp/out" | grep -q "not all schedules tried: too many states" ||
		cat "$tmp/out"
}

# late SECONDS ARGUMENT...: the time limit ends a search that would take hours, in time, and
# the verdict says how many schedules it ran.
late()
{
	timeout 60 "$LUOSIM" --time-limit="$1" --no-reduction --max-states=2000000000 \
		--kernel=v7.0 "$2" >"$tmp/out"
	[ $? -eq 3 ] || echo "exit status is not 3"
	tr -s '\n ' ' ' <"$tmp/out" | grep -q "not all schedules tried: the time limit; [1-9]" ||
		cat "$tmp/out"
	grep -q '^verdict: some schedules: ' "$tmp/out" || echo "no verdict on these"
}

interrupted()
{
	# A job in the background would ignore the signal.
	env --default-signal=INT "$LUOSIM" --no-reduction --max-states=2000000000 --kernel=v7.0 \
		"$dir/create-reboot.scn" >"$tmp/out" 2>&1 &
	local pid=$!
	sleep 1
	kill -INT "$pid"
	wait "$pid"
	[ $? -eq 130 ] || echo "it was not ended by the signal"
	tr -s '\n ' ' ' <"$tmp/out" | grep -q "not all schedules tried: interrupted" || cat "$tmp/out"
}

check "a close against reboot on v7.0: every order one by one gives the same counts" \
	merged_is_all --kernel=v7.0 "$dir/close-reboot.scn"
check "a close against reboot on v7.3: every order one by one gives the same counts" \
	merged_is_all --kernel=v7.3 "$dir/close-reboot.scn"
for one in seek-read seek-read-locked append get-name-twice; do
	check "$one: every order one by one gives the same counts" \
		merged_is_all "$dir/$one.scn"
done
check "B12: the schedule that steals, pasted back, steals" \
	pasted "stolen lost" --kernel=v7.0 "$dir/close-reboot.scn"
check "B13: the schedule that loses, pasted back, loses" \
	pasted "lost leak" --kernel=v7.0 "$dir/create-reboot.scn"
check "B14: the schedule that loses, pasted back, loses" \
	pasted "lost leak" --kernel=v7.0 "$dir/preserve-frozen.scn"
check "B16: the schedule that uses what is freed, pasted back, does" \
	pasted "use-after-free" --kernel=v7.0 "$dir/retrieve-close.scn"
check "a seed is a schedule" seeded
check "more preemptions, more schedules" bounded
check "a search that is stopped says so and is no success" stopped
check "the time limit ends a search with what it found" late 1 "$dir/create-reboot.scn"
check "Ctrl-C ends a search with what it found" interrupted
slow "ten runs of every race are the same bytes" ten
done_testing
