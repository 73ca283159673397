#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The last line of "make check": how many tests passed, failed and were skipped.
# Argument: the suite's log, which is not there if the tests never ran.
test -f "$1" || exit 0
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
}' "$1"
