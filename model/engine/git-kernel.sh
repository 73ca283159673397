#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Objects of the commits of a kernel's git, for luosim compare --git and luosim bisect:
#
#	git-kernel.sh LUOSIM objects DIR REFS [TREE]	"NAME<TAB>OBJECT" of each
#	git-kernel.sh LUOSIM bisect OPTION...		see usage()
#
# What is checked out lies in the cache, with the objects of its own; DIR is only read. With
# TREE, all commits are configured as that was, see build-kernel --configured.
set -u -o pipefail
export LC_ALL=C

engine=$(cd "$(dirname "$0")" && pwd)
luosim=$1
what=$2
shift 2
me="luosim $what"
[ "$what" != objects ] || me="luosim compare"
dir='' configured='' refs=()

die()
{
	echo "$me: $*" >&2
	exit 2
}

usage()
{
	cat <<-EOF
	Usage:
	  luosim bisect --git DIR [--configured TREE] GOOD BAD FILE.scn

	Find the commit of a kernel's git from which on a scenario's results or verdict are
	others, by git bisect, and print its trace before and after.

	  --git DIR          the git, which is only read
	  --configured TREE  take the configuration that was made for this tree
	EOF
}

digest()
{
	sha256sum | cut -c 1-16
}

# Where the commits are checked out, one after the other, and their objects are kept.
open_git()
{
	command -v git >/dev/null || die "git not found, expected it"
	[ -d "$dir" ] || die "--git $dir: no such folder, expected a kernel's git"
	dir=$(cd "$dir" && pwd)
	git -C "$dir" rev-parse --git-dir >/dev/null 2>&1 || die "--git $dir: is no git"
	work=${XDG_CACHE_HOME:-$HOME/.cache}/luosim/git-$(echo "$dir" | digest)
	tree=$work/tree
	objects=$work/$(cat "$engine"/*.h "$engine"/*.mk "$engine"/glue/*.* | digest)
	mkdir -p "$objects" || die "$work: cannot be made, expected a folder for the cache"
	[ -d "$tree/.git" ] || git clone -q --shared --no-checkout "$dir" "$tree" ||
		die "--git $dir: cannot be cloned"
}

commit_of()
{
	git -C "$dir" rev-parse -q --verify "$1^{commit}" ||
		die "$1: no commit of $dir, expected one"
}

# The object of what is checked out is at $object; says why where it cannot be built.
build()
{
	object=$objects/$1.so
	[ -f "$object" ] || "$luosim" build-kernel "$tree" -o "$object" \
		${configured:+--configured "$configured"} >&2
}

check_out()
{
	git -C "$tree" checkout -q --force --detach "$1" || die "$1: cannot be checked out"
}

object_of()
{
	object=$objects/$1.so
	[ -f "$object" ] || { check_out "$1" && build "$1"; }
}

# ---- compare ----------------------------------------------------------------

# "base..series" are base and all commits behind it; else names with commas between.
list()
{
	local from
	case $1 in
	*..*)
		from=$(commit_of "${1%%..*}") && commit_of "${1##*..}" >/dev/null || exit 2
		git -C "$dir" log -1 --format="${1%%..*} %H" "$from"
		git -C "$dir" log --reverse --topo-order --format='%h %H' "$1" --
		;;
	*)
		tr , '\n' <<<"$1" | while read -r from; do
			echo "$from $(commit_of "$from")" || exit 2
		done
		;;
	esac
}

all_objects()
{
	local name commit commits
	commits=$(list "$1") || exit 2
	while read -r name commit; do
		object_of "$commit" || die "$name: cannot be built"
		printf '%s\t%s\n' "$name" "$object"
	done <<<"$commits"
}

# ---- bisect -----------------------------------------------------------------

parse_bisect()
{
	while [ $# -gt 0 ]; do
		case "$1" in
		--git | --configured)
			[ $# -gt 1 ] || die "$1 without a value"
			[ "$1" = --git ] && dir=$2 || configured=$2
			shift
			;;
		--git=*) dir=${1#*=} ;;
		--configured=*) configured=${1#*=} ;;
		-h | --help) usage; exit 0 ;;
		-*) die "unknown option '$1', expected --git DIR GOOD BAD FILE.scn" ;;
		*) refs+=("$1") ;;
		esac
		shift
	done
	[ -n "$dir" ] || die "no --git, expected --git DIR GOOD BAD FILE.scn"
	[ ${#refs[@]} -eq 3 ] || die "${#refs[@]} arguments, expected GOOD BAD FILE.scn"
	file=$(realpath "${refs[2]}") && [ -r "$file" ] ||
		die "${refs[2]}: cannot be read, expected a scenario"
	"$luosim" print "$file" >/dev/null || exit 2
}

# What counts of a run: what the calls returned, and the verdict.
outcome()
{
	"$luosim" --format=json --kernel "$1" "$file" | grep -E '"type":"(result|verdict)"'
}

# git bisect run: 0 as it was at GOOD, 1 otherwise, 125 where there is no object.
step()
{
	build "$(git -C "$tree" rev-parse HEAD)" || exit 125
	[ "$(outcome "$object")" = "$(cat "$work/good")" ]
}

bisect()
{
	local good bad first
	good=$(commit_of "${refs[0]}") && bad=$(commit_of "${refs[1]}") || exit 2
	object_of "$good" || die "${refs[0]}: cannot be built"
	outcome "$object" >"$work/good"
	object_of "$bad" || die "${refs[1]}: cannot be built"
	if [ "$(outcome "$object")" = "$(cat "$work/good")" ]; then
		echo "results and verdict are the same at ${refs[0]} and ${refs[1]}"
		exit 1
	fi
	git -C "$tree" bisect reset >/dev/null 2>&1
	check_out "$good"
	git -C "$tree" bisect start "$bad" "$good" >"$work/log" 2>&1 ||
		die "$(tail -n 1 "$work/log")"
	(cd "$tree" && git bisect run bash "$engine/git-kernel.sh" "$luosim" step "$dir" "$file" \
		"$configured") >>"$work/log" 2>&1
	first=$(sed -nE 's/^([0-9a-f]+) is the first bad commit$/\1/p' "$work/log")
	git -C "$tree" bisect reset >/dev/null 2>&1
	[ -n "$first" ] || { tail -n 5 "$work/log"; exit 3; }
	git -C "$dir" log -1 --format='results or verdict change with %h ("%s")' "$first"
	show "before it" "$(git -C "$dir" rev-parse "$first^")"
	show "with it" "$first"
}

show()
{
	printf '\n---- %s\n' "$1"
	object_of "$2" || { echo "cannot be built"; return; }
	"$luosim" --kernel "$object" "$file"
	:
}

case $what in
objects)
	dir=$1
	configured=${3-}
	open_git
	all_objects "$2"
	;;
bisect)
	parse_bisect "$@"
	open_git
	bisect
	;;
step)
	dir=$1
	file=$2
	configured=$3
	open_git
	step
	;;
esac
