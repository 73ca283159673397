#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim coverage tells which lines of a kernel tree were run, and of a patch which of those
# that it adds; a guided search runs more of them. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

check "coverage of nothing" gives 2 coverage
check "coverage of what is no object" gives 2 coverage v7.3 x.scn
check "a guided search that is not random" gives 2 explore --guided
check "a guided search of a release" gives 2 explore --guided --random --kernel v7.3
need_tree "coverage of a kernel tree" --coverage
export kind=coverage
. "$srcdir/tests/tree.sh"
dup=$srcdir/scenarios/dup-token.scn
file=kernel/liveupdate/luo_file.c

# The number of lines that were run, of all files.
lines()
{
	"$luosim" coverage ./x.so "$@" | awk '$1 == "all" { print $2 }'
}

# Each function of a file that was not run at all is among what was missed, and others are not.
missed()
{
	gives 0 coverage ./x.so --lcov lcov.info "$dup"
	grep -qE '^ +##### +[0-9]+ .*liveupdate_flb_get_outgoing' out || echo "an FLB was not asked for"
	! grep -qE '^ +##### +[0-9]+ .*int luo_preserve_file' out || echo "a file was preserved"
	[ "$(awk '$1 == "all" { print $2, $4, $7, $9 }' out)" = "$(awk -F '[:,]' '
		$1 ~ /^(LH|LF|BRH|BRF)$/ { n[$1] += $2 }
		END { print n["LH"], n["LF"], n["BRH"], n["BRF"] }' lcov.info)" ] ||
		{ echo "lcov has other sums:"; grep '^all' out; grep -E '^(L|BR)[HF]' lcov.info; }
}

# What was counted before is added to.
adds()
{
	local one both
	one=$(lines --data counts "$dup")
	both=$(lines --data counts "$srcdir/scenarios/faults/freeze-refused.scn")
	[ "$both" -gt "$one" ] || echo "$one lines, then $both"
	[ "$(lines --data counts)" = "$both" ] || echo "it does not keep them"
}

# Of two lines that a patch adds, one is run.
patch()
{
	changed '/^int luo_preserve_file/,/^}/s/int err;/&\n\tif (token == 0xdead)\n\t\treturn -EDOM;/' \
		>sed.log
	git init -q changed 2>git.log
	cp "$tree/$file" old.c
	cp -p changed/$file new.c
	cp old.c changed/$file
	git -C changed add $file
	git -C changed -c user.name=t -c user.email=t@t commit -qm base
	cp -p new.c changed/$file
	gives 0 coverage ./y.so --diff HEAD "$dup"
	grep -qE '^ +1 of 2  \+.if \(token == 0xdead\)' out || echo "the first line was run"
	grep -qE '^ +#####  \+..return -EDOM' out || echo "the second was not"
	grep -qE '^added by the patch +1 of +2 +50.0 % +1 of +2 ' out || cat out
	touch changed/$file
	gives 2 coverage ./y.so "$dup"
	grep -q 'luo_file.c: changed since ./y.so was built, expected' err || cat err
}

world=(--random --sessions 2 --inodes 2 --opens 2 --tokens 2 --kernels 3 --faults 2 --depth 16)
guided_reaches_more()
{
	local plain=0 guided=0 seed
	for seed in 1 2 3; do
		plain=$((plain + $(lines explore "${world[@]}" --runs 150 --seed $seed)))
		guided=$((guided + $(lines explore "${world[@]}" --runs 150 --seed $seed --guided)))
	done
	[ "$guided" -gt "$plain" ] || echo "$guided lines guided, $plain without"
}

# Counting changes nothing of what a kernel does, and snapshots do not take it back.
same()
{
	kind='' "$luosim" build-kernel "$tree" -o plain.so >build.log 2>&1 || cat build.log
	gives 2 coverage ./plain.so "$dup"
	diff <("$luosim" explore --kernel ./plain.so --depth 4 | grep -vE 'plain.so|second') \
	     <("$luosim" explore --kernel ./x.so --depth 4 | grep -vE 'x.so|second')
}

# Where no machine was booted, there is nothing to write down.
refused()
{
	gives 2 coverage ./x.so "$srcdir/scenarios/policies/hugetlb-memfd.scn"
	grep -c 'expected a release' "$tmp/err" | grep -vx 1
	! grep signal "$tmp/err"
}

check "what was not run is told, and as a file of lcov" missed
check "counts are added up in a folder" adds
check "of a patch the lines that it adds are told" patch
check "a scenario that the tree refuses is told" refused
check "a guided search runs more" guided_reaches_more
slow "a search finds what it finds without counting" same
done_testing
