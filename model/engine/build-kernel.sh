#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# luosim build-kernel: make of a kernel tree the object that `luosim --kernel` runs.
#
# The tree is configured for ARCH=um in a folder of the cache, once; its files are then
# compiled from where they are with that configuration's headers (kernel.mk). Nothing is
# written to the tree.
set -u -o pipefail
export LC_ALL=C

engine=$(cd "$(dirname "$0")" && pwd)
me="luosim build-kernel"
out='' config='' jobs='' add=() tree='' kind='' configured=''

die()
{
	echo "$me: $*" >&2
	exit 2
}

usage()
{
	cat <<-EOF
	Usage:
	  $me TREE -o NAME.so [--add FILE.c]... [--config FRAGMENT]
	                     [--configured TREE] [-j N]
	                     [--coverage | --asan | --preempt=access]

	Compile a kernel tree's own live update code into an object for luosim --kernel.

	  -o NAME.so         what to make
	  --add FILE.c       compile this file, of the tree or not, as well: a file handler
	  --config FRAGMENT  options of the configuration, as CONFIG_NAME=y lines
	  --configured TREE  take the configuration that was made for this tree
	  --asan             stop at accesses to memory that is not there
	  --preempt=access   a task of a race may be left at each access to memory
	  --coverage         count which lines run, see luosim coverage
	  -j N, --jobs=N     run N jobs at a time
	EOF
}

need_value()
{
	[ "$2" -gt 1 ] || die "$1 without a value, expected $1 ${3}"
}

# Kconfig takes no notice of what it does not understand.
check_fragment()
{
	local line

	[ -r "$config" ] && [ ! -d "$config" ] ||
		die "$config: cannot be read, expected a fragment"
	line=$(grep -anm 1 -vE '^[[:space:]]*$|^CONFIG_[A-Za-z0-9_]+=|^#' "$config") || return 0
	die "$config:${line%%:*}: '${line#*:}', expected CONFIG_NAME=VALUE"
}

parse_options()
{
	while [ $# -gt 0 ]; do
		case "$1" in
		-o) need_value "$1" $# NAME.so; out=$2; shift ;;
		-o*) out=${1#-o} ;;
		--add) need_value "$1" $# FILE.c; add+=("$2"); shift ;;
		--add=*) add+=("${1#*=}") ;;
		--config) need_value "$1" $# FRAGMENT; config=$2; shift ;;
		--config=*) config=${1#*=} ;;
		--configured) need_value "$1" $# TREE; configured=$2; shift ;;
		--configured=*) configured=${1#*=} ;;
		--asan | --coverage | --preempt=access)
			[ -z "$kind" ] || die "$1 together with another kind of object, expected one"
			kind=${1#--}
			kind=${kind#*=}
			;;
		--preempt*) die "'$1', expected --preempt=access" ;;
		-j | --jobs) need_value "$1" $# N; jobs=$2; shift ;;
		--jobs=*) jobs=${1#*=} ;;
		-j*) jobs=${1#-j} ;;
		-h | --help) usage; exit 0 ;;
		-*) die "unknown option '$1', expected TREE -o NAME.so; see $me --help" ;;
		*)
			[ -z "$tree" ] || die "'$1' together with '$tree', expected one tree"
			tree=$1
			;;
		esac
		shift
	done
	[ -n "$tree" ] || die "no tree given, expected TREE -o NAME.so"
	[ -n "$out" ] || die "no -o, expected -o NAME.so"
	[[ $jobs =~ ^([1-9][0-9]*)?$ ]] || die "-j $jobs, expected a number of jobs"
	[ -d "$(dirname "$out")" ] || die "$(dirname "$out"): no such folder, expected one for -o"
	[ ! -d "$out" ] || die "$out: is a folder, expected -o NAME.so"
	[ -z "$config" ] || check_fragment
	out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
}

# The tree as an absolute path without links, by which git and the cache know it, and that it
# is one that has what is wanted of it.
check_tree()
{
	local file

	[ -d "$tree" ] || die "$tree: no such folder, expected a kernel tree"
	tree=$(cd "$tree" && pwd -P)
	[[ $tree != *[[:space:]:]* ]] || die "$tree: has a blank or a colon, which the kernel's" \
		"own build refuses, expected another path"
	[ -f "$tree/Makefile" ] && [ -f "$tree/Kbuild" ] && [ -d "$tree/arch/um" ] ||
		die "$tree: is no kernel tree, expected Makefile, Kbuild and arch/um in it"
	[ -f "$tree/kernel/liveupdate/luo_session.c" ] ||
		die "$tree: is too old, expected kernel/liveupdate/luo_session.c (6.19 or later)"
}

# The files to add as the tree has them, or by their whole path if they are none of its.
find_added()
{
	local i file

	for i in "${!add[@]}"; do
		file=${add[i]}
		[[ $file == *.c ]] || die "--add $file: expected a .c file"
		[ -f "$tree/$file" ] && file=$tree/$file
		[ -f "$file" ] || die "--add $file: not in $tree, nor here, expected a .c file"
		file=$(cd "$(dirname "$file")" && pwd -P)/$(basename "$file")
		[[ $file != *[[:space:]:+]* ]] ||
			die "--add $file: has a blank, a colon or a plus, expected another path"
		file=${file#"$tree"/}
		[[ " ${add[*]:0:i} " != *" $file "* ]] || file=''
		add[i]=$file
	done
}

check_tools()
{
	local tool

	for tool in gcc make flex bison bc ld objcopy nm objdump sha256sum flock; do
		command -v $tool >/dev/null ||
			die "$tool not found, expected gcc, make, binutils, flex, bison, bc and flock"
	done
	for tool in awk cat cmp cp cut find grep head mktemp mv nproc rm sed sort stat tail tar tr xargs; do
		command -v $tool >/dev/null ||
			die "$tool not found, expected a system's usual commands"
	done
}

digest()
{
	sha256sum | cut -c 1-16
}

# ---- The configuration ------------------------------------------------------

# What the state of the prepared folder follows from, as names, sizes and times.
state()
{
	cd "$tree" || exit 2
	{
		find Makefile Kbuild kernel/bounds.c arch/um arch/x86 include scripts \
			-type f -not -path '*/generated/*' -not -path 'include/config/*'
		find . -name 'Kconfig*' -not -path './Documentation/*'
	} | xargs -d '\n' stat -c '%n %s %Y' 2>/dev/null | sort -u | cat - "$fragment" | digest
}

# Kbuild takes no other folder for a tree that was built in place: give it links to what is
# there, but for what building has left.
link_farm()
{
	local from=$1 to=$2 depth=$3 file name

	mkdir -p "$to"
	for file in "$from"/* "$from"/.[a-z]*; do
		name=${file#"$tree"/}
		case $name in
		.config* | .tmp* | .git | include/config | include/generated | \
			arch/*/include/generated) continue ;;
		esac
		if [ "$depth" -gt 0 ] && [ -d "$file" ]; then
			case $name in
			include | arch | arch/um | arch/um/include | arch/x86 | arch/x86/include)
				link_farm "$file" "$to/$(basename "$file")" $((depth - 1))
				continue
				;;
			esac
		fi
		[ -e "$file" ] && ln -sfn "$file" "$to/$(basename "$file")"
	done
}

built_in_place()
{
	[ -f "$tree/.config" ] || [ -d "$tree/include/config" ] ||
		[ -d "$tree/arch/um/include/generated" ]
}

make_links()
{
	rm -rf "$source"
	link_farm "$tree" "$source" 4
}

kbuild()
{
	make -s -j "$jobs" -C "$source" O="$prepared" ARCH=um KCONFIG_NOSILENTUPDATE= "$@" \
		>>"$work/prepare.log" 2>&1
}

# The first error that a log tells, without the path to where the tree is.
first_error()
{
	local error

	error=$(grep -m 1 -E 'error:|Error|\*\*\*|not found|undefined reference|multiple definition|No space left' "$1" | sed "s|$source/||g; s|$tree/||g" |
		sed 's/^ *//')
	if [ -n "$error" ]; then
		echo "$error"
	elif ! { echo room >"$work/room"; } 2>/dev/null; then
		echo "no room in $work"
	else
		echo "see $1"
	fi
}

# Options of the user's fragment that Kconfig has not, or not with this value.
not_taken()
{
	[ -z "$config" ] || grep -aE '^CONFIG_' "$config" | grep -vxFf "$prepared/.config" |
		tr '\n' ' '
}

prepare()
{
	local now not_taken

	now=$(state)
	if [ "$(cat "$work/state" 2>/dev/null)" = "$now" ]; then
		return
	fi
	echo "configuring $tree for ARCH=um (once)"
	rm -f "$work/state" "$work/prepare.log"
	mkdir -p "$prepared"
	! built_in_place || make_links
	kbuild defconfig && cat "$fragment" >>"$prepared/.config" && kbuild olddefconfig &&
		kbuild prepare kernel/range.o ||
		die "$tree: cannot be configured: $(first_error "$work/prepare.log")"
	compiler_flags >"$work/flags"
	not_taken=$(not_taken)
	[ -z "$not_taken" ] || echo "the configuration does not take: $not_taken"
	echo "$now" >"$work/state"
}

# What was made for another tree, with the headers of this one.
take_configuration()
{
	local other
	[ -d "$configured" ] || die "--configured $configured: no such folder, expected a tree"
	configured=$(cd "$configured" && pwd -P)
	other=$cache/$( { echo "$configured"; cat "$fragment"; } | digest)
	[ -f "$other/state" ] || die "--configured $configured: has no configuration, expected" \
		"luosim build-kernel to have been run on it"
	[ "$other" != "$work" ] || return 0
	prepared=$other/prepared
	! built_in_place || make_links
	sed "s|$other/links/|$source/|g; s|$configured/|$source/|g" "$other/flags" >"$work/flags"
}

# What the tree compiles a file with, but for where code goes and what is warned of.
compiler_flags()
{
	sed -n 's/^savedcmd_[^ ]* := //p' "$prepared/kernel/.range.o.cmd" | sed 's/ *;.*//' |
		tr ' ' '\n' | grep -vE '^(|gcc|-W.*|-c|-o|-g.*|-O.|.*range\.[co]|-DKBUILD.*|-D__KBUILD.*|-mcmodel=.*|-fno-PIE|-fconserve-stack)$' |
		tr '\n' ' '
}

# ---- The object -------------------------------------------------------------

version()
{
	make -s -C "$source" O="$prepared" ARCH=um kernelversion 2>/dev/null | tail -n 1
}

commit()
{
	local commit

	commit=$(git -C "$tree" rev-parse --verify HEAD 2>/dev/null) &&
		[ "$(git -C "$tree" rev-parse --show-toplevel)" = "$tree" ] || return 0
	# The index is the tree's, too.
	[ -z "$(git --no-optional-locks -C "$tree" status --porcelain -uno 2>/dev/null)" ] ||
		commit+=-dirty
	echo "$commit"
}

build()
{
	local log=$objects/build.log lacks object=$objects/tree${kind:+.$kind}.so

	mkdir -p "$objects"
	if ! make -s -k -j "$jobs" -f "$engine/kernel.mk" -C "$objects" \
		TREE="$tree" PREPARED="$prepared" FLAGS="$(cat "$work/flags")" ENGINE="$engine" \
		ADD="${add[*]}" KIND="$kind" OUT="$object" KERNEL_VERSION="$(version)" \
		KERNEL_COMMIT="$(commit)" KERNEL_CONFIG="$key" >"$log" 2>&1; then
		rm -f "$out"
		die "$(first_error "$log")"
	fi
	# Whatever was there before, and however new it is.
	cp "$object" "$out.new" 2>"$log" && mv "$out.new" "$out" 2>"$log" || {
		rm -f "$out.new"
		die "$out: cannot be written:$(head -n 1 "$log" | sed 's/.*://')"
	}
	lacks=$objects/lacks${kind:+.$kind}
	if [ -s "$lacks" ]; then
		echo "luosim does not supply, and stops where it is called:" \
			"$(tr '\n' ' ' <"$lacks")"
	fi
}

parse_options "$@"
check_tree
find_added
check_tools
jobs=${jobs:-$(nproc)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/luosim
[[ $cache != *[[:space:]:]* ]] || die "$cache: has a blank or a colon, expected another cache"
fragment=$(mktemp 2>/dev/null) || die "no room for temporary files"
trap 'rm -f "$fragment"' EXIT
cat "$engine/fragment.config" ${config:+"$config"} >"$fragment" 2>/dev/null ||
	die "no room for temporary files"
key=$( { echo "$tree"; cat "$fragment"; } | digest)
work=$cache/$key
prepared=$work/prepared
# What is compiled depends on this luosim's glue, too, and another one may use the cache; times
# of files that were installed say nothing.
objects=$work/obj-$(cd "$engine" && find kernel.mk abi.h glue -type f -print0 | sort -z |
	xargs -0 sha256sum | digest)
mkdir -p "$work" || die "$work: cannot be made, expected a folder for the cache"
exec 9>"$work/lock" && flock 9 || die "$work/lock: cannot be locked"
source=$tree
built_in_place && source=$work/links
if [ -n "$configured" ]; then
	take_configuration
else
	prepare
fi
build
