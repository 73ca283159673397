#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Bad input: each scenario of bad/ gets exactly the line of its .err file, exit
# status 2, and nothing on standard output. So does what no file here can be.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# diagnosed LINE ARGUMENT...
diagnosed()
{
	local want=$1 status
	shift
	timeout 10 "$luosim" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ "$status" -eq 2 ] || echo "exit status $status, expected 2"
	[ ! -s "$tmp/out" ] || { echo "on standard output:"; cat "$tmp/out"; }
	diff <(printf '%s\n' "$want") "$tmp/err"
}

cd "$srcdir/tests" || exit 1
for f in bad/*.scn; do
	name=$(basename "$f" .scn)
	check "${name//-/ }" diagnosed "$(cat "${f%.scn}.err")" "$f"
done

cd "$tmp" || exit 1
head='scenario s
kernel 1 v7.0
  open("/dev/liveupdate") = dev'
: >empty.scn
: >prnt
mkdir dir.scn
ln -s loop.scn loop.scn
printf '%s\n  close(dev) \0 = 0\n' "$head" >nul.scn
printf '%s\n  create_session(dev, "\xff") = vm\n' "$head" >utf8.scn
printf '%s\n  create_session(dev, "\xc3' "$head" >cut.scn
{ echo "$head"; head -c 100M /dev/zero | tr '\0' x; } >line.scn
{ echo "$head"; printf '  create_session(dev, "'; head -c 2000000 /dev/zero | tr '\0' x
  echo '") = vm'; } >string.scn

check "an empty file has no scenario" \
	diagnosed "empty.scn:1:1: no scenario, expected 'scenario NAME'" empty.scn
check "a directory is no scenario" \
	diagnosed "dir.scn: Is a directory without *.scn, expected a scenario file" dir.scn
check "a file that is not there" \
	diagnosed "none.scn: No such file or directory, expected a scenario file" none.scn
check "a file that cannot be opened" \
	diagnosed "loop.scn: Too many levels of symbolic links, expected a scenario file" loop.scn
check "a file without end" \
	diagnosed "/dev/zero: file too large, expected at most 4194304 bytes" /dev/zero
check "a line of 100 MB" \
	diagnosed "line.scn: file too large, expected at most 4194304 bytes" line.scn
check "a string of 2 MB" \
	diagnosed "string.scn:4:23: string too long, expected at most 1048576 bytes" string.scn
check "a NUL byte" diagnosed "nul.scn:4:14: NUL byte, expected text" nul.scn
check "a byte that is not UTF-8" \
	diagnosed "utf8.scn:4:24: byte 0xff is not UTF-8, expected text" utf8.scn
check "a character cut in half at the end" \
	diagnosed "cut.scn:4:24: byte 0xc3 is not UTF-8, expected text" cut.scn
check "a byte that is not UTF-8 in standard input" \
	diagnosed "<stdin>:4:24: byte 0xff is not UTF-8, expected text" - <utf8.scn
for what in compare explain explore minimise print; do
	check "$what: a NUL byte in standard input" \
		diagnosed "<stdin>:4:14: NUL byte, expected text" $what - <nul.scn
done
check "standard input that is a directory" \
	diagnosed "<stdin>: Is a directory, expected a scenario file" - <dir.scn
check "standard input twice" \
	diagnosed "luosim: standard input several times, expected '-' once" - - <empty.scn
check "of several files each is diagnosed" \
	diagnosed "empty.scn:1:1: no scenario, expected 'scenario NAME'
nul.scn:4:14: NUL byte, expected text" -S empty.scn nul.scn

printf '%s\n' "$head" >good.scn
check "with -S nothing runs beside a bad file" diagnosed \
	"nul.scn:4:14: NUL byte, expected text" -S good.scn nul.scn
check "no file at all" diagnosed "luosim: no file given, expected luosim FILE..."
check "a mistyped command" diagnosed \
	"luosim: no file or command 'comapre', expected perhaps 'compare'" comapre good.scn
check "a command spelled otherwise" diagnosed \
	"luosim: no file or command 'minimize', expected perhaps 'minimise'" minimize good.scn
check "an option without its dashes" diagnosed \
	"luosim: no file or command 'help', expected perhaps '--help'" help
check "a word near no command is a file" diagnosed \
	"nothing: No such file or directory, expected a scenario file" nothing
check "a file near a command that is there" diagnosed \
	"prnt:1:1: no scenario, expected 'scenario NAME'" prnt
check "an unknown option" diagnosed "luosim: Unknown option --polcy" --polcy none good.scn
check "an unknown release" diagnosed \
	"luosim: --kernel: unknown release 'v7.4', expected perhaps 'next'" --kernel v7.4 good.scn
check "a release of a series before them all" diagnosed \
	"luosim: --kernel: unknown release '6.18.9', expected perhaps 'v6.19'" \
	--kernel 6.18.9 good.scn
check "a mistyped release" diagnosed \
	"luosim: --kernel: unknown release 'v7.1.x', expected perhaps 'v7.1.0'" \
	--kernel v7.1.x good.scn
check "an unknown policy" diagnosed \
	"luosim: --policy: unknown policy 'get-idd', expected perhaps 'get-id'" \
	--policy get-idd good.scn
check "an unknown fix" diagnosed \
	"luosim: --with: unknown fix 'memfd-seal', expected perhaps 'memfd-seals'" \
	--with memfd-seal good.scn
check "an unknown limit" diagnosed \
	"luosim: --limit: unknown limit 'fils', expected perhaps 'files'" --limit fils=2 good.scn
check "a limit without a number" diagnosed \
	"luosim: --limit: line ends here, expected '='" --limit files good.scn
check "a memory size that is none" diagnosed \
	"luosim: --mem: found 'much', expected a number" --mem much good.scn
check "more memory than a machine may have" diagnosed \
	"luosim: --mem: memory out of range, expected 4M to 1T" --mem 2T good.scn
check "likewise of a search" diagnosed \
	"luosim: --mem: memory out of range, expected 4M to 1T" explore --mem 2T
for seconds in x -1 0 nan 1e400 "" 1s; do
	check "a time limit of '$seconds'" diagnosed "luosim: --time-limit: found '$seconds', \
expected seconds, 0.001 to 1000000000" --time-limit="$seconds" good.scn
done
check "an unknown format" diagnosed \
	"luosim: unknown --format, expected text, ktap, junit, json, svg or html" --format=xml good.scn
check "an unknown list" diagnosed \
	"luosim: unknown list 'fix', expected luosim list releases|fixes|limits|policies|operations|files|handlers|fields|points|bugs" \
	list fix
check "all variants and one policy" diagnosed \
	"luosim: --all together with --kernel or --policy, expected one of them" \
	--all --policy none good.scn
done_testing
