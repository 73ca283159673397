# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced where $luosim has built ./x.so of $tree: objects of the tree with a line changed.

# shellcheck disable=SC2154 # whoever sources it has set them
"$luosim" --kernel ./x.so "$srcdir/scenarios/dup-token.scn" >trace
version=$(sed -nE '3s/.*version ([^,]*).*/\1/p' trace)
key=$(grep -oEm 1 'configuration [0-9a-f]+' trace | cut -d ' ' -f 2)
work=${XDG_CACHE_HOME:-$HOME/.cache}/luosim/$key
objects=$work/obj-$(cd "$srcdir/model/engine" && find kernel.mk abi.h glue -type f -print0 |
	LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)

# A folder of links to what is in the tree's, and the same of the folders on the way to FILE.
links()
{
	local at=. part
	mkdir changed
	ln -s "$tree"/* changed/
	for part in $(dirname "$1" | tr / ' '); do
		at+=/$part
		rm "changed/$at"
		mkdir "changed/$at"
		ln -s "$tree/$at"/* "changed/$at"/
	done
}

# Makes ./y.so of changed/ as build-kernel does, and of what $add names.
compiled()
{
	make -s -f "$srcdir/model/engine/kernel.mk" -C obj TREE="$PWD/changed" ADD="${add:-}" \
		PREPARED="$work/prepared" FLAGS="$(cat "$work/flags")" OUT="$PWD/y.so" \
		ENGINE="$srcdir/model/engine" KERNEL_VERSION="$version" KERNEL_COMMIT= \
		KERNEL_CONFIG="$key" KIND="${kind:-}" >make.log 2>&1 || cat make.log
}

# changed SED [FILE]: makes ./y.so of the tree with one line of FILE, or of luo_file.c, changed
# by sed, with what the tree was configured for; $kind says which, and $lines how many change.
changed()
{
	local file=${2:-kernel/liveupdate/luo_file.c}
	rm -rf changed obj
	links "$file"
	cp -pr "$objects" obj
	# Notes of gcov have the tree's path.
	rm -f obj/*.coverage.o
	rm "changed/$file"
	sed -E "$1" "$tree/$file" >"changed/$file"
	[ "$(diff {"$tree",changed}/"$file" | grep -c "^[0-9]")" -eq "${lines:-1}" ] ||
		echo "sed '$1' does not change ${lines:-1} lines"
	compiled
}
