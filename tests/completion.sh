#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What bash offers behind the beginning of a command line.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
completion=$(realpath "$srcdir/contrib/luosim.bash-completion")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

# completes LINE WORD...: bash, at the end of LINE, offers these, with others.
completes()
{
	local line=$1 want
	shift
	bash -c '
		source "$1"
		mapfile -t COMP_WORDS < <(sed "s/=/\n=\n/g; s/ \+/\n/g" <<<"$2" | sed "/^$/d")
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_luosim
		printf "%s\n" "${COMPREPLY[@]}"
	' - "$completion" "$line" >offered 2>&1
	for want; do
		grep -qxF -e "$want" offered || { echo "not $want, but:"; cat offered; }
	done
}

completes_only()
{
	completes "$@"
	[ "$(wc -l <offered)" -eq $(($# - 1)) ] || cat offered
}

check "commands" completes_only "$luosim mi" minimise
check "values after =" completes_only "$luosim --kernel=v7.0.1" v7.0.11
check "an empty value" completes "$luosim --kernel=" v6.19 v7.3
check "a value by itself" completes "$luosim run --kernel v7" v7.0 v7.3
check "behind a comma" completes_only "$luosim --kernel=v6.19,v7.2" v6.19,v7.2
check "policies behind a comma" completes "$luosim compare --policies=none,get" none,get-id
check "option names" completes_only "$luosim explore --po" --policy= --policies=
check "option names of run" completes_only "$luosim --verb" --verbose
check "option names with a value" completes "$luosim --f" --format=
check "tables" completes "$luosim list " releases points
check "operations" completes "$luosim explore --ops=" send_fd exit
check "handlers behind a comma" completes_only "$luosim explore --handlers=kvm,vc" kvm,vcpu
check "limits" completes_only "$luosim --limit=files-" files-per-block=
check "./luosim, too" grep -q '^complete .* \./luosim$' "$completion"
done_testing
