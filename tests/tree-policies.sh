#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Presets of policies are what a kernel comes to with a patch: a tree of 7.3 with the smallest
# change that makes one is equal to the preset in a small world, and not to the tree's own
# policy. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

need_tree "policies of a changed kernel tree"
. "$srcdir/tests/tree.sh"
if [[ $version != 7.3* ]]; then
	skip "policies of a changed kernel tree" "it is $version, the changes are to 7.3"
	done_testing
fi

# is PRESET FILE LINES SED OPTION...: with that change, which is one of so many lines.
is()
{
	local preset=$1 file=$2 lines=$3 change=$4
	shift 4
	export lines
	changed "$change" "$file"
	gives 0 prove ./y.so --policy="$preset" --inodes 1 --kernels 2 "$@"
	grep -q 'all seen, 0 differences' out || cat out
	gives 1 prove ./y.so --policy=get-id --inodes 1 --kernels 2 "$@"
	grep -q '^  differs in preserve_fd' out || cat out
}

# The calls of SCENARIO return on the tree what they do under PRESET.
returns()
{
	diff <("$luosim" --kernel v7.3 --policy "$1" "$2" | grep -E '^  [a-z_]+\(') \
	     <("$luosim" --kernel ./y.so "$2" | grep -E '^  [a-z_]+\(')
}

file=kernel/liveupdate/luo_file.c
check "without get_id of memfds it is reject-file" is reject-file mm/memfd_luo.c 1 '/\.get_id/d' \
	--sessions 1 --opens 2 --tokens 2
check "and a file that was opened again comes to the same" returns reject-file \
	"$srcdir/scenarios/reopened-inode.scn"
check "without the table it is none" is none $file 2 \
	's/xa_insert\(&luo_preserved_files/0 \&\& &/' --sessions 1 --opens 2 --tokens 2
check "with the session in the key it is in-session" is in-session $file 5 \
	's/luo_get_id\((fh, file|luo_file->fh, luo_file->file)\)/(& ^ (unsigned long)file_set)/' \
	--sessions 2 --opens 1 --tokens 1
done_testing
