#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a reviewer would otherwise have to say: licence lines, white space, long
# lines and functions, layering, files that the build does not know.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
cd "$srcdir" || exit 1
shopt -s nullglob

mapfile -t c_files < <(find handlers model sim tests -name "*.[ch]" | LC_ALL=C sort)
scripts=(bootstrap build-aux/graph.sh build-aux/mutants.sh build-aux/version.sh .ci/run tests/*.sh tests/*/*.sh)
scenarios=(scenarios/*.scn scenarios/*/*.scn)
build=(configure.ac Makefile.am luosim.pc.in luosim-uninstalled.pc.in)
text=("${c_files[@]}" "${scripts[@]}" "${scenarios[@]}" "${build[@]}" docs/*.[15] contrib/*)

licence()
{
	awk 'FNR == 1 { left[FILENAME] }
	FNR <= 3 && /SPDX-License-Identifier: GPL-2.0-only/ { delete left[FILENAME] }
	END { for (f in left) print f }' \
		"${c_files[@]}" "${scripts[@]}" "${build[@]}" docs/*.[15] contrib/*
}

trailing_space()
{
	! grep -nE '[[:space:]]$' "${text[@]}"
}

# A tab goes to the next column that is a multiple of eight.
long_lines()
{
	awk '{
		columns = 0
		n = split($0, part, "\t")
		for (i = 1; i < n; i++)
			columns += 8 * int(length(part[i]) / 8 + 1)
		columns += length(part[n])
		if (columns > 100)
			print FILENAME ":" FNR ": " columns " columns"
	}' "${c_files[@]}"
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

# model/ knows nothing of sim/ and nothing of GLib; sim/ knows only luosim.h and luosim-search.h of model/.
layers()
{
	grep -rnE '#include "(cli|vm|coverage|emit|explore|analysis|import|match|replay|report|run|scn)/' model
	grep -rnE '#include <(glib|gio|gmodule|json-glib)' model
	grep -n '#include' handlers/*.[ch] | grep -vE '#include (<luosim-handler.h>|"kvm.h")'
	grep -rhoE --include='*.[ch]' '#include "[^"]+"' sim | sort -u | sed -E 's/.*"(.*)"/\1/' | while read -r h; do
		[[ $h = luosim.h || $h = luosim-search.h ]] || [ -e "sim/$h" ] || echo "sim/ includes $h"
	done
	return 0
}

# The kernel's side writes the ledger by its functions, and reads nothing of it but
# what a file is judged by.
ghosts()
{
	grep -rnE -- '(->|\.)ledger\b' model/fs model/handlers model/kernel model/lib model/mm model/policy
	return 0
}

# One type a tag, so that gdb and grep tell the truth. Twice are only the kernel's own types of
# which luosim-handler.h shows handlers a part.
tags()
{
	grep -rhoE --include='*.[ch]' '^(typedef )?(static (const )?)?(struct|enum|union) [a-z_0-9]+ \{' \
		sim model handlers | grep -oE '(struct|enum|union) [a-z_0-9]+' | sort | uniq -d |
		grep -vxE 'struct (file|file_operations|kho_vmalloc|mutex|liveupdate_[a-z_]+)'
	return 0
}

# Whom a folder of sim/ may include, besides itself.
rooms='
cli      vm coverage emit explore analysis import match replay report run scn
vm       emit replay report run scn
emit     report run scn
mpi      explore
explore  report run scn
analysis report run scn
coverage scn
import   scn
match    report run scn
replay   report run scn
report   run scn
run      scn
scn'

# No arrow runs up in sim/.
folders()
{
	local room may
	while read -r room may; do
		[ -n "$room" ] || continue
		grep -rnE '#include "[a-z-]+/' "sim/$room" |
			grep -vE "#include \"($room${may:+|${may// /|}})/"
	done <<<"$rooms"
	return 0
}

# A test program is listed without its ".c".
listed()
{
	grep -oE '[A-Za-z0-9_./-]+' Makefile.am | awk '
	NR == FNR { known[$0]; next }
	!($0 in known) && !(substr($0, 1, length($0) - 2) in known) { print $0 ": not in Makefile.am" }
	' - <(printf '%s\n' "${c_files[@]}" tests/*.sh)
}

scenario_headers()
{
	awk '
	FNR == 1 { name[FILENAME]; file = FILENAME; gsub(/.*\/|\.scn$/, "", file) }
	$1 ~ /^(scenario|about|source)$/ && /^[a-z]/ && NF > 1 { has[FILENAME, $1] }
	/^scenario[ \t]/ && NF == 2 && $2 == file { named[FILENAME] }
	END {
		n = split("scenario about source", words)
		for (f in name) {
			for (i = 1; i <= n; i++)
				if (!((f, words[i]) in has))
					print f ": no \"" words[i] "\" line"
			if (!(f in named))
				print f ": the scenario is not named as the file"
		}
	}' "${scenarios[@]}"
}

check "every file names its licence" licence
check "no white space at the end of a line" trailing_space
check "no line over 100 columns" long_lines
check "no function over 75 lines" long_functions
check "handlers/, model/ and sim/ include what they may" layers
check "the kernel's side does not look into the ledger" ghosts
check "a tag is one type" tags
check "no folder of sim/ includes one above it" folders
check "the build knows every file" listed
check "every scenario says what it is and where it comes from" scenario_headers
done_testing
