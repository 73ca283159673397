#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every scenario that a real kernel can be told, on LUOSIM_VM_KERNEL, a bzImage of 7.3.4 that
# was configured with luosim vm --print-config: it answers as the model. What
# differs on kernels without the whole fragment, docs/fidelity.md explains. Programs of luosim
# emit run there, too.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}" "${LUOSIM_VM_KERNEL:=}" "${CC:=cc}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
scenarios=$srcdir/scenarios
if [ -z "$LUOSIM_VM_KERNEL" ]; then
	skip "scenarios on a real kernel" "no LUOSIM_VM_KERNEL"
	done_testing
fi

# OPTION... PATH...: none differs, and none fails
as_the_model()
{
	nice "$LUOSIM" vm -j2 --timeout 120 --kernel "$LUOSIM_VM_KERNEL" "$@" \
		>"$tmp/out" 2>"$tmp/err"
	tail -n 1 "$tmp/out" >>"$tmp/totals"
	grep -E -A5 '^(FAIL|DIFF)' "$tmp/out"
	grep -qE '^[0-9]+ scenarios: [1-9][0-9]* agree, ' "$tmp/out" || cat "$tmp/out" "$tmp/err"
}

# Those that are quickest, as a race takes a machine of two processors each time; one is over a
# kexec. All outcomes are the model's, of which it has more than came.
races()
{
	local race paths=()
	for race in append close-create create-reboot get-name-twice seek-read seek-read-locked; do
		paths+=("$scenarios/races/$race.scn")
	done
	as_the_model --times 5 "${paths[@]}"
	[ "$(grep -c ': 5 times, [1-9][0-9]* outcomes; model v7.3: ' "$tmp/out")" -eq ${#paths[@]} ] ||
		cat "$tmp/out"
}

# ARGUMENTS: those whose head says that their kernel is booted with them
programs()
{
	local made
	mapfile -t made < <(grep -lF " booted with $1, " "$tmp"/programs/*.c | sed 's/$/.out/')
	[ "$1" != "kho=on liveupdate=on" ] || [ "${#made[@]}" -gt 90 ] ||
		echo "only ${#made[@]} programs"
	nice "$LUOSIM" vm -j2 --timeout 120 --programs --append "$1" \
		--kernel "$LUOSIM_VM_KERNEL" "${made[@]}" >"$tmp/out" 2>&1 || return
	grep -E '^(ok  |skip) .*: [0-9]+ tests' "$tmp/out" >>"$tmp/programs/results"
}

# Those of the top folder that luosim emit can say, each a static program.
emitted()
{
	local scn name arguments
	mkdir "$tmp/programs"
	for scn in "$scenarios"/*.scn; do
		name=$tmp/programs/$(basename "$scn" .scn)
		"$LUOSIM" emit --c "$scn" >"$name.c" 2>/dev/null || rm "$name.c"
	done
	printf '%s\n' "$tmp"/programs/*.c |
		xargs -P2 -I{} "$CC" -O1 -static -Wall -Werror -o {}.out {} || return
	for arguments in $(sed -nE 's/.* booted with kho=(on|off) liveupdate=(on|off), .*/\1,\2/p' \
		"$tmp"/programs/*.c | sort -u); do
		programs "kho=${arguments%,*} liveupdate=${arguments#*,}" || cat "$tmp/out"
	done
	sed 's/ .*//' "$tmp/programs/results" | sort | uniq -c | xargs echo "programs:" >>"$tmp/totals"
	sed -nE 's/^skip .*\/(.*)\.c\.out: .*/\1/p' "$tmp/programs/results" |
		while read -r name; do # claims nothing of 7.3.4, or a later kernel is another
			grep -qE '^kernel [2-9] v' "$scenarios/$name.scn" ||
				grep -HE '^(runs|kernel 1) (.* )?v7\.3( |$)' "$scenarios/$name.scn"
		done
	return 0
}

check "scenarios of the top folder" as_the_model "$scenarios"/*.scn
check "failures" as_the_model "$scenarios/faults"
check "findings" as_the_model "$scenarios/findings"
check "public ones" as_the_model "$scenarios/public"
check "races" races
check "emitted programs" emitted
sed 's/^/# /' "$tmp/totals"
done_testing
