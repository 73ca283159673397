# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the shell tests share: results in the Test Anything Protocol.
#
#	check WHAT COMMAND...	one result: passes if COMMAND prints nothing and exits 0
#	skip WHAT WHY
#	gives STATUS ARGUMENT...	"${command[@]}" with these gives that exit status
#	prints REGEXP ARGUMENT...	likewise, one line of its output is REGEXP
#	quick			is what is slow to be left out?
#	slow WHAT COMMAND...	likewise check, but where quick() left out, which is told
#	with_git WHAT COMMAND...	likewise check, but where there is no git
#	has_terminal		can script(1) give a program a terminal?
#	done_testing		prints the plan; the last thing a test does

set -u
export LC_ALL=C
tap_nr=0
tap_failed=0

check()
{
	local what=$1 out
	shift
	tap_nr=$((tap_nr + 1))
	if out=$("$@" 2>&1) && [ -z "$out" ]; then
		echo "ok $tap_nr - $what"
	else
		echo "not ok $tap_nr - $what"
		printf '%s\n' "$out" | head -n 40 | sed 's/^/# /'
		tap_failed=1
	fi
}

# What is slow and touches no memory that other tests do not touch too is left out where
# the program was built with AddressSanitizer, and where QUICK is set.
tap_quick=${QUICK:-$(grep -qs __asan_init "${LUOSIM:-./luosim}" && echo yes)}

quick()
{
	[ -n "$tap_quick" ]
}

slow()
{
	if quick; then
		skip "$1" "left to a run without QUICK"
	else
		check "$@"
	fi
}

with_git()
{
	if command -v git >/dev/null; then
		check "$@"
	else
		skip "$1" "no git"
	fi
}

has_terminal()
{
	script -qec true /dev/null </dev/null >/dev/null 2>&1
}

gives()
{
	local want=$1 status
	shift
	"${command[@]}" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ "$status" -eq "$want" ] || { echo "exit status $status, expected $want"; cat "$tmp/err"; }
}

prints()
{
	local want=$1
	shift
	"${command[@]}" "$@" >"$tmp/out" 2>"$tmp/err"
	grep -qxE -- "$want" "$tmp/out" ||
		{ echo "no line '$want' in:"; cat "$tmp/out" "$tmp/err"; }
}

skip()
{
	tap_nr=$((tap_nr + 1))
	echo "ok $tap_nr - $1 # SKIP $2"
}

done_testing()
{
	echo "1..$tap_nr"
	exit $tap_failed
}
