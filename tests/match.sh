#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim match finds the bug that a log shows: of all WARNs and panics of the recordings
# (tests/match.expected says whose each is), and of logs, mails and reports in tests/match.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$LUOSIM")

# A recording, one line, as the log that it was: its answers and its kernels' messages.
as_log()
{
	local line=$1
	echo "Linux version $(grep -oE '"release": "[^"]*"' <<<"$line" | cut -d'"' -f4)"
	grep -oE '"data": "booted"|"rc": "-E[A-Z0-9]*"|"(WARNING |Call Trace: |KHO: |luo: |memfd_luo: |Kernel panic)([^"\\]|\\.)*"' <<<"$line" |
		sed -E 's/^"data": "booted"$/KHO: found kexec handover data./; s/"//g'
}

# "RANK BUG" of each candidate
ranks()
{
	"$LUOSIM" match "$1" | sed -nE 's/^([0-9]+)\. (B[0-9]+), .*/\1 \2/p'
}

# Which bugs a case is of.
expected()
{
	local case=${1#pow_} pattern bugs
	while read -r pattern bugs; do
		[[ $case =~ ^($pattern)$ ]] && echo "$bugs" && return
	done <"$srcdir/tests/match.expected"
}

first_or_second()
{
	local line case bugs bug found nr=0
	while read -r line; do
		case=${line#*\"case\": \"}
		case=${case%%\"*}
		nr=$((nr + 1))
		as_log "$line" >"$tmp/log"
		bugs=$(expected "$case")
		[ "$bugs" = none ] && { [ -z "$(ranks "$tmp/log")" ] || echo "$case: not none"; continue; }
		found=$(ranks "$tmp/log" | awk '$1 <= 2 { print $2 }')
		for bug in $bugs; do
			grep -qx "$bug" <<<"$found" && continue 2
		done
		echo "$case: ${bugs:-not in tests/match.expected}, found" $found
	done < <(grep -hE '"WARNING |"panic": "' "$srcdir"/tests/recordings/*.jsonl)
	[ "$nr" -gt 50 ] || echo "only $nr recordings"
}

# FILE BUG...: the first of each part
first()
{
	local file=$srcdir/tests/match/$1
	shift
	[ "$(ranks "$file" | awk '$1 == 1 && last != 1 { print $2 } { last = $1 }' | xargs)" = "$*" ] ||
		echo "found: $(ranks "$file" | xargs)"
}

tells_that_nothing_is_near()
{
	gives 1 match "$srcdir/tests/match/foreign.log"
	grep -qx 'Nothing in it is near a known bug of live update.' "$tmp/out" || cat "$tmp/out"
	gives 1 match - </dev/null
	gives 1 match - <<<'luo: Retrieved live update data, liveupdate number: 1'
}

# same_as_plain WHAT: a log on standard input is found to be what $tmp/plain says
same_as_plain()
{
	"$LUOSIM" match - | sed -n '/why/,$p' | cmp - "$tmp/plain" || echo "$1"
}

any_prefix()
{
	local log=$srcdir/tests/match/two-tokens-panic-on-warn.log
	"$LUOSIM" match "$log" | sed -n '/why/,$p' >"$tmp/plain"
	sed 's/^/> > <4>/' "$log" | "$LUOSIM" match - | sed -n '/why/,$p' | cmp - "$tmp/plain"
	sed 's/^\[[^]]*\]//; s/$/\r/' "$log" | "$LUOSIM" match - | sed -n '/why/,$p' | cmp - "$tmp/plain"
}

# dmesg colours its lines; a page, or a mail that was made from one, has entities
of_a_terminal_or_a_page()
{
	local name log esc
	esc=$(printf '\033')
	for name in two-tokens-panic-on-warn preserve-efault; do
		log=$srcdir/tests/match/$name.log
		"$LUOSIM" match "$log" | sed -n '/why/,$p' >"$tmp/plain"
		sed -E "s/^(\[[^]]*\] )(.*)/$esc[32m\1$esc[0m$esc[31m$esc[1m\2$esc[0m$esc[K/" "$log" |
			same_as_plain "$name in colours"
		sed -E "s/(luo:|WARNING|0x)/^[[36m\1^[[0m/g" "$log" | same_as_plain "$name: caret"
		sed -E "s/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/ /\&nbsp;/g; s/$/<br>/" "$log" |
			same_as_plain "$name as HTML"
		sed -E "s/</\&#60;/g; s/\+/\&#x2b;/g" "$log" | same_as_plain "$name with numbers"
	done
}

however_it_was_kept()
{
	local log=$srcdir/tests/match/two-tokens-panic-on-warn.log to magic
	"$LUOSIM" match "$log" | sed -n '/why/,$p' >"$tmp/plain"
	gzip -c "$log" | same_as_plain gzip
	(head -n 40 "$log" | gzip -c; sed 1,40d "$log" | gzip -c) | same_as_plain "two of gzip"
	for to in UTF-16 UTF-16LE UTF-16BE; do
		iconv -f ASCII -t $to "$log" | same_as_plain $to
	done
	tr '\n' '\r' <"$log" | same_as_plain "carriage returns"
	tr '\n' '\0' <"$log" | same_as_plain "NUL bytes"
	sed 's/^/\x00\x00/' "$log" | same_as_plain "NUL bytes in front"
	gzip -c "$log" | head -c 500 >"$tmp/log"
	gives 2 match "$tmp/log"
	grep -q gzip "$tmp/err" || cat "$tmp/err"
	for magic in '\x28\xb5\x2f\xfd' '\xfd7zXZ' BZh LPKSHHRH; do
		printf "%b and so on" "$magic" >"$tmp/log"
		gives 2 match "$tmp/log"
		grep -q 'expected text or gzip' "$tmp/err" || cat "$tmp/err"
	done
}

# A mail that quotes the log and breaks its lines; the rest of a line is no line of a program.
wrapped()
{
	local log=$srcdir/tests/match/two-tokens-finish.log width
	"$LUOSIM" match "$log" | sed -n '/^The log/p; s/^line [0-9]*//p; /^    why/p' |
		sed 's/line [0-9]*//' >"$tmp/plain"
	for width in 66 72 76; do
		fold -s -w $width "$log" | sed 's/^/> > /' | "$LUOSIM" match - |
			sed -n '/^The log/p; s/^line [0-9]*//p; /^    why/p' |
			sed 's/line [0-9]*//' | diff - "$tmp/plain"
	done
	sed 's/^\(.*\] KHO: Unable.*\)$/\1\nsystemd[1]: Started it/' "$log" >"$tmp/log"
	[ "$(ranks "$tmp/log" | head -n 1)" = "1 B02" ] || echo "found: $(ranks "$tmp/log" | xargs)"
}

# The first lines of a crash are not in the log: what is left says nearly the same.
cut_in_front()
{
	local log=$srcdir/tests/match/two-tokens-finish.log
	sed -n '/Call Trace/,$p' "$log" >"$tmp/log"
	[ "$(ranks "$tmp/log" | head -n 1)" = "1 B02" ] || echo "found: $(ranks "$tmp/log" | xargs)"
	sed -n '/Call Trace/,$p' "$log" | sed 1,2d >"$tmp/log"
	[ "$(ranks "$tmp/log" | head -n 1)" = "1 B02" ] || echo "found: $(ranks "$tmp/log" | xargs)"
	grep 'RIP: 0010' "$log" >"$tmp/log"
	gives 0 match "$tmp/log"
	echo '[ 1.0] RIP: 0033:kho_restore_page+0x1/0x2' >"$tmp/log"
	gives 1 match "$tmp/log"
}

# What warns while a kernel boots has no callers of the kernel before.
boot_has_no_caller()
{
	"$LUOSIM" --kernel=v7.2 --without=block-checks \
		"$srcdir/scenarios/handover/session-chain-cyclic.scn" >"$tmp/out"
	tr -d '\n' <"$tmp/out" | grep -q '< *luo_session_setup_incoming < liveupdate_early_init  *WARN' ||
		cat "$tmp/out"
}

# A function that many call warns for others, too; boot tells of functions without any crash.
of_others()
{
	local log
	for log in foreign-callers foreign-kmemleak foreign-lockdep; do
		gives 1 match "$srcdir/tests/match/$log.log"
	done
	sed 's/^/[ 0.1] calling  /; s/$/+0x0\/0x2d0 @ 1/' >"$tmp/log" <<-'X'
		kho_init
		luo_late_startup
		liveupdate_early_init
	X
	gives 1 match "$tmp/log"
}

# TITLE FUNCTION...: a report of it, with that call trace
report()
{
	printf '[   12.5] %s\n[   12.5] Call Trace:\n[   12.5]  <TASK>\n' "$1"
	shift
	printf '[   12.5]  %s+0x1/0x2\n' "$@"
	printf '[   12.5]  </TASK>\n'
}

# A crash where others hang, a hang where others crash, sleeping where nobody may, and a count
# that is no FLB's.
of_other_kinds()
{
	local ioctl='luo_session_ioctl __x64_sys_ioctl do_syscall_64'
	local retrieve="memfd_luo_retrieve luo_retrieve_file luo_session_retrieve_fd $ioctl"
	# shellcheck disable=SC2086 # words are functions
	{
		report 'BUG: kernel NULL pointer dereference, address: 0000000000000008' \
			luo_session_release __fput fput_close_sync __x64_sys_close | gives 1 match -
		report 'INFO: task luod:3 blocked for more than 122 seconds.' __schedule schedule \
			$retrieve | gives 1 match -
		report 'BUG: sleeping function called from invalid context at fs/x.c:1' \
			__might_resched $retrieve | gives 1 match -
		report 'WARNING: lib/refcount.c:28 at refcount_warn_saturate+0x5/0x90, CPU#0: a/3' \
			refcount_warn_saturate $retrieve | gives 1 match -
		report 'BUG: KMSAN: uninit-value in luo_session_release+0x1/0x2' \
			luo_session_release __fput fput_close_sync __x64_sys_close | gives 1 match -
	}
}

# A log that ends within its trace: callers that are not there count against no bug.
cut_off()
{
	local file last bug # the last function that is there, and what comes first
	while read -r file last bug; do
		sed "/[ >]$last+0x.*/q" "$srcdir/tests/match/$file" >"$tmp/log"
		[ "$(ranks "$tmp/log" | head -n 1)" = "1 $bug" ] ||
			echo "$file up to $last: $(ranks "$tmp/log" | xargs)"
	done <<-'X'
		two-tokens-panic-on-warn.log memfd_luo_retrieve B01
		two-tokens-finish.log memfd_luo_finish B02
		arm64.log memfd_luo_finish B02
		retrieve-before-kexec.log memfd_luo_retrieve B06
	X
}

# A log that ends with the function: what would have come after counts against no bug.
nothing_after()
{
	sed '/RIP: 0010:kho_restore_page/q' "$srcdir/tests/match/two-tokens-finish.log" >"$tmp/log"
	ranks "$tmp/log" | grep -qx '1 B02' || echo "found: $(ranks "$tmp/log" | xargs)"
	sed 's/+0x[0-9a-f]*\/0x[0-9a-f]*//' "$srcdir/tests/match/two-tokens-finish.log" >"$tmp/log"
	[ "$(ranks "$tmp/log" | head -n 1)" = "1 B02" ] || echo "found: $(ranks "$tmp/log" | xargs)"
}

# ID LOG: its trace, as the task that ID names says it
said_by()
{
	sed -n '/WARNING/,/<\/TASK>/p' "$srcdir/tests/match/$2" |
		sed -E "s/^\[[^]]*\] /[   12.5][ $1] /"
}

# Two processors warn at a time, and so do two machines one after the other in a log.
two_in_one()
{
	local found
	paste -d '\n' <(said_by T301 two-tokens-panic-on-warn.log) \
		<(said_by T302 retrieve-before-kexec.log) >"$tmp/log"
	found=$(ranks "$tmp/log" | awk '$1 == 1' | xargs)
	[ "$found" = "1 B01 1 B06 1 B08 1 B07" ] || echo "interleaved: $found"
	(cat "$srcdir/tests/match/preserve-efault.log"
	echo '[    0.000000] Linux version 7.0.0 (root@vm)'
	cat "$srcdir/tests/match/two-tokens-finish.log") >"$tmp/log"
	found=$(ranks "$tmp/log" | awk '$1 == 1' | xargs)
	[ "$found" = "1 B57 1 B02" ] || echo "two machines: $found"
}

# The next kernel is of a release that has the fix, which the one that warned had not.
updated()
{
	(cat "$srcdir/tests/match/retrieve-before-kexec.log"
	printf '[    0.000000] %s\n' 'Linux version 7.3.4 (root@vm)' \
		'KHO: found kexec handover data.') >"$tmp/log"
	[ "$(ranks "$tmp/log" | head -n 1)" = "1 B06" ] || echo "found: $(ranks "$tmp/log" | xargs)"
	! "$LUOSIM" match "$tmp/log" | grep '7.3.4 should not have it'
}

# 50 MB in which nothing is, and messages that no two are alike
long_logs()
{
	yes '[    1.5] systemd[1]: Started one of many services that say nothing of it.' |
		head -c 50000000 >"$tmp/log"
	cat "$srcdir/tests/match/two-tokens-finish.log" >>"$tmp/log"
	ranks "$tmp/log" | grep -qx '1 B02' || echo "found: $(ranks "$tmp/log" | xargs)"
	seq -f '[    1.5] luo: a message of its own a%0.f' 5000 | tr 0-9 a-j >"$tmp/log"
	gives 1 match "$tmp/log"
}

# A machine that warned 5,000 times says what it says in one; it took seconds, and takes none.
again_and_again()
{
	local i trace
	trace=$(sed -n '/WARNING/,/end trace/p' "$srcdir/tests/match/two-tokens-finish.log")
	for ((i = 0; i < 5000; i++)); do
		echo "$trace"
	done >"$tmp/log"
	timeout 20 "$LUOSIM" match "$tmp/log" >"$tmp/out" || echo "status $?"
	[ "$(grep -c '^1\. B02, ' "$tmp/out")" -eq 16 ] || grep '^1\. ' "$tmp/out"
}

# What luosim prints itself is a log as well.
own_trace()
{
	"$LUOSIM" "$srcdir/scenarios/dup-finish.scn" >"$tmp/log"
	ranks "$tmp/log" | grep -qx '1 B02' || echo "found: $(ranks "$tmp/log" | xargs)"
}

survives_garbage()
{
	local status
	head -c 300000 "$LUOSIM" | "$LUOSIM" match - >/dev/null
	status=$?
	[ $status -le 1 ] || echo "status $status"
}

names_commits()
{
	"$LUOSIM" match "$srcdir/tests/match/two-variants.mail" >"$tmp/out"
	grep -q '00d0b372374f' "$tmp/out" || cat "$tmp/out"
	"$LUOSIM" show b06 >"$tmp/out"
	grep -q '507e3b479f9c' "$tmp/out" && grep -q 'ioctl-direction' "$tmp/out" || cat "$tmp/out"
}

# should_not RELEASE: how often it is said that a log of it should not have B06
should_not()
{
	sed "s/ 7\.0\.0 / $1 /" "$srcdir/tests/match/retrieve-before-kexec.log" |
		"$LUOSIM" match - | sed -nE '/^[0-9]+\. B06/,/^$/p' |
		grep -c "but $1 should not have it"
}

ranges_of_releases()
{
	local release
	for release in 6.19 7.0.9 7.1.3 7.1.4; do
		[ "$(should_not $release)" -eq 0 ] || echo "$release has B06"
	done
	for release in 7.1.7 7.1.13 7.3.4; do
		[ "$(should_not $release)" -gt 0 ] || echo "$release has not B06"
	done
}

# Each fix flag cures a bug of the page whose releases are those that lack it.
page_and_releases()
{
	local fix bug since rest
	"$LUOSIM" list fixes | while read -r fix bug since rest; do
		[[ $bug = B* ]] || continue
		"$LUOSIM" show "$bug" >"$tmp/bug" || echo "$fix: no $bug"
		grep -E '^    fix ' "$tmp/bug" | grep -qw -- "$fix" || echo "$bug: fix is not $fix"
		grep -E '^    releases ' "$tmp/bug" | sed 's/ to / /' | grep -qE "[ ]$since(,|\$)" &&
			echo "$bug: the page says $since, which has $fix"
	done
	return 0
}

small_index()
{
	local bytes
	bytes=$(wc -c <bugs-index.c)
	[ "$bytes" -lt 1000000 ] || echo "$bytes bytes"
}

check "each WARN and panic of the recordings is at its bug first or second" first_or_second
check "the two traces of the report on 7.0.9 are B01 and B02" first two-variants.mail B01 B02
check "a console with panic_on_warn: B01" first two-tokens-panic-on-warn.log B01
check "a console: B02" first two-tokens-finish.log B02
check "a console: B06 before the kexec" first retrieve-before-kexec.log B06
check "a console without a WARN: B57" first preserve-efault.log B57
check "a trace of arm64 with a logger's words before it: B02" first arm64.log B02
check "a report of KASAN with files and lines: B16" first kasan.report B16
check "one in the function that uses it: B16" first kasan-direct.report B16
check "a report of KCSAN: B16" first kcsan.report B16
check "a report of KFENCE: B16" first kfence.report B16
check "a backtrace of crash: B01" first crash-bt.txt B01
check "a backtrace of gdb: B01" first gdb-bt.txt B01
check "a hung task, which is in the scheduler: B73" first hung.log B73
check "a stall that RCU detected: B22" first rcu-stall.log B22
check "a log without callers or offsets" nothing_after
check "two processors, and two machines, in one log" two_in_one
check "each kernel is held to its own release" updated
check "a long log" long_logs
check "nothing near is told, with status 1" tells_that_nothing_is_near
check "a log that ends within its trace" cut_off
check "a log that begins within it, or has the registers alone" cut_in_front
check "a mail that breaks lines" wrapped
check "a trace with files and lines in place of offsets: B01" first decoded.log B01
check "WARNs of others, and a boot" of_others
check "reports of other kinds from the same functions" of_other_kinds
check "a WARN at boot" boot_has_no_caller
check "a log that says the same without end" again_and_again
check "what stands before and behind lines makes no difference" any_prefix
check "colours of a terminal, and entities of HTML" of_a_terminal_or_a_page
check "a log in gzip, UTF-16 or with other ends of lines, and what is none" however_it_was_kept
check "a trace that luosim has printed" own_trace
check "any bytes are a log" survives_garbage
check "JSON" prints '\{.*"bug":"B02".*"facts".*' match --format=json "$srcdir/tests/match/arm64.log"
check "match and show name fix and commits" names_commits
check "a bug was in the releases of its range, to the last" ranges_of_releases
check "show says which bug may be meant" gives 2 show B0
check "match without a file" gives 2 match
check "match of no file" gives 2 match "$tmp/none"
check "list bugs" prints 'B01 +S +get-id +One memfd under two tokens' list bugs
check "docs/bugs.md and the fixes name each other" page_and_releases
check "the index is small" small_index
done_testing
