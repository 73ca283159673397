#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each bug of KHO, B43 to B55: a scenario of its row in docs/bugs.md passes, and has another
# verdict, or other results, where the row's fix is taken out.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1

verdict()
{
	grep '^verdict: '
}

# bites FIX SCENARIO...: one of them does, on a release that has the fix
bites()
{
	local fix=$1 kernel name run with
	shift
	for kernel in v7.3 v7.0; do
		for name; do
			run=("$luosim" --kernel="$kernel" "scenarios/$name.scn")
			with=$("${run[@]}" 2>&1) || continue
			[ "$(verdict <<<"$with")" = \
			  "$("${run[@]}" --without="$fix" 2>&1 | verdict)" ] || return 0
		done
	done
	echo "$*: as without $fix"
}

for bug in B{43..55}; do
	IFS='|' read -r fixes names < <(sed -n "s/^| $bug |.*| \([^|]*\) | \([^|]*\) |\$/\1|\2/p" \
					docs/bugs.md)
	check "$bug has a fix and a scenario" test "${fixes:--}" != - -a -n "$names"
	IFS=', ' read -ra names <<<"$names"
	for fix in ${fixes//,/}; do
		check "$bug: without $fix it is there again" bites "$fix" "${names[@]}"
	done
done
done_testing
