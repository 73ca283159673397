#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The same input gives the same bytes: whichever compiler and optimisation built
# the program, with and without sanitizers, whatever the heap held before.
#
# Builds the sources by plain compiler calls; "make check" says with what:
# CC, CLANG (may be empty), LUOSIM_CFLAGS, LUOSIM_LIBS, and BUGS_INDEX, which is C as well.
# shellcheck disable=SC2317,SC2086 # check() calls the functions; lists of words
. "${srcdir:=.}/tests/tap.sh"
: "${CC:=gcc}" "${CLANG=}" "${LUOSIM_CFLAGS:?}" "${LUOSIM_LIBS:?}" "${BUGS_INDEX:?}"

if quick; then
	skip "the same bytes from all compilers" "left to a run without QUICK"
	done_testing
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
releases='v6.19 v7.0 v7.1 v7.2 v7.3'

# build NAME COMPILER FLAGS...: all in one call, warnings are failures
build()
{
	local name=$1
	shift
	mkdir "$dir/$name"
	"$@" -g -Werror $LUOSIM_CFLAGS \
		$(find "$srcdir"/model -name "*.c" -not -path "*/glue/*") "$srcdir"/sim/*/*.c version.c guest-text.c "$BUGS_INDEX" \
		-o "$dir/$name/luosim" $LUOSIM_LIBS >"$dir/$name/log" 2>&1
	echo $? >"$dir/$name/status"
}

built()
{
	cat "$dir/$1/log"
	return "$(cat "$dir/$1/status")"
}

# run NAME: every scenario under every release, both renderings, in one file each; a release
# for each kernel, as of a single one a scenario is skipped that does not name it
run()
{
	local release format
	for release in $releases; do
		for format in text json; do
			"$dir/$1/luosim" --kernel="$release,$release" --format=$format \
				"$srcdir"/scenarios/*.scn "$srcdir"/scenarios/*/*.scn \
				>"$dir/$1/$release.$format" 2>&1
			echo "status $?" >>"$dir/$1/$release.$format"
		done
	done
}

same_output()
{
	local release format
	for release in $releases; do
		for format in text json; do
			test -s "$dir/O2/$release.$format" || echo "$release.$format: empty"
			cmp "$dir/O2/$release.$format" "$dir/$1/$release.$format"
		done
	done
}

# Twenty runs, each with the heap filled with another byte and another environment.
repeat()
{
	local i
	for i in {1..20}; do
		env MALLOC_PERTURB_=$((i * 12)) LC_ALL=C.UTF-8 TZ=UTC-"$i" PAD="$(printf "%${i}00s")" \
			"$dir/O2/luosim" --kernel=v7.1,v7.1 --format=json \
			"$srcdir"/scenarios/*.scn "$srcdir"/scenarios/*/*.scn \
			>"$dir/again" 2>&1
		echo "status $?" >>"$dir/again"
		cmp "$dir/O2/v7.1.json" "$dir/again" || return 1
	done
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
