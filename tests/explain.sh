#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim explain: the chain, what cures it, and its formats. tests/fixes.sh asks it about each
# fix.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$luosim" explain)

# The steps that claimed, gave up, restored and broke it, in order.
chain()
{
	"$luosim" explain "scenarios/$1.scn" | grep -oE '^kernel .*|^  line [0-9]+|claims|gives up|restores|WARNING: .*|double-restore:|stolen:' |
		tr -s '\n ' ' ' | diff - <(printf '%s' "$2")
}

narrow()
{
	local f
	for f in scenarios/dup-*.scn scenarios/failed-preserve-thaws.scn; do
		"$luosim" explain "$f"
		"$luosim" explain --kernel=v7.3 "$f"
	done | awk 'length > 100'
}

same_each_time()
{
	local format
	for format in text json; do
		cmp <("$luosim" explain --format="$format" scenarios/dup-token.scn) \
		    <("$luosim" explain --format="$format" scenarios/dup-token.scn)
	done
}

json()
{
	"$luosim" explain --format=json scenarios/dup-token.scn | awk '
	NR > 1 || !/^\{"luosim":.*"name":"dup-token".*"chain":\[.*"first_release":"v7.1.0"\}$/ { print }
	{ open = gsub(/[[{]/, ""); close_ = gsub(/[]}]/, ""); if (open != close_) print "not closed" }'
}

cat >"$tmp/two.scn" <<'END'
scenario two
kernel 1
  open("/dev/liveupdate") = dev
  create_session(dev, "s") = s
  memfd_create("sealed", 4K, MFD_ALLOW_SEALING) = sealed
  add_seals(sealed, F_SEAL_GROW) = 0
  memfd_create("twice", 4K) = twice
  write(twice, 0, "x") = 1
  preserve_fd(s, sealed, 1) = 0
  preserve_fd(s, twice, 2) = 0
  preserve_fd(s, twice, 3)
  kexec() = 0
kernel 2
  open("/dev/liveupdate") = dev
  retrieve_session(dev, "s") = s
  retrieve_fd(s, 1) = sealed
  retrieve_fd(s, 2) = twice
  retrieve_fd(s, 3)
expect clean
END

check "the chain of a double restore" chain dup-token \
	'kernel 1 v7.0 line 13 claims line 14 claims line 15 kernel 2 v7.0 line 20 restores line 22 WARNING: kho_restore_page double-restore: '
check "the chain of a stolen page" chain two-sessions-one-closed \
	'kernel 1 v7.0 line 13 claims line 14 claims line 15 gives up line 17 stolen: '
check "a policy that refuses is a cure" prints '            get-id: refused at line 14 with EBUSY' \
	scenarios/dup-token.scn
check "a policy that shares is one" prints '            share: clean' scenarios/dup-token.scn
check "the first release that is clean" prints '  release   v7.1.0 and later' scenarios/dup-token.scn
check "another expectation is no cure" prints '  release   v7.1.0 and later' \
	--kernel=v7.3 --without=memfd-seals scenarios/seals.scn
check "two changes where one is not enough" prints '  together  .* and .*: .*' \
	--kernel=v7.3 --policy=none --without=memfd-seals "$tmp/two.scn"
check "of what does not break, what it would break without" prints \
	'  fix       memfd-seals \(B29\): exposed at line 19, lost; .*' --kernel=v7.3 scenarios/seals.scn
check "and with which policy" prints '  policy    none: double-restore at line 22' \
	--kernel=v7.3 scenarios/dup-token.scn
check "0 when it is explained" gives 0 scenarios/dup-token.scn
check "1 when nothing cures it" gives 1 scenarios/failed-open.scn
check "4 when there is nothing to explain" gives 4 scenarios/name-duplicate.scn
check "2 for two files" gives 2 scenarios/one-memfd.scn scenarios/dup-token.scn
check "text fits 100 columns" narrow
check "the same bytes each time" same_each_time
check "JSON has chain and release" json
done_testing
