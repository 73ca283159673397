#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Do the tests bite? Each of N one-token changes to model/ is built into a copy of the tree and
# must make a test fail. The exit status is 0 if at least 95 of 100 do.
#
#	mutants.sh FOLDER N SEED
#
# FOLDER is the configured copy; the same N and SEED give the same changes. A change that
# leaves the object file as it was means nothing and is not counted. The tests are $QUICK and,
# for what these let pass, $SLOW one after the other.
set -u
export LC_ALL=C
cd "$1" || exit 2
nr=$2 seed=$3

# Every change that can be made, as "FILE LINE REPLACEMENT".
changes()
{
	find model -name '*.c' ! -path 'model/engine/*' | sort | xargs awk '
	function put(line) { printf "%s\t%d\t%s\n", FILENAME, FNR, line }
	# The first @from outside of strings becomes @to.
	function swap(from, to,    at) {
		at = index($0, from)
		if (at && !index(substr($0, 1, at), "\""))
			put(substr($0, 1, at - 1) to substr($0, at + length(from)))
	}
	FNR == 1 { comment = 0 }
	/^[\t ]*\/\*/ { comment = 1 }
	comment { if (/\*\//) comment = 0; next }
	!/^\t/ || /__always_unused|BUILD_BUG|_Static_assert/ { next }
	{
		swap(" == ", " != "); swap(" != ", " == ")
		swap(" <= ", " < "); swap(" < ", " <= "); swap(" >= ", " > "); swap(" > ", " >= ")
		swap(" && ", " || "); swap(" || ", " && ")
		swap(" + ", " - "); swap("++", "--"); swap("if (!", "if (")
		swap("return true", "return false"); swap("return false", "return true")
		if (/^\t+return -E[A-Z]*;$/)
			put($0 ~ /EPERM/ ? "return -EINVAL;" : "return -EPERM;")
		if (/^\t+return (err|ret);$/)
			put("return 0;")
		if (/^\t+if \([a-z]/ && /\)( \{)?$/ && !/&&|\|\|/)
			swap("if (", "if (!")
		if (/^\t+[a-z_]+\(.*\);$/ || /^\t+[a-z>.\[\]_-]+ [|+&-]?= .*;$/ || /^\t+(continue|break);$/)
			put(";")
	}' /dev/null
}

# Build with the change in place and run the tests, the quick ones first.
try()
{
	local tests

	# shellcheck disable=SC2046 # a list of words
	{ make -s -j"$(nproc)" all && make -s -j"$(nproc)" $(printf '%s\n' $QUICK | grep -v '\.sh$'); } \
		>mutants.log 2>&1 || {
		echo 'does not build'
		return
	}
	cmp -s "$1" mutants.o && { echo 'same code'; return; }
	for tests in "$QUICK" $SLOW; do
		timeout 600 make -s -k check TESTS="$tests" >mutants.log 2>&1 || {
			echo "noticed by $(sed -nE 's/^(FAIL|ERROR):? ([^ ]*).*/\2/p' mutants.log | head -n 1)"
			return
		}
	done
	echo NOT NOTICED
}

# What fails by itself would notice everything.
make -s -j"$(nproc)" check TESTS="$QUICK $SLOW" >mutants.log 2>&1 || {
	echo "mutants: the tests fail without a change, see $1/mutants.log" >&2
	exit 2
}
noticed=0 missed=0
while IFS=$'\t' read -r file line text; do
	object=$(ls "$(dirname "$file")"/*-"$(basename "${file%.c}")".o | head -n 1)
	cp "$file" mutants.c
	cp "$object" mutants.o
	TEXT=$text awk -v line="$line" '
		FNR == line && ENVIRON["TEXT"] !~ /^\t/ { sub(/[^\t].*/, ""); printf "%s", $0 }
		FNR == line { print ENVIRON["TEXT"]; next } { print }' mutants.c >"$file"
	answer=$(try "$object")
	printf '%s:%d: %s  ->  %s\t%s\n' "$file" "$line" \
		"$(sed -n "${line}s/^[[:space:]]*//p" mutants.c)" "${text#"${text%%[![:space:]]*}"}" "$answer"
	cp mutants.c "$file"
	case $answer in
	noticed*) noticed=$((noticed + 1)) ;;
	NOT*) missed=$((missed + 1)) ;;
	esac
done < <(changes | shuf -n "$nr" --random-source=<(yes "$seed"))
echo "$((noticed + missed)) changes, $noticed noticed, $missed not"
[ "$noticed" -gt 0 ] && [ $((missed * 20)) -le $((noticed + missed)) ]
