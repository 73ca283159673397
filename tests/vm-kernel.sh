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

# PATH...: none differs, and none fails
as_the_model()
{
	nice "$LUOSIM" vm -j2 --timeout 120 --kernel "$LUOSIM_VM_KERNEL" "$@" \
		>"$tmp/out" 2>"$tmp/err"
	tail -n 1 "$tmp/out" >>"$tmp/totals"
	grep -E -A5 '^(FAIL|DIFF)' "$tmp/out"
	grep -qE '^[0-9]+ scenarios: [1-9][0-9]* agree, ' "$tmp/out" || cat "$tmp/out" "$tmp/err"
}

# One scenario in five of those that luosim emit can say, each a static program.
emitted()
{
	local scn nr=0 made=()
	for scn in "$scenarios"/*.scn; do
		"$LUOSIM" emit --c "$scn" >"$tmp/program.c" 2>/dev/null || continue
		[ $((nr++ % 5)) -eq 0 ] || continue
		made+=("$tmp/$(basename "$scn" .scn)")
		"$CC" -O1 -static -Wall -Werror -o "${made[-1]}" "$tmp/program.c" || return
	done
	nice "$LUOSIM" vm -j2 --timeout 120 --programs --kernel "$LUOSIM_VM_KERNEL" "${made[@]}" \
		>"$tmp/out" 2>&1
	tail -n 1 "$tmp/out" >>"$tmp/totals"
	grep -qE '^[0-9]+ programs: [1-9][0-9]* ok, 0 failed' "$tmp/out" ||
		grep -vE '^(ok|skip) ' "$tmp/out"
}

check "scenarios of the top folder" as_the_model "$scenarios"/*.scn
check "failures" as_the_model "$scenarios/faults"
check "findings" as_the_model "$scenarios/findings"
check "public ones" as_the_model "$scenarios/public"
check "emitted programs" emitted
sed 's/^/# /' "$tmp/totals"
done_testing
