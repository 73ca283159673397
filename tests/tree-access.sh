#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With build-kernel --preempt=access a task is left at every access of a tree's files: data races
# are told with both sides, marked accesses apart, and what locks keep out is none. Skipped
# without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

check "what can be preempted" gives 2 build-kernel . -o x.so --preempt=locks
need_tree "data races of a kernel tree" --preempt=access
export kind=access
. "$srcdir/tests/tree.sh"
file=kernel/liveupdate/luo_session.c
race=$srcdir/scenarios/races/close-create.scn

# None, in far more schedules than there are without.
none()
{
	gives 0 --kernel ./x.so "$race"
	! grep -q 'data race' out || cat out
	[ "$(sed -nE 's/^verdict: ([0-9]+) schedules.*/\1/p' out)" -gt 1000000000 ] || cat out
}

# A counter that both tasks change, as a C expression with its mark; without a lock.
counter()
{
	changed "/^static int luo_session_(insert|release)\(/,/^\{/s/^\{/&\n\t$1/" $file >sed.log
	sed -i '/^static int luo_session_insert(/i static long counter;' changed/$file
	make -s -f "$srcdir/model/engine/kernel.mk" -C obj TREE="$PWD/changed" ADD= \
		PREPARED="$work/prepared" FLAGS="$(cat "$work/flags")" OUT="$PWD/y.so" \
		ENGINE="$srcdir/model/engine" KERNEL_VERSION="$version" KERNEL_COMMIT= \
		KERNEL_CONFIG="$key" KIND=access >make.log 2>&1 || cat make.log
	"$luosim" --kernel ./y.so "$race" >out 2>err
}

plain()
{
	counter 'counter += 1;'
	grep -qE '^ +data-race: luo_session_[a-z]+\(\) (read|write)s 8 bytes at' out || cat out err
	grep -qE "^  luo_session_[a-z]+\(\) (read|write)s 8 bytes at $file:[0-9]+, holding .*; luo_session_[a-z]+\(\) (read|write)s 8 bytes at $file:[0-9]+, holding" out || cat out
}

marked()
{
	counter 'WRITE_ONCE(counter, READ_ONCE(counter) + 1);'
	! grep -q 'data.race' out || cat out
	counter 'counter = READ_ONCE(counter) + 1;'
	grep -qE '^  with a marked access: .* marked 8 bytes at' out || cat out
}


check "no data race where there is none, in many schedules" none
check "a data race is told with both sides" plain
slow "a marked access is told apart, two are none" marked
done_testing
