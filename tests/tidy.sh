#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a reviewer would otherwise have to say: licence lines, white space, long
# lines and functions, layering, files that the build does not know.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
cd "$srcdir" || exit 1
shopt -s nullglob

mapfile -t c_files < <(find model sim tests -name "*.[ch]" | LC_ALL=C sort)
scripts=(bootstrap build-aux/version.sh .ci/run tests/*.sh tests/*/*.sh)
scenarios=(scenarios/*.scn scenarios/*/*.scn)
build=(configure.ac Makefile.am luosim.pc.in)
text=("${c_files[@]}" "${scripts[@]}" "${scenarios[@]}" "${build[@]}" docs/*.[15] contrib/*)

licence()
{
	local f
	for f in "${c_files[@]}" "${scripts[@]}" "${build[@]}" docs/*.[15] contrib/*; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || echo "$f"
	done
}

trailing_space()
{
	! grep -nE '[[:space:]]$' "${text[@]}"
}

long_lines()
{
	local f
	for f in "${c_files[@]}"; do
		expand "$f" | awk -v f="$f" 'length > 100 { print f ":" NR ": " length " columns" }'
	done
}

# A body is what lies between a "{" and a "}" in the first column.
long_functions()
{
	awk '
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start - 1 > 75)
			print FILENAME ":" start ": " FNR - start - 1 " lines"
		start = 0
	}' "${c_files[@]}"
}

# model/ knows nothing of sim/ and nothing of GLib; sim/ knows only luosim.h of model/.
layers()
{
	grep -rnE '#include "(cli|explore|analysis|match|replay|report|run|scn)/' model
	grep -rnE '#include <(glib|gio|gmodule|json-glib)' model
	grep -rhoE --include='*.[ch]' '#include "[^"]+"' sim | sort -u | sed -E 's/.*"(.*)"/\1/' | while read -r h; do
		[ "$h" = luosim.h ] || [ -e "sim/$h" ] || echo "sim/ includes $h"
	done
	return 0
}

# Whom a folder of sim/ may include, besides itself.
rooms='
cli      explore analysis match replay report run scn
explore  report run scn
analysis report run scn
match    report run scn
replay   report run scn
report   run scn
run      scn
scn'

# No arrow runs up in sim/, but for one: reading an explore block takes the sizes of a world.
folders()
{
	local room may
	while read -r room may; do
		[ -n "$room" ] || continue
		grep -rnE '#include "[a-z-]+/' "sim/$room" |
			grep -vxF 'sim/scn/explore-block.c:5:#include "explore/world.h"' |
			grep -vE "#include \"($room${may:+|${may// /|}})/"
	done <<<"$rooms"
	return 0
}

listed()
{
	local f
	for f in "${c_files[@]}" tests/*.sh; do
		grep -qwF -- "$f" Makefile.am || grep -qwF -- "${f%.c}" Makefile.am ||
			echo "$f: not in Makefile.am"
	done
}

scenario_headers()
{
	local f word
	for f in "${scenarios[@]}"; do
		for word in scenario about source; do
			grep -qE "^${word}[[:space:]]+[^[:space:]]" "$f" || echo "$f: no \"$word\" line"
		done
		grep -qE "^scenario[[:space:]]+$(basename "$f" .scn)$" "$f" ||
			echo "$f: the scenario is not named as the file"
	done
}

check "every file names its licence" licence
check "no white space at the end of a line" trailing_space
check "no line over 100 columns" long_lines
check "no function over 75 lines" long_functions
check "model/ and sim/ include what they may" layers
check "no folder of sim/ includes one above it" folders
check "the build knows every file" listed
check "every scenario says what it is and where it comes from" scenario_headers
done_testing
