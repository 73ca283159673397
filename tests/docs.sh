#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The documents tell the truth: links lead somewhere, manual pages are well
# formed, and a block of "$ ./luosim ..." shows what the program prints.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
shopt -s nullglob

links()
{
	local f link
	for f in *.md docs/*.md; do
		grep -oE '\]\([^)#:]+\)' "$f" | tr -d '()]' | while read -r link; do
			[ -e "$(dirname "$f")/$link" ] || echo "$f: no $link"
		done
	done
}

man_pages()
{
	local f
	for f in docs/*.[15]; do
		mandoc -T lint -W warning "$f"
	done
}

# One line "COMMAND" and its output, for each command of FILE's console blocks.
examples()
{
	awk '
	/^```console$/ { inside = 1; next }
	/^```$/ { inside = 0 }
	inside' "$1"
}

# FILE: run the commands again
rerun()
{
	local line
	examples "$1" | grep '^\$ \./luosim ' | while read -r line; do
		echo "$line"
		eval "$luosim ${line#\$ ./luosim }" 2>&1
	done
}

same()
{
	diff <(examples "$1") <(rerun "$1")
}

check "links lead to files" links
if command -v mandoc >/dev/null; then
	check "manual pages are well formed" man_pages
else
	skip "manual pages are well formed" "no mandoc"
fi
for f in *.md docs/*.md; do
	[ -z "$(examples "$f")" ] || check "$f: the examples are what the program prints" same "$f"
done
done_testing
