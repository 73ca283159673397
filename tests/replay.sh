#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What real kernels answered, against the model: all of core and random must
# agree; of extra and findings, the differences are those of extra.expected, which
# docs/fidelity.md explains. The recordings as scenarios hold what they expect.
# Then, in recordings made up here from the kernels' sources, what those have not.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"

dir=$srcdir/tests/recordings
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

agrees()
{
	"$LUOSIM" replay "$1" > "$tmp/out" || cat "$tmp/out"
}

extra()
{
	"$LUOSIM" replay "$dir"/v*-extra.jsonl "$dir"/v7.3-findings.jsonl | diff "$dir/extra.expected" -
}

as_scenarios()
{
	"$LUOSIM" replay --to-scn "$tmp/scn" "$dir"/v*-core.jsonl "$dir"/v*-random.jsonl &&
		"$LUOSIM" -q "$tmp"/scn/*.scn
}

# made RELEASE OP RC DATA...: a recording of one kernel of these operations
made()
{
	local release=$1 ops= line=1
	shift
	while [ $# -gt 0 ]; do
		ops+="${ops:+, }{\"stage\": 1, \"line\": $line, \"op\": \"$1\", \"rc\": \"$2\", \"data\": \"$3\"}"
		line=$((line + 1))
		shift 3
	done
	printf '{"case": "made", "kernel": "%s", "release": "%s", "end": "poweroff", "ops": [%s]}\n' \
		"$(expr "v$release" : '\(v[0-9]*\.[0-9]*\)')" "$release" "$ops"
}

# all_agree RELEASE OP RC DATA...: of all, and how many they are
all_agree()
{
	local release=$1
	shift
	made "$release" "$@" >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" >"$tmp/out" 2>&1 &&
		tail -n 1 "$tmp/out" | awk -v n=$(($# / 3)) '$2 != 1 || $3 != 1 || $5 != n || $6 != n' ||
		cat "$tmp/out"
}

# row RELEASE KERNEL ROW: a recording of RELEASE is held to ROW
row()
{
	made "$1" 'opendev D' 0 '' | sed "s/\"kernel\": \"[^\"]*\"/\"kernel\": \"$2\"/" >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" | awk -v row="$3" 'NR == 2 && $1 != row'
}

# A case that is no scenario is one that does not agree; those around it are run.
only_that_case()
{
	{
		made 7.3.4 'opendev D' 0 ''
		made 7.3.4 'opendev D' 0 '' 'create D S \"no end' 0 '' | sed 's/"made"/"cut"/'
		made 7.3.4 'opendev D' 0 ''
	} >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" >"$tmp/out" 2>&1
	[ $? = 1 ] || echo "exit status $?"
	grep -q '^cut, v7.3: cannot be run, cut:[0-9]*:[0-9]*: .*expected' "$tmp/out" || cat "$tmp/out"
	awk '$1 == "v7.3" && ($2 != 3 || $3 != 2)' "$tmp/out"
}

# A difference behind a failure is no reason to let another allocation fail.
not_aligned()
{
	made 7.3.4 'opendev D' 0 '' 'fail_nth 3' 0 '' 'create D S \"s\"' -ENOMEM fault=hit \
		'create D T \"s\"' -EPERM '' >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" | grep -E 'agrees when|^v7.3' |
		awk '$1 != "v7.3" || $3 != 0 || $4 != 0'
}

# The model makes five allocations there; the fortieth is not its own.
aligned()
{
	made 7.3.4 'opendev D' 0 '' 'fail_nth 40' 0 '' 'create D S \"s\"' -ENOMEM fault=hit \
		'create D T \"s\"' 0 '' >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" | grep -E '^made|agrees when|^v7.3' | diff - <(cat <<-'EOF'
		made, v7.3, line 2: fail_nth 40
		    agrees when allocation 5 of the model fails
		v7.3           1      0        1           4       4             0        0
	EOF
	)
}

# Both give a session; but on the real kernel something failed, and in the model nothing.
aligned_by_fault()
{
	made 7.3.4 'opendev D' 0 '' 'fail_nth 40' 0 '' 'create D S \"s\"' 0 fault=hit >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" | awk 'NR == 2 && !/agrees when no allocation of the model fails/ ||
		$1 == "v7.3" && ($3 != 0 || $4 != 1)'
}

# It is the memfd that fails, and not what makes its pages huge; a skipped operation fails.
fails_the_call()
{
	made 7.3.4 'fail_nth 1' 0 '' 'memfd M huge 4096' -ENOMEM fault=hit \
		'fail_nth 1' 0 '' 'close M' skipped '' 'fail_nth 1' 0 '' 'sleep 1' 0 fault=miss \
		'fail_nth 1' 0 '' 'fail_nth 9' 0 '' 'memfd N - 4096' 0 fault=miss >"$tmp/made"
	"$LUOSIM" replay "$tmp/made" | awk 'NR > 1 && ($1 != "v7.3" || $3 != 1)'
}

for kernel in v6.19 v7.0 v7.1 v7.2 v7.3; do
	check "$kernel answers to the written cases are the model's" \
		agrees "$dir/$kernel-core.jsonl"
	check "$kernel answers to the random cases are the model's" \
		agrees "$dir/$kernel-random.jsonl"
done
check 'the machine-dependent cases differ as documented' extra
check 'the recordings hold as scenarios' as_scenarios

check 'an exact release is held to the row that stands for it' row 7.1.3 v7.1 v7.1.0
check 'with a local version as well' row 7.0.0-custom v7.0 v7.0.0
check 'and the first of a series, without a third number' row 7.1 v7.1 v7.1.0
check 'one that no row stands for, to the kernel that the recording names' row 7.1.6 v7.1 v7.1
check 'a release candidate, too' row 7.1.0-rc3 v7.1 v7.1
check 'of 7.1.3 the session name is not checked' all_agree 7.1.3 \
	'opendev D' 0 '' 'create D S \"\"' 0 ''
check 'of 7.1.13 it is' all_agree 7.1.13 'opendev D' 0 '' 'create D S \"\"' -EINVAL ''
check 'what is no scenario fails its case and no other' only_that_case
check 'close_n passes over handles that are gone' all_agree 7.3.4 'opendev D' 0 '' \
	'create_n D 3 \"s\"' 0 ok=3 'close s1' 0 '' 'close_n \"s\" 0 4' 0 ok=2 'create D X \"s2\"' 0 ''
check 'a dollar is a dollar' all_agree 7.3.4 'opendev D' 0 '' 'create D S \"$i\"' 0 '' \
	'get_name S' 0 'name=\"$i\"' 'memfd M - 4096' 0 '' 'write M 0 \"$a${b}$$\"' 0 n=8 \
	'read M 0 9' 0 'n=9 \"$a${b}$$\\0*1;\"' 'create_n D 2 \"a$\"' 0 ok=2
check 'handles have any characters' all_agree 7.3.4 'opendev D' 0 '' 'create D a-b \"s\"' 0 '' \
	'memfd a_b - 4096' 0 '' 'memfd 1.x - 4096' 0 '' 'preserve a-b a_b 1' 0 '' \
	'preserve a-b 1.x 2' 0 '' 'rawioctl a-b 0x40 16 {1.x}03z7.' -EBUSY ''
check 'a raw command is whole below 0x100' all_agree 7.3.4 'opendev D' 0 '' \
	'create D S \"s\"' 0 '' 'rawioctl S raw:0x42 8 -' -ENOTTY '' \
	'rawioctl S raw:0x40 ro:16 -' -ENOTTY '' 'rawioctl S raw:0x43 null -' -EFAULT '' \
	'rawioctl S raw:0x1 16 -' -EINVAL '' 'rawioctl D raw:0x1 72 -' -ENOTTY ''
check "stat's flags are words and octal bits" all_agree 7.3.4 'memfd M - 4096' 0 '' \
	'reopen_ro R M' 0 '' 'stat R' 0 \
	'size=4096 pos=0 seals=seal flags=rdonly|largefile cloexec=0 blocks=0 mode=777 nlink=0' \
	'setfl M append' 0 '' 'stat M' 0 'size=4096 flags=rdwr|append|largefile' \
	'stat M' 0 'flags=rdwr|0102000 new=1'
check 'a device opened with O_CLOEXEC' all_agree 7.3.4 'opendev D' 0 '' 'stat D' 0 'cloexec=1'
check 'and without' all_agree 7.3.4 'opendev D' 0 '' 'stat D' 0 'cloexec=0'
check 'a fill that fails half-way has written what it says' all_agree 7.1.13 \
	'memfd M sealing 8192' 0 '' 'seal M grow' 0 '' 'fill M 4096 8192 1' -EPERM n=4096 \
	'verify M 4096 4096 1' 0 'n=4096 bad=0'
check 'or some, if it does not say' all_agree 7.1.13 'memfd M sealing 8192' 0 '' \
	'seal M grow' 0 '' 'fill M 4096 8192 1' -EPERM '' 'verify M 4096 4096 1' 0 'n=4096 bad=0'
check 'hugetlb memfds come from a pool of four pages' all_agree 7.3.4 \
	'memfd M hugetlb 8388608' 0 '' 'fallocate M 0 8388608' 0 '' \
	'memfd N hugetlb 2097152' 0 '' 'fallocate N 0 2097152' -ENOSPC ''
check 'a failure is looked for before the recorded one, and that is said' aligned
check 'if all that follows agrees then' not_aligned
check 'whether it hit is compared, too' aligned_by_fault
check 'a failure is that of the next operation and of no other' fails_the_call
done_testing
