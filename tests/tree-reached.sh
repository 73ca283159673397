#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scenarios and two small searches reach of the code of 7.3, error paths with it: each
# function of which lines or branches were not reached is in tree-reached.txt with the reason.
# Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"
reasons=$srcdir/tests/tree-reached.txt

need_tree "what is reached of a kernel tree" --coverage

counted()
{
	"$luosim" coverage ./x.so --data counts --lcov lcov.info "$@" >out 2>err ||
		{ echo "$*:"; cat err; }
}

runs()
{
	local folder
	for folder in . faults reboot findings handover handlers policies public; do
		counted "$srcdir/scenarios/$folder"/*.scn
	done
	counted explore --sessions 1 --opens 2 --faults 1 --depth 7
	counted explore --sessions 1 --inodes 1 --opens 1 --tokens 1 --damage 1
}

# "FILE FUNCTION LINES BRANCHES" of what was not reached of the files in the list: lcov has the
# counts, and what luosim prints has the functions.
missed()
{
	awk -F '[:,]' -v tree="$(realpath "$tree")" '
		FNR == 1 { part++ }
		part == 1 && /^[a-z]/ { split($0, w, " "); listed[w[1]] = 1 }
		part == 2 && $1 == "SF" { file = substr($2, length(tree) + 2) }
		part == 2 && $1 == "DA" && $3 == 0 { line[file, $2] = 1 }
		part == 2 && $1 == "BRDA" && $5 + 0 == 0 { branch[file, $2]++ }
		part == 3 && / [a-z_0-9]+\(\)$/ { file = $1; name = $2; gsub(/[ ()]/, "", name) }
		part == 3 && match($0, /^ *(#####|[0-9]+ of [0-9]+) +[0-9]+ /) {
			n = split(substr($0, 1, RLENGTH), w, " ")
			at = w[n]
			l[file " " name] += line[file, at]; b[file " " name] += branch[file, at]
		}
		END { for (f in l) { split(f, w, " ")
			if (w[1] in listed) print f, l[f] + 0, b[f] + 0 } }' \
		"$reasons" lcov.info out | sort
}

# More than the list has.
unlisted()
{
	awk 'FNR == NR { if (/^[a-z]/) { lines[$1 " " $2] += $3; branches[$1 " " $2] += $4 } next }
		$3 > lines[$1 " " $2] || $4 > branches[$1 " " $2] {
			print $0 " were not reached, listed are " lines[$1 " " $2] + 0, branches[$1 " " $2] + 0
		}' "$reasons" missed
}

# What is listed and was reached.
listed_too_much()
{
	awk 'FNR == NR { lines[$1 " " $2] = $3; next }
		/^[a-z]/ { want[$1 " " $2] += $3 }
		END { for (f in want) if (want[f] > lines[f])
			print f ": only " lines[f] + 0 " lines of " want[f] }' \
		missed "$reasons"
}

check "scenarios and searches run" runs
missed >missed
check "what they do not reach is listed, with the reason" unlisted
check "and no line is listed that they do reach" listed_too_much
done_testing
