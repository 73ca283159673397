#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What luosim explore --estimate says of worlds that were searched to their end: states and
# transitions are within a factor of three. What was said is in the log, as parts of the truth.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
exec 3>&1

# near STATES TRANSITIONS OPTIONS...
near()
{
	local states=$1 transitions=$2
	shift 2
	"$LUOSIM" explore --estimate -j 1 "$@" </dev/null >"$tmp"
	awk -v states="$states" -v transitions="$transitions" '
		function far(part) { return part < 1 / 3 || part > 3 }
		{
			at = $2 == "about" ? 3 : 2
			printf "# %.2f of states, %.2f of transitions\n", $at / states,
				$(at + 2) / transitions >"/dev/stderr"
			if (far($at / states) || far($(at + 2) / transitions))
				print
		}' "$tmp" 2>&3
}

# What has no level of more than 10000 states is counted.
exact()
{
	local counts
	counts=$("$LUOSIM" explore --kernel v7.3 -j 1 | sed -n '1s/, [0-9.]* s$//p')
	"$LUOSIM" explore --kernel v7.3 --estimate >"$tmp"
	grep -q "^$counts, " "$tmp" || { echo "$counts"; cat "$tmp"; }
	! "$LUOSIM" explore --policy none --depth 7 --no-symmetry --estimate | grep about
}

check "small worlds are counted" exact
while read -r states transitions options; do
	how=slow
	[ "$states" -gt 200000 ] || how=check
	# shellcheck disable=SC2086 # words
	$how "$options" near "$states" "$transitions" $options
done < <(grep -v '^#' "$srcdir/tests/estimates.tsv")
done_testing
