#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Do the tests bite? Each of some one-token changes to model/ is built into a copy of the tree
# and must make a test fail. The exit status is 0 if at least 95 of 100 do.
#
#	mutants.sh FOLDER N SEED [FILES]
#	mutants.sh FOLDER TABLE
#
# N changes to the files whose path has the regular expression FILES in it, the same ones for
# the same tree and SEED; or those of a TABLE that this has printed, found again by their text.
# FOLDER is the copy, built with --disable-shared and -fPIC. What leaves the object file as it was
# means nothing and is not counted. Of $TESTS one is run after the other up to the first in which
# something fails, crashes, or takes a minute of CPU time.
set -uo pipefail
export LC_ALL=C
cd "$1" || exit 2
shift

# Every change that can be made, as "FILE:LINE: FROM  ->  TO".
changes()
{
	find model -name '*.c' ! -path 'model/engine/*' | grep -E -- "$1" | sort | xargs awk '
	function put(line,    from) {
		from = $0
		sub(/^\t+/, "", from)
		sub(/^\t+/, "", line)
		printf "%s:%d: %s  ->  %s\n", FILENAME, FNR, from, line
	}
	# The first @from outside of strings becomes @to.
	function swap(from, to,    at) {
		at = index($0, from)
		if (at && !index(substr($0, 1, at), "\""))
			put(substr($0, 1, at - 1) to substr($0, at + length(from)))
	}
	FNR == 1 { comment = 0 }
	/^[\t ]*\/\*/ { comment = 1 }
	comment { if (/\*\//) comment = 0; next }
	!/^\t/ || /__always_unused|BUILD_BUG|_Static_assert/ { next }
	{
		swap(" == ", " != "); swap(" != ", " == ")
		swap(" <= ", " < "); swap(" < ", " <= "); swap(" >= ", " > "); swap(" > ", " >= ")
		swap(" && ", " || "); swap(" || ", " && ")
		swap(" + ", " - "); swap("++", "--"); swap("if (!", "if (")
		swap("return true", "return false"); swap("return false", "return true")
		if (/^\t+return -E[A-Z]*;$/)
			put($0 ~ /EPERM/ ? "return -EINVAL;" : "return -EPERM;")
		if (/^\t+return (err|ret);$/)
			put("return 0;")
		if (/^\t+if \([a-z]/ && /\)( \{)?$/ && !/&&|\|\|/)
			swap("if (", "if (!")
		if (/^\t+[a-z_]+\(.*\);$/ || /^\t+[a-z>.\[\]_-]+ [|+&-]?= .*;$/ || /^\t+(continue|break);$/)
			put(";")
	}' /dev/null
}

# The model is one shared object, so that a change costs a compilation and a link.
link_model()
{
	# shellcheck disable=SC2046,SC2086 # lists of words
	$CC -shared -o libmutant.so $(find model handlers -name 'lib*_la-*.o') $LUOSIM_LIBS
}

link_programs()
{
	local program objects

	# shellcheck disable=SC2046,SC2086 # lists of words
	ar rcs libmutant.a $(find . -name 'libsim_la-*.o') &&
	for program in luosim $(printf '%s\n' $TESTS | grep -v '\.sh$'); do
		objects=$(find . -path "./$program.o" -o -path "./tests/*-${program##*/}.o" -o \
			-name "$program-*.o")
		$CC -o "$program" $objects libmutant.a libmutant.so -Wl,-rpath,"$PWD" $LUOSIM_LIBS || return
	done
}

# Does something of this test fail? What else it would try is not waited for.
fails()
{
	case $1 in
	*.sh) set -- bash "$1" ;;
	*) set -- "./$1" ;;
	esac
	! (ulimit -t 60; exec timeout 3600 "$@" 2>/dev/null) |
		awk '/^not ok/ { exit failed = 1 } END { exit failed }'
}

# What becomes of the change that is in place; the second file is the object as it was.
try()
{
	local tests

	make -s "${1%.o}.lo" >mutants.log 2>&1 && link_model >>mutants.log 2>&1 || {
		echo 'does not build'
		return
	}
	cmp -s "$1" mutants.o && { echo 'same code'; return; }
	for tests in $TESTS; do
		fails "$tests" && { echo "noticed by $tests"; return; }
	done
	echo NOT NOTICED
}

# Put the change into its file, at the nearest line that has its text; fails if none has.
apply()
{
	local file=$1 line=$2 from=$3 to=$4

	FROM=$from TO=$to awk -v line="$line" '
		function off(n) { return n < line ? line - n : n - line }
		{ text = $0; sub(/^\t+/, "", text) }
		text == ENVIRON["FROM"] && (!at || off(FNR) < off(at)) { at = FNR }
		{ all[FNR] = $0 }
		END {
			sub(/[^\t].*/, "", all[at])
			all[at] = all[at] ENVIRON["TO"]
			for (i = 1; i <= FNR; i++)
				print all[i]
			exit !at
		}' mutants.c >"$file"
}

link_model && link_programs || exit 2
declare -A count=()
while IFS= read -r change; do
	change=${change%$'\t'[nNsd][oa]*}
	file=${change%%:*} line=${change#*:} from=${change#*: } to=${change##*  ->  }
	line=${line%%:*} from=${from%  ->  *}
	object=$(ls "$(dirname "$file")"/*-"$(basename "${file%.c}")".o | head -n 1)
	cp "$file" mutants.c
	cp "$object" mutants.o
	if apply "$file" "$line" "$from" "$to"; then
		answer=$(try "$object")
	else
		answer='no such line'
	fi
	printf '%s\t%s\n' "$change" "$answer"
	cp mutants.c "$file"
	count[${answer%% *}]=$((${count[${answer%% *}]-0} + 1))
	make -s "${object%.o}.lo" >mutants.log 2>&1
done < <(if [ $# = 1 ]; then
	grep -E '^[^#].*  ->  ' "$1"
else
	changes "${3-.}" | shuf -n "$1" --random-source=<(yes "$2")
fi)
noticed=${count[noticed]-0} missed=${count[NOT]-0}
echo "$((noticed + missed)) changes, $noticed noticed, $missed not;" \
	"${count[same]-0} that leave the code as it is, ${count[does]-0} that do not build"
[ "$noticed" -gt 0 ] && [ $((missed * 20)) -le $((noticed + missed)) ]
