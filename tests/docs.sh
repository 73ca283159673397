#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The documents tell the truth: links lead somewhere, manual pages are well
# formed, and a block of "$ ./luosim ..." shows what the program prints.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
shopt -s nullglob
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

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

# bootstraps WANT ARGUMENT...: where autoreconf, configure and make do nothing but say so, and
# no package is missing, ./bootstrap with these runs WANT.
bootstraps()
{
	local want=$1
	shift
	(cd "$tmp/tree" && PATH=$tmp/bin:$PATH ./bootstrap "$@" >ran 2>&1)
	diff <(printf '%s\n' "$want" 'bootstrap: built ./luosim; next: make check') "$tmp/tree/ran"
}

bootstrap_tree()
{
	mkdir -p "$tmp/tree" "$tmp/bin"
	cp bootstrap "$tmp/tree"
	touch "$tmp/tree/configure.ac"
	cat >"$tmp/bin/dpkg-query" <<-'EOF'
	#!/bin/sh
	echo ii
	EOF
	cat >"$tmp/bin/autoreconf" <<-'EOF'
	#!/bin/sh
	echo autoreconf
	touch Makefile.in
	cp "${0%/*}/new-configure" configure
	EOF
	cat >"$tmp/bin/new-configure" <<-'EOF'
	#!/bin/bash
	echo "configure $*"
	printf '#!/bin/bash\necho "%s"\n' "${*@Q}" >config.status
	chmod +x config.status
	touch Makefile
	EOF
	printf '#!/bin/sh\necho make\n' >"$tmp/bin/make"
	cp "$tmp/bin/dpkg-query" "$tmp/bin/apt-get"
	chmod +x "$tmp/bin/"*
}

check "links lead to files" links
bootstrap_tree
check "./bootstrap configures and builds" bootstraps $'autoreconf\nconfigure --x a b\nmake' --x 'a b'
check "a second one only builds" bootstraps make
check "with the same arguments, too" bootstraps make --x 'a b'
check "with others it configures" bootstraps $'configure --x a b\nmake' --x a b
touch -d 'next week' "$tmp/tree/configure.ac"
check "where configure.ac is newer, all of it" bootstraps $'autoreconf\nconfigure --x a b\nmake' --x a b
if command -v mandoc >/dev/null; then
	check "manual pages are well formed" man_pages
else
	skip "manual pages are well formed" "no mandoc"
fi
for f in *.md docs/*.md; do
	[ -z "$(examples "$f")" ] || check "$f: the examples are what the program prints" same "$f"
done
done_testing
