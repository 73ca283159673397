#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim explain: each fix, taken out, makes a scenario fail, and explain names it
# as the cure. The kernel is v7.3; next for what v7.3 has not or does not show.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$luosim" explain)

# failed KERNEL [FIX]: in a file, names of the scenarios that fail there, without FIX if it
# is given, and the policy of the run
failed()
{
	"$luosim" --kernel="$1" ${2:+--without="$2"} scenarios |
		sed -n 's/^FAIL \([^,]*\), kernel [^ ]*, policy \([^:]*\):.*/\1 \2/p' |
		sort >"$tmp/failed-$1-${2:-}"
}

# failed_each KERNEL FIX...: likewise for each FIX, as many at a time as there are processors
failed_each()
{
	local kernel=$1 fix
	shift
	failed "$kernel"
	for fix; do
		[ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
		failed "$kernel" "$fix" &
	done
	wait
}

# bitten_on KERNEL FIX: names of those that fail on KERNEL only without FIX
bitten_on()
{
	[ -f "$tmp/failed-$1-" ] || failed "$1"
	[ -f "$tmp/failed-$1-$2" ] || failed "$1" "$2"
	comm -13 "$tmp/failed-$1-" "$tmp/failed-$1-$2"
}

# names_cure KERNEL FIX: of the first scenarios that fail without FIX, FIX is a cure
names_cure()
{
	local name policy file
	while read -r name policy; do
		file=$(find scenarios -name "$name.scn")
		"$luosim" explain --kernel="$1" --policy="$policy" --without="$2" "$file" >"$tmp/out" 2>&1 ||
			echo "$name: exit status $?"
		sed -n '/^what cures it$/,/^  policy /p' "$tmp/out" | grep -q " $2[ :]" ||
			{ echo "$name: no $2 in:"; cat "$tmp/out"; }
	done < <(head -n 2 "$tmp/bitten")
}

# bites FIX
bites()
{
	local kernel
	for kernel in v7.3 next; do
		bitten_on "$kernel" "$1" >"$tmp/bitten"
		[ ! -s "$tmp/bitten" ] || { names_cure "$kernel" "$1"; return; }
	done
	echo "no scenario fails without $1"
}

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

fixes=$("$luosim" list fixes | awk 'NR > 1 { print $1 }')
check "there are fixes" test -n "$fixes"
# What no scenario can show on v7.3.
declare -A hidden=(
	[memfd-remove-folio]='the file that the folio stays in goes at once: accounting-fails.scn'
	[reboot-abort]='no release has it'
	[extent-checks]='no release has it'
)
# shellcheck disable=SC2086 # a list of words
quick || failed_each v7.3 $fixes
for fix in $fixes; do
	if quick; then
		skip "$fix is missed and named" "left to a run without QUICK"
	elif [ -n "${hidden[$fix]:-}" ]; then
		skip "$fix is missed and named" "${hidden[$fix]}"
	else
		check "$fix is missed and named" bites "$fix"
	fi
done
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
check "4 when there is nothing to explain" gives 4 scenarios/one-memfd.scn
check "2 for two files" gives 2 scenarios/one-memfd.scn scenarios/dup-token.scn
check "text fits 100 columns" narrow
check "the same bytes each time" same_each_time
check "JSON has chain and release" json
done_testing
