#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim emit: every scenario that a real kernel can be told becomes a program that compiles
# without a warning, the same bytes each time; the others are refused, and it is said why.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}" "${CC:=gcc}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$LUOSIM")
mkdir "$tmp/c" "$tmp/kselftest" "$tmp/again"

# What no real kernel can be told, as it stands in a scenario.
untold='^ *(fail|race|process|handler|meminfo|memory_max|mount|fsmount|mkdir|fchmod|kexec_jump|corrupt[a-z_]*|flb[a-z_]*|insmod|rmmod)\b'
untold+='|^kernel.* (with|without|handlers|policy|limit:[a-z-]*)=|^kernel [2-9].*(kho|liveupdate)='
untold+='|\(segments\)'

emit_all()
{
	local f name
	for f in "$srcdir"/scenarios/*.scn; do
		name=$(basename "$f" .scn)
		if "$LUOSIM" emit --c "$f" >"$tmp/c/$name.c" 2>"$tmp/err"; then
			"$LUOSIM" emit --kselftest "$f" >"$tmp/kselftest/$name.c" || echo "$name"
			continue
		fi
		rm "$tmp/c/$name.c"
		grep -qE "^$f:[0-9]+:[0-9]+: .*, expected what a real kernel can be told$" \
			"$tmp/err" || cat "$tmp/err"
		grep -qE "$untold" "$f" || echo "$name: refused without a reason: $(cat "$tmp/err")"
	done
}

# With a failure, race or handler none is emitted.
none_too_many()
{
	local f
	for f in "$tmp"/c/*.c; do
		grep -nE '^ *(fail|race|process|handler)\b' \
			"$srcdir/scenarios/$(basename "$f" .c).scn"
	done
	[ "$(find "$tmp/c" -name '*.c' | wc -l)" -gt 100 ] || echo "only few were emitted"
}

# FOLDER EACH: syntax and warnings of each so many-th file, all in one call
compiles()
{
	find "$tmp/$1" -name '*.c' | sort | awk -v each="$2" 'NR % each == 0' |
		xargs -r $CC -std=gnu11 -fsyntax-only -Wall -Werror -I"$srcdir/tests/emit"
}

runs()
{
	$CC -std=gnu11 -Wall -Werror -o "$tmp/dup" "$tmp/c/dup-token.c" || return
	# Without live update there is no device: the first step says so.
	[ -e /dev/liveupdate ] && return
	"$tmp/dup" >"$tmp/out"
	grep -qE '^1\.\.0 # SKIP|^not ok 1 line' "$tmp/out" || cat "$tmp/out"
}

again()
{
	"$LUOSIM" emit --c "$srcdir/scenarios/dup-token.scn" | cmp - "$tmp/c/dup-token.c"
	(cd "$srcdir/scenarios" && "$luosim" emit --c dup-token.scn) | cmp - "$tmp/c/dup-token.c"
}

style()
{
	local f
	grep -nE '[[:space:]]$' "$tmp"/c/*.c "$tmp"/kselftest/*.c
	for f in "$tmp"/c/*.c "$tmp"/kselftest/*.c; do
		expand "$f" | awk -v f="$f" 'length > 100 { print f ":" NR ": " length " columns" }'
	done
}

# Each third as the kernel's own script sees it, which takes its time.
checkpatch()
{
	find "$tmp/c" "$tmp/kselftest" -name '*.c' | sort | awk 'NR % 3 == 0' |
		xargs -rn 1 perl "$LUOSIM_KERNEL_TREE/scripts/checkpatch.pl" --no-tree --terse \
		--no-summary -f
}

# BASE SCENARIO EXPECTED: one line of what is refused, and the place
refused()
{
	local at=$1 what=$2
	cat >"$tmp/x.scn"
	gives 2 emit --c "$tmp/x.scn"
	[ ! -s "$tmp/out" ] || echo "and printed something"
	[ "$(cat "$tmp/err")" = "$tmp/x.scn:$at: $what, expected what a real kernel can be told" ] ||
		cat "$tmp/err"
}

refuses_failure()
{
	refused 6:3 "a failure" <<-'X'
		scenario x
		about    x
		source   x
		kernel 1 v7.3
		  open("/dev/liveupdate")  = dev
		  fail alloc
		  create_session(dev, "s") = -ENOMEM
	X
}

refuses_policy()
{
	refused 2:1 "a policy of its own" <<-'X'
		scenario x
		kernel 1 v7.3 policy=none
		  kexec() = 0
	X
}

refuses_unclaimed()
{
	refused 1:1 "nothing is claimed of a release with its own policy" <<-'X'
		scenario x
		runs v7.3/none
		kernel 1 v7.3
		  kexec() = 0
	X
}

# What a scenario expects of each release: on 7.0.9 the second preserve works.
by_release()
{
	grep -A1 'step(14' "$tmp/c/dup-token.c" | tr -d '\n' | grep -qF \
		'preserve_fd(vm0, mem, 0xb)");	expect(do_preserve_fd(fd_vm0, fd_mem, 0xb), since(7, 1, 6) ? -EBUSY : 0);' ||
		grep -A2 'step(14' "$tmp/c/dup-token.c"
}

luosim=$(realpath "$LUOSIM")
check "scenarios are emitted, or refused for what no real kernel can be told" emit_all
check "none is emitted that needs a failure, a race or a handler" none_too_many
check "programs compile with -Wall -Werror" compiles c 1
# They differ in what stands around the steps, which are those of the programs.
check "selftests compile with -Wall -Werror" compiles kselftest 3
check "a program runs" runs
check "the same bytes each time, from anywhere" again
check "no long lines, no white space at their ends" style
if [ -e "${LUOSIM_KERNEL_TREE-}/scripts/checkpatch.pl" ] && command -v perl >/dev/null; then
	slow "checkpatch says nothing of programs" checkpatch
else
	skip "checkpatch says nothing of programs" "no kernel tree, or no perl"
fi
check "expectations go by the release that runs" by_release
check "a failure is refused" refuses_failure
check "a policy is refused" refuses_policy
check "what is claimed only of a policy is refused" refuses_unclaimed
check "--c or --kselftest must be given" gives 2 emit "$srcdir/scenarios/dup-token.scn"
check "one file must be given" gives 2 emit --c
done_testing
