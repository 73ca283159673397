#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The same input gives the same bytes: whichever compiler and optimisation built
# the program, with and without sanitizers, whatever the heap held before. Part of
# "make check-all".
#
# Builds the sources by plain compiler calls; "make check" says with what:
# CC, CLANG (may be empty), LUOSIM_CFLAGS, LUOSIM_LIBS, and BUGS_INDEX, which is C as well.
# shellcheck disable=SC2317,SC2086 # check() calls the functions; lists of words
. "${srcdir:=.}/tests/tap.sh"
: "${CC:=gcc}" "${CLANG=}" "${LUOSIM_CFLAGS:?}" "${LUOSIM_LIBS:?}" "${BUGS_INDEX:?}"

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# build NAME COMPILER FLAGS...: all in one call, warnings are failures
build()
{
	local name=$1
	shift
	mkdir "$dir/$name"
	"$@" -g -Werror -DLUOSIM_BUILT_IN $LUOSIM_CFLAGS "$srcdir"/handlers/*.c \
		$(find "$srcdir"/model -name "*.c" -not -path "*/glue/*") \
		$(find "$srcdir"/sim/*/ -maxdepth 1 -name "*.c" -not -path "*/mpi/*") \
		version.c guest-text.c "$BUGS_INDEX" \
		-o "$dir/$name/luosim" $LUOSIM_LIBS >"$dir/$name/log" 2>&1
	echo $? >"$dir/$name/status"
}

built()
{
	cat "$dir/$1/log"
	return "$(cat "$dir/$1/status")"
}

# run NAME: every run that a scenario claims, on all releases, in both formats, in one file
# each. What each step changed is in the text; as JSON it is large, and in the twenty runs of
# a few.
run()
{
	"$dir/$1/luosim" --all -v "$srcdir"/scenarios >"$dir/$1/text" 2>&1
	echo "status $?" >>"$dir/$1/text"
	"$dir/$1/luosim" --all --format=json "$srcdir"/scenarios >"$dir/$1/json" 2>&1
	echo "status $?" >>"$dir/$1/json"
}

same_output()
{
	local format
	for format in text json; do
		[ "$(tail -n 1 "$dir/O2/$format")" = "status 0" ] || tail -n 2 "$dir/O2/$format"
		cmp "$dir/O2/$format" "$dir/$1/$format"
	done
}

# Twenty runs, each with the heap filled with another byte and another environment.
repeat()
{
	local i again
	for i in {1..20}; do
		again=(env "MALLOC_PERTURB_=$((i * 12))" LC_ALL=C.UTF-8 TZ=UTC-"$i"
			"PAD=$(printf "%${i}00s")" "$dir/O2/luosim" --all --format=json)
		"${again[@]}" "$srcdir"/scenarios/*.scn >"$dir/run-$i" 2>&1
		"${again[@]}" -v "$srcdir"/scenarios/dup-*.scn >>"$dir/run-$i" 2>&1
		cmp "$dir/run-1" "$dir/run-$i" || return 1
	done
	test -s "$dir/run-1" || echo "nothing was printed"
}

builds='O2 O0 sanitized'
(
	build O2 $CC -O2
	build O0 $CC -O0
) &
(
	build sanitized $CC -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
	test -z "$CLANG" || build clang "$CLANG" -O2
) &
wait
[ -z "$CLANG" ] || builds="$builds clang"

for name in $builds; do
	check "$name: builds without a warning" built "$name"
done
for name in $builds; do
	run "$name" &
done
wait
for name in $builds; do
	[ "$name" = O2 ] || check "$name: the bytes of O2" same_output "$name"
done
check "twenty runs, the same bytes" repeat
[ -n "$CLANG" ] || skip "clang: the bytes of O2" "no clang"
done_testing
