#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each fix, taken out, makes a scenario fail, and luosim explain names it as the cure. The
# kernel is v7.3; next for what v7.3 has not or does not show. Part of "make check-all".
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# failed KERNEL [FIX]: in a file, names of the scenarios that fail there, without FIX if it
# is given, and the policy of the run
failed()
{
	"$luosim" --kernel="$1" ${2:+--without="$2"} scenarios |
		sed -n 's/^FAIL \([^,]*\), kernel [^ ]*, policy \([^:]*\):.*/\1 \2/p' |
		sort >"$tmp/failed-$1-${2:-}"
}

# failed_each KERNEL FIX...: likewise for each FIX, as many at a time as there are processors
failed_each()
{
	local kernel=$1 fix
	shift
	failed "$kernel"
	for fix; do
		[ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
		failed "$kernel" "$fix" &
	done
	wait
}

# bitten_on KERNEL FIX: names of those that fail on KERNEL only without FIX
bitten_on()
{
	[ -f "$tmp/failed-$1-" ] || failed "$1"
	[ -f "$tmp/failed-$1-$2" ] || failed "$1" "$2"
	comm -13 "$tmp/failed-$1-" "$tmp/failed-$1-$2"
}

# names_cure KERNEL FIX: of the first scenarios that fail without FIX, FIX is a cure
names_cure()
{
	local name policy file
	while read -r name policy; do
		file=$(find scenarios -name "$name.scn")
		"$luosim" explain --kernel="$1" --policy="$policy" --without="$2" "$file" >"$tmp/out" 2>&1 ||
			echo "$name: exit status $?"
		sed -n '/^what cures it$/,/^  policy /p' "$tmp/out" | grep -q " $2[ :]" ||
			{ echo "$name: no $2 in:"; cat "$tmp/out"; }
	done < <(head -n 2 "$tmp/bitten")
}

# bites FIX
bites()
{
	local kernel
	for kernel in v7.3 next; do
		bitten_on "$kernel" "$1" >"$tmp/bitten"
		[ ! -s "$tmp/bitten" ] || { names_cure "$kernel" "$1"; return; }
	done
	echo "no scenario fails without $1"
}

fixes=$("$luosim" list fixes | awk 'NR > 1 { print $1 }')
check "there are fixes" test -n "$fixes"
# What no scenario can show on v7.3.
declare -A hidden=(
	[memfd-remove-folio]='the file that the folio stays in goes at once: accounting-fails.scn'
	[reboot-abort]='no release has it'
	[extent-checks]='no release has it'
	[kvm-mem-attrs]='no release has it: public/kvm-attributes.scn'
	[chunk-free-page]='from 7.1 on there are no chunks: kho/chunks-freed.scn, on 7.0'
)
# shellcheck disable=SC2086 # a list of words
failed_each v7.3 $fixes
for fix in $fixes; do
	if [ -n "${hidden[$fix]:-}" ]; then
		skip "$fix is missed and named" "${hidden[$fix]}"
	else
		check "$fix is missed and named" bites "$fix"
	fi
done
done_testing
