#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What "make check" closes with: which tests took how much time, and in the last line how
# many passed, failed and were skipped. Arguments: the suite's log, which is not there if the
# tests never ran, and the log of each test.
test -f "$1" || exit 0
suite=$1
shift

# The slowest first; those under a second count only in the sum.
awk '/^# [0-9.]+ s user and [0-9.]+ s system time$/ {
	time = $2 + $5
	sum += time
	if (time >= 1)
		printf "%7.1f s %s\n", time, substr(FILENAME, 1, length(FILENAME) - 4) | "sort -rn"
}
END {
	close("sort -rn")
	printf "%7.1f s of CPU time in all\n", sum
}' "$@"

awk '
/^# (PASS|XFAIL): / { passed += $3 }
/^# (FAIL|XPASS|ERROR): / { failed += $3 }
/^# SKIP: / { skipped = $3 }
/^# ERROR: / { exit }
END {
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	printf "\n"
}' "$suite"
