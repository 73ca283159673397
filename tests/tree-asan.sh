#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An object of build-kernel --asan stops where a tree's code accesses what is not there, and
# says where; and runs all else as an object without. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

check "one kind of object at a time" gives 2 build-kernel . -o x.so --asan --coverage
need_tree "accesses of a kernel tree" --asan
export kind=asan
. "$srcdir/tests/tree.sh"
dup=$srcdir/scenarios/dup-token.scn

# stops FILE SED WHAT LINE: with that change to FILE it stops, and says what and which line.
stops()
{
	local line
	changed "$2" "$1"
	line=$(diff {"$tree",changed}/"$1" | sed -nE 's/^[0-9,]+c([0-9]+).*/\1/p')
	gives 1 --kernel ./y.so "$dup"
	tr -s ' \n' ' ' <out >flat
	grep -qE "panic - not syncing: BUG: KASAN: $3 in [a-z_]+, $1:$line " flat ||
		{ echo "not told in line $line:"; cat out; }
	[ "$3" != slab-use-after-free ] ||
		grep -qE " use-after-free: [a-z_]+\(\) writes 1 byte at $1:$line, in memory" flat ||
		{ echo "no verdict:"; cat out; }
}

finds_nothing()
{
	"$luosim" explore --kernel ./x.so --depth 5 --faults 1 >out 2>&1
	! grep -q KASAN out || cat out
	gives 0 -q --kernel ./x.so "$srcdir/scenarios/races/close-create.scn"
	grep -rlE '^kernel 1( v7.3)?$|^runs.*7\.3' "$srcdir"/scenarios/*.scn | head -n 20 |
		while read -r file; do
			"$luosim" --kernel ./x.so "$file" >out 2>err
			! grep -q KASAN out || { echo "$file:"; cat out; }
		done
}

check "memory that was freed" stops kernel/liveupdate/luo_session.c \
	'/^static void luo_session_free/,/^}/s/mutex_destroy\(&session->mutex\);/kfree(session); session->retrieved = true; return;/' \
	slab-use-after-free
check "memory behind an object" stops kernel/liveupdate/luo_file.c \
	's/^(\s*)luo_file->token = token;/& ((volatile char *)luo_file)[sizeof(*luo_file)] = 1;/' \
	slab-out-of-bounds
check "memory behind a variable" stops kernel/liveupdate/luo_file.c \
	'/^int luo_preserve_file/,/^}/s/int err;/& static long three[3]; ((volatile long *)three)[token - 7] = 1;/' \
	global-out-of-bounds
check "a page that was freed" stops mm/memfd_luo.c \
	's/^(\s*)ser->size = inode_size;/& kho_unpreserve_free(ser); *(volatile int *)&ser->seals = 1;/' use-after-free
slow "the tree as it is accesses nothing of the kind" finds_nothing
done_testing
