#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim step: going back and forth in a run, and trying what would have been.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
scenario=$(realpath "$srcdir/scenarios/dup-token.scn")
dup_token=$scenario
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

# says PATTERN COMMAND...: a line of what the commands print
says()
{
	local pattern=$1
	shift
	printf '%s\n' "$@" | "$luosim" step "$scenario" >out 2>&1 || echo "exit status $?"
	grep -qE -- "$pattern" out || { echo "no '$pattern' in:"; cat out; }
}

# Into kernel 2, where the double restore is; back into kernel 1, where another file is
# preserved instead; and on to an end that is clean.
cured()
{
	printf '%s\n' 'until violation' 'print file' 'to 14' 'drop' \
		'do memfd_create("other", 4K) = other' next 'do preserve_fd(vm0, other, 0xb)' \
		'to 23' 'drop' 'do retrieve_fd(vm0, 0xb) = b' 'to 23' 'until violation' \
		'save cured.scn' quit | "$luosim" step "$scenario" >out 2>&1
	grep -qE 'file vm0 0xb: incoming, .*retrieve_status -EIO' out || cat out
	sed -i 's/^expect .*/expect clean/' cured.scn
	"$luosim" --kernel=v7.0 cured.scn >>out || cat out
	grep -q '^verdict: clean' out || cat out
}

other_first()
{
	scenario=$(dirname "$scenario")/races/close-reboot.scn
	says 'schedules: ' 'until nothing' 'next 99'
	says 'verdict: 1 schedule: 1 clean' 'schedule vmm' 'next 99'
	scenario=$dup_token
}

# What was done is undone, step by step.
undone()
{
	says '^14 .* = 0$' 'what-if --policy=get-id' 'to 14' drop undo undo 'to 14'
	! grep -q 'nothing was changed' out || cat out
}

# The scenario that is saved runs on the kernel that was tried.
saved_kernel()
{
	printf '%s\n' 'what-if --policy=get-id --kernel=v7.0' 'save tried.scn' |
		"$luosim" step "$scenario" >out 2>&1
	grep -qx 'kernel 1 v7.0 policy=get-id' tried.scn || cat tried.scn
	sed -i 's/^expect .*/expect clean/' tried.scn
	"$luosim" tried.scn >out || cat out
}

# On a terminal words are completed, earlier lines come back, and long lines are folded.
on_terminal()
{
	printf "$1" | TERM=xterm timeout 10 script -qec "$luosim step $scenario" typed >out 2>&1
	grep -qE -- "$2" out || cat -A out
}

# A hundred thousand steps are no run each.
far()
{
	{ for ((i = 0; i < 50000; i++)); do printf 'next\nback\n'; done; echo 'to 22'; } |
		timeout 10 "$luosim" step "$scenario" | tail -n 60 >out
	grep -q 'retrieve_fd(vm0, 0xb)' out || cat out
}

# Pages of one file that lie together are told apart where only some have one more reference.
held()
{
	cat >held.scn <<-'END'
	scenario held
	kernel 1 next
	  memfd_create("a", 0) = a
	  write(a, 0, "x"*4096)
	  iommufd_open() = io
	  iommufd_map(io, a)
	  write(a, 4096, "y"*8192)
	END
	scenario=held.scn
	says '^folio 0x[^ ]*-.* owner memfd:a 2, index 1, pages 2, references 1$' 'to 7' 'print folio'
	scenario=$dup_token
}

check "it goes to what breaks" says '^22 +retrieve_fd\(vm0, 0xb\) += -EIO' 'until violation'
check "to a line, and back" says '^13 +preserve_fd\(vm0, mem, 0xa\)' 'to 14' back
check "to what changes an object" says '^20 +retrieve_fd\(vm0, 0xa\)' 'until change restored'
check "it prints the state" says '^folio 0x6: preserved, claims vm0 0xa, vm0 0xb' 'to 14' 'print folio'
check "and pages of a file by their references" held
check "and what would be handed over" says '^handover folio\[vm0, 0xb, 0\].pfn: .*value 0x6$' \
	'to 14' 'print handover'
check "of another policy" says '^14 .*-EBUSY' 'what-if --policy=get-id' 'to 14'
check "of a failure" says 'preserve_fd\(vm0, mem, 0xa\) += -ENOMEM' 'to 12' 'do fail alloc' 'to 14'
check "the other task of a race goes first" other_first
check "what was tried is taken back" undone
check "a kernel that was tried is saved with the scenario" saved_kernel
check "what is wrong is said, and nothing is done" says '^14 ' 'to 13' 'do nonsense(1)' \
	'what-if --policy=nonsense' nonsense 'print nonsense' 'until nonsense' next
check "a double restore is cured, and the transcript is a scenario" cured
check "100000 steps back and forth take less than 10 seconds" far
if has_terminal && ldd "$luosim" 2>&1 | grep -q libedit; then
	check "a terminal completes commands" on_terminal 'unt\tvio\t\n' 'retrieve_fd\(vm0, 0xb\)'
	check "and options of what-if" on_terminal 'what-if --pol\tget-i\t\nto 14\n' 'EBUSY'
	check "and has earlier lines" on_terminal 'next\n\033[A\n' '^10 '
else
	skip "a terminal has keys and history" "no script, terminal or libedit"
fi
done_testing
