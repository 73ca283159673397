#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The command line: exit statuses, formats, and that what is printed can be read
# back, fits a mail and is the same each time.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
scenarios=$(realpath "$srcdir/scenarios")
top=$(realpath "$srcdir")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$luosim")
cd "$tmp" || exit 1
# Too little for the largest machine; AddressSanitizer takes more by itself.
limited=
grep -qs __asan_init "$luosim" || ! ulimit -v 16777216 || limited=yes

cat >good.scn <<'EOF'
scenario good
runs v6.19 v7.0 v7.1 get-id v7.2/none
kernel 1 v7.0
  open("/dev/liveupdate") = dev
  create_session(dev, "a long name to fill the line" "x"*20 "\0\xff") = s
  memfd_create("m", 8K) = m
  fill(m, 0, 8K, 1) = 8192
  preserve_fd(s, m, 1) = 0
  fstat(m)
  repeat i 1..100
    preserve_fd(s, 1000, $i+1) = -EBADF
  end
  kexec() = 0
kernel 2
  open("/dev/liveupdate") = dev
  retrieve_session(dev, "a long name to fill the line" "x"*20 "\0\xff") = s
  retrieve_fd(s, 1) = m
  verify(m, 0, 8K, 1) = 0
  finish(s) = 0
EOF
sed 's/scenario good/scenario bad/; s/verify.*/& | v7.0: 5/' good.scn >bad.scn
sed 's/scenario good/scenario huge/; s/kernel 1 v7.0/& mem=1T/' good.scn >huge.scn
sed 's/scenario good/scenario sweep/; s/^  preserve_fd(s, m, 1).*/  fail any\n&/' good.scn >sweep.scn
echo 'sometimes unclean-error' >>sweep.scn
# It names no run on the kernel of its heading, and holds only on the two that it names.
sed 's/scenario good/scenario others/; s/^runs .*/runs v7.2 v7.1\/none/
     s/verify.*/& | v7.0: 5/' good.scn >others.scn
sed 's/^runs .*/runs get-id/' good.scn >policy.scn

# A check of runs that are skipped.
skipped()
{
	if [ -n "$limited" ]; then
		check "$@"
	else
		skip "$1" "no limit of address space"
	fi
}
# It would take hours; what it expects could come up only at its end.
mkdir long
sed 's/1\.\.100/1..1000000000/; s/scenario good/scenario hours/' good.scn >long/hours.scn
echo 'expect lost' >>long/hours.scn
sed 's/scenario sweep/scenario long-sweep/; s/1\.\.100/1..400000/' sweep.scn >long/sweep.scn
printf '%s\n' 'scenario world' explore '  sessions 1' '  depth 2' end 'kernel 1 v7.1' >world

lacks()
{
	local what=$1
	shift
	"$luosim" "$@" >out 2>err
	! grep -E -- "$what" out
}

# says REGEXP ARGUMENT...: on standard error, a line that is REGEXP, and it works.
says()
{
	local what=$1
	shift
	"$luosim" "$@" >out 2>err || echo "exit status $?"
	grep -qxE -- "$what" err || cat err
}

says_nothing()
{
	"$luosim" "$@" 2>&1 >out
}

silent()
{
	"$luosim" "$@" 2>&1
	return 0
}

narrow()
{
	"$luosim" "$@" | awk 'length > 100'
}

unwritable()
{
	"$luosim" good.scn 2>err >/dev/full
	[ $? -eq 2 ] || echo "exit status not 2"
	grep -qx 'luosim: cannot write: No space left on device' err || cat err
}

same_each_time()
{
	local format
	for format in text ktap json; do
		diff <("$luosim" --all --format="$format" ./*.scn) \
		     <("$luosim" --all --format="$format" ./*.scn)
	done
}

reads_back()
{
	"$luosim" print good.scn >once.txt
	diff once.txt <("$luosim" print once.txt)
	diff <("$luosim" --format=json good.scn | grep -v '"line"\|"file"\|"command"') \
	     <("$luosim" --format=json once.txt | grep -v '"line"\|"file"\|"command"')
}

valid_json()
{
	"$luosim" --all -v --format=json ./*.scn | python3 -c '
import json, sys
types = {json.loads(line)["type"] for line in sys.stdin}
missing = {"plan", "scenario", "boot", "op", "result", "log", "verdict"} - types
print("no", missing) if missing else None'
}

ktap_counts()
{
	"$luosim" --format=ktap good.scn bad.scn huge.scn | grep -v '^# ' | diff - <(sed 's/^	//' <<-'EOF'
		KTAP version 1
		1..3
		    KTAP version 1
		    # Subtest: good
		    1..5
		    ok 1 v6.19
		    ok 2 v7.0
		    ok 3 v7.1
		    ok 4 get-id
		    ok 5 v7.2/none
		ok 1 good
		    KTAP version 1
		    # Subtest: bad
		    1..5
		    ok 1 v6.19
		TRACE
		    not ok 2 v7.0
		    ok 3 v7.1
		TRACE
		    not ok 4 get-id
		    ok 5 v7.2/none
		not ok 2 bad
		    KTAP version 1
		    # Subtest: huge
		    1..5
		    ok 1 v6.19 # SKIP not enough address space
		    ok 2 v7.0 # SKIP not enough address space
		    ok 3 v7.1 # SKIP not enough address space
		    ok 4 get-id # SKIP not enough address space
		    ok 5 v7.2/none # SKIP not enough address space
		ok 3 huge # SKIP not enough address space
	EOF
	) | grep '^[<>]' | grep -v '^<     # \|^> TRACE'
	return 0
}

# version_of SRCDIR
version_of()
{
	sh "$top/build-aux/version.sh" "$1" 0.1.0
}

# says_version REGEXP KIND: of a source tree of that kind, it is that
says_version()
{
	rm -rf tree
	mkdir -p tree/within
	git init -q tree && git -C tree -c user.name=a -c user.email=a@b commit -q --allow-empty -m a
	case $2 in
	tarball) echo 1.2.3-4-gabc >tree/within/.version ;;
	tagged) git -C tree tag v1.0.0; mv tree/.git tree/within ;;
	esac
	version_of tree/within >version
	grep -qxE "$1" version || cat version
}

# What else it defined, tests and fuzz harnesses would lack.
only_main()
{
	nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' |
		grep -vxE 'main|__(asan|gcov|llvm|odr_asan).*'
	return 0
}

# from_stdin FILE COMMAND...: the same comes out of the file and of standard input.
from_stdin()
{
	local file=$1
	shift
	"$luosim" "$@" - <"$file" >piped 2>&1
	echo "exit status $?" >>piped
	"$luosim" "$@" "$file" >named 2>&1
	echo "exit status $?" >>named
	diff <(sed "s/$file/<stdin>/; / s\$/d; /CPU second/d" named) \
	     <(sed '/ s$/d; /CPU second/d' piped)
	grep -q 'expected a scenario file\|exit status 2' piped && cat piped
	return 0
}

# The runs that all scenarios claim for the releases are those that they claim, each once.
claims_add_up()
{
	cat claims.* | grep '^ok ' | sort >claims
	"$luosim" --all "$scenarios" | grep '^ok ' | sort | diff - claims
}

# holds_on RELEASE: all that the scenarios claim for it, which goes to claims.RELEASE.
holds_on()
{
	gives 0 --kernel="$1" "$scenarios"
	cp out "claims.$1"
}

# on_terminal COMMAND: what it writes to a terminal.
on_terminal()
{
	SHELL=/bin/sh script -qec "$1" /dev/null </dev/null
}

colours()
{
	on_terminal "TERM=$1 NO_COLOR= $luosim good.scn" | grep -c $'\033' >count
	[ "$(cat count)" -gt 0 ] && echo coloured
	return 0
}

coloured()
{
	[ "$(colours "$1")" = coloured ] || echo "no colours"
}

# A search of some seconds says how many states there will be, and how long that takes.
forecast()
{
	local pid i
	on_terminal "exec $luosim explore --kernel v7.3 --policy get-id --opens 2 --kernels 2 --faults 1 \
		--no-symmetry --no-prune --no-reduction --time 120 -j1 2>&1 >/dev/null" >forecast 2>/dev/null &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		grep -qaE '[0-9]+ of about [0-9]+ states, about [0-9]+ (s|min) left' forecast && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.2
	done
	grep -aoE 'of about [0-9]+' forecast | tail -n 1 |
		awk '{ n++; if ($3 < 399594 / 3 || $3 > 399594 * 3) print } END { if (!n) print "no forecast" }'
	pkill -P $pid
	wait $pid 2>/dev/null
	return 0
}

# clears COLUMNS: no line of a progress is as wide, and nothing of the last is left.
clears()
{
	on_terminal "COLUMNS=$1 $luosim explore --random --runs=100000000 --time=1 2>&1 >/dev/null" >progress
	python3 - "$1" progress <<-'EOF'
		import re, sys
		columns = int(sys.argv[1])
		screen, at, most = [" "] * columns, 0, 0
		text = re.sub(r"\r?\n", "", open(sys.argv[2], newline="").read())
		for c in text.replace("\033[K", "\n"):
		    if c == "\r":
		        at = 0
		    elif c == "\n":
		        screen[at:] = [" "] * (columns - at)
		    elif at >= columns - 1:
		        sys.exit("wider than %d" % (columns - 1))
		    else:
		        screen[at] = c
		        at += 1
		    most = max(most, at)
		if most < 5:
		    print("no progress was shown")
		if "".join(screen).strip() or at:
		    print("left:", screen, at)
	EOF
}

check "0 when all is as expected" gives 0 good.scn
check "1 when a result differs" gives 1 bad.scn
check "1 when one of several fails" gives 1 good.scn bad.scn huge.scn
skipped "0 when some are skipped" gives 0 good.scn huge.scn
skipped "4 when all are skipped" gives 4 huge.scn
check "2 when the output cannot be written" \
	unwritable
check "run may be said" gives 0 run good.scn
for what in run "run -v" print compare; do
	# shellcheck disable=SC2086 # a command and its options
	check "$what reads standard input as -" from_stdin bad.scn $what
done
# Of a hundred steps more these would try each.
sed '/repeat/,/end/d' bad.scn >short.scn
for what in explain minimise; do
	check "$what reads standard input as -" from_stdin short.scn $what
done
check "explore reads standard input as -" from_stdin world explore
check "- is read beside files" prints '2 runs: 2 passed, 0 failed' good.scn - <good.scn
check "-q prints nothing, not even of a failure" silent -q good.scn bad.scn huge.scn
check "a failed result says where, what and what not" prints \
	'bad.scn:18: verify\(m, 0, 8K, 1\): got 0, expected 5' bad.scn
check "several scenarios get a line each" prints \
	'ok   good, kernel v7.0, policy none: clean' good.scn bad.scn
skipped "and totals" prints '3 runs: 1 passed, 1 failed, 1 skipped' good.scn bad.scn huge.scn
check "the traces of those that fail are shown" prints \
	'scenario bad, kernel v7.0, policy none' good.scn bad.scn
check "and of no others" lacks '^scenario good' good.scn bad.scn
check "--all runs the variants" prints '5 runs: 5 passed, 0 failed' --all good.scn
check "as it stands, if it names that" prints 'scenario good, kernel v7.0, policy none' good.scn
check "or if it names nothing" prints 'scenario good, kernel v7.0, policy none' <(grep -v ^runs good.scn)
check "or else on the first variant" prints 'scenario others, kernel v7.2, policy get-id' others.scn
check "as among others" prints 'ok   others, kernel v7.2, policy get-id: clean' others.scn good.scn
check "on these, all scenarios hold" gives 0 "$scenarios"
check "a policy that the kernel has not is another variant" \
	prints 'scenario good, kernel v7.0, policy get-id' policy.scn
check "one that it has is not" prints 'scenario good, kernel v7.0, policy none' \
	<(sed 's/^runs .*/runs v7.2 v7.0\/none/' good.scn)
check "--kernel changes kernel 1 and its heirs" prints 'kernel 2 v7.3' --kernel=v7.3 good.scn
check "of several, it runs those that name the release" \
	prints 'ok   good, kernel v7.1, policy get-id: clean' --kernel=v7.1 good.scn others.scn
check "on all its variants" prints 'ok   others, kernel v7.1, policy none: clean' \
	--kernel=v7.1 good.scn others.scn
check "and on one that is only a policy, if its kernel is that" \
	prints 'ok   good, kernel v7.0, policy get-id: clean' --kernel=v7.0 policy.scn others.scn
check "and skips the others" \
	prints 'skip others, kernel v7.0, policy none: .*says nothing of this release' \
	--kernel=v7.0 good.scn others.scn
check "which the totals count" prints '3 runs: 2 passed, 0 failed, 1 skipped' \
	--kernel=v7.0 good.scn others.scn
check "so does KTAP" prints 'ok 2 others # SKIP says nothing of this release' \
	--kernel=v7.0 --format=ktap good.scn others.scn
check "4 when none names it" gives 4 --kernel=next good.scn others.scn
mkdir one
cp others.scn one
check "so it does with a directory of one" gives 4 --kernel=v7.0 one
check "a single one runs on any release" gives 1 --kernel=v7.0 others.scn
check "with --policy, all run" gives 1 --kernel=v7.0 --policy=none good.scn others.scn
check "with a release for each kernel, all run" gives 1 --kernel=v7.0,v7.0 good.scn others.scn
mapfile -t releases < <("$luosim" list releases | awk 'NR > 1 { print $1 }')
# They are the runs of --all, release by release.
if quick; then
	skip "all scenarios hold on what they name of each release" "left to a run without QUICK"
else
	for release in "${releases[@]}"; do
		check "all scenarios hold on what they name of $release" \
			holds_on "$release"
	done
	check "which is all that they name" claims_add_up
fi
check "a stable release is on the row that stands for it" prints 'kernel 1 v7.0' \
	--kernel=v7.0.9 good.scn
check "without v as well" prints 'kernel 1 v7.1.0' --kernel=7.1.2 good.scn
check "of which nothing need be said" says_nothing --kernel=v7.1.13 good.scn
check "one that was not looked at gets the nearest" prints 'kernel 1 v7.0.11' \
	--kernel=v7.0.12 good.scn
check "which is said" says '--kernel: v7.0.12 was not looked at, v7.0.11 is the nearest and follows 7.0.11' \
	--kernel=v7.0.12 good.scn
sed 's/^kernel 1 v7\.0/kernel 1 v7.2.1/' good.scn >near.scn
check "of a scenario's, too" says 'near.scn:[0-9]+:10: v7.2.1 was not looked at, v7.2 is the nearest and follows 7.2.13' \
	near.scn
rm near.scn
check "all releases are one of each series" prints \
	' +v6\.19 +v7\.0 +v7\.1 +v7\.2 +v7\.3 +next' compare --releases=all good.scn
check "others by name" prints ' +v6\.19\.9 +v7\.0\.0 +7\.1\.3' \
	compare --releases=v6.19.9,v7.0.0,7.1.3 good.scn
check "list releases says what a row stands for" prints \
	'v7.1.0 +7.1.3 +7.1.0 to 7.1.3 +kho-v3 +luo-v1 +get-id' list releases
check "--policy changes all kernels" prints 'kernel 2 v7.0, policy get-id' --policy=get-id good.scn
check "--with gives a fix" prints 'kernel 2 v7.0, with get-name' --with=get-name good.scn
check "--without takes it" prints 'kernel 1 v7.0, without memfd-uptodate' \
	--without=memfd-uptodate good.scn
check "--limit changes a limit" prints 'kernel 1 v7.0, files 7' --limit=files=7 good.scn
check "--panic-on-warn sets it" prints 'kernel 1 v7.0, panic_on_warn' --panic-on-warn good.scn
check "of repetitions only the ends are shown" prints '  \.\.\.' good.scn
check "-v shows every round" prints '  preserve_fd\(s, 1000, 52\) += -EBADF' -v good.scn
check "-v shows what changed" prints '      pages: free .*preserved .*' -v good.scn
check "and of which objects" prints \
	'      folio 0x6: preserved, claims none -> vm0 0xa, .*' -v "$scenarios/dup-token.scn"
check "-vv shows all that changed" prints '      new claim vm0 0xb: outgoing, line 14, .*' \
	-vv "$scenarios/dup-token.scn"
check "a kernel that stopped in a call is looked at, too" prints \
	'      kernel 2: panicked' -vv "$scenarios/dup-token-panic.scn"
check "a set of runs has one verdict" prints \
	'verdict: [0-9]+ runs: [0-9]+ clean, [0-9]+ unclean-error' sweep.scn
check "and for each outcome what led there" prints \
	'  unclean-error: (first )?line 8: fail [a-z_]+( nth [0-9]+)?' sweep.scn
check "the failure of the run that is shown stands in its trace" prints \
	'  preserve_fd\(s, m, 1\) += .*\(INJECTED\) fail .*' sweep.scn
check "a set that is not as expected fails" gives 1 <(sed 's/^sometimes/never/' sweep.scn)
check "a set in KTAP" prints '    # [0-9]+ runs: .*' --format=ktap sweep.scn
check "a set in JSON" prints '.*"outcomes":\[\{"violations":\[\],.*"first":"line 8: fail .*' \
	--format=json sweep.scn
check "3 when the time limit ends a run" gives 3 --time-limit=0.3 long/hours.scn
check "1 when another fails beside it" gives 1 --time-limit=0.3 long/hours.scn bad.scn
check "1 when what was run until then is not as expected" gives 1 --time-limit=0.3 \
	<(sed "s/= 8192$/= 4096/" long/hours.scn)
check "0 when all is in time" gives 0 --time-limit=60 good.scn sweep.scn
check "the time limit is told" prints \
	'stop hours, .*: clean so far; not all steps tried: the time limit; [0-9]+ steps not reached' \
	--time-limit=0.3 long/hours.scn good.scn
check "and is of each scenario" prints 'ok   good, .*' --time-limit=0.3 long/hours.scn good.scn
check "and counted" prints '2 runs: 1 passed, 0 failed, 1 stopped' --time-limit=0.3 long/hours.scn good.scn
check "so it is in KTAP" prints 'not ok 1 hours' --time-limit=0.3 --format=ktap --kernel=v7.0 long/hours.scn
check "so it is in JUnit" prints ' +<failure message="the time limit">.*' \
	--time-limit=0.3 --format=junit --kernel=v7.0 long/hours.scn
check "so it is in JSON" prints '.*"outcome":"stopped",.*"stopped":"the time limit","untried":"steps".*' \
	--time-limit=0.3 --format=json long/hours.scn
check "of a set, the runs that were tried" prints \
	'stop long-sweep.*: ([0-9]+ runs?: .*|no run); not all runs tried: the time limit; [0-9]+ (was|were)' \
	--time-limit=0.3 long/sweep.scn good.scn
check "colours when asked for" prints $'\033\\[1mscenario good.*' --color=always good.scn
check "none in a pipe" lacks $'\033' good.scn
if has_terminal; then
	check "colours on a terminal" coloured xterm
	check "none on a dumb one" colours dumb
else
	skip "colours on a terminal" "no script, or no terminal"
	skip "none on a dumb one" "no script, or no terminal"
fi
if has_terminal; then
	slow "how many states there will be" forecast
else
	skip "how many states there will be" "no script, or no terminal"
fi
for columns in 20 60; do
	if has_terminal && command -v python3 >/dev/null; then
		check "what was done so far is cleared in $columns columns" clears $columns
	else
		skip "what was done so far is cleared in $columns columns" "no script, terminal or python3"
	fi
done
check "text fits 100 columns" narrow -v --all ./*.scn
check "the same bytes each time" same_each_time
check "what print writes is the same scenario" reads_back
skipped "KTAP has the plan, the variants and the skips" ktap_counts
if command -v python3 >/dev/null; then
	check "JSON has an object a line" valid_json
else
	skip "JSON has an object a line" "no python3"
fi
for what in releases fixes limits policies operations files handlers fields points bugs; do
	check "list $what" prints '.+' list $what
done
main=$(dirname "$luosim")/sim/cli/luosim-main.o
if [ -e "$main" ] && command -v nm >/dev/null; then
	check "main.c defines nothing but main()" only_main "$main"
else
	skip "main.c defines nothing but main()" "no object files, or no nm"
fi
with_git "--version says the commit" prints "luosim $(version_of "$top")" --version
with_git "a tarball says what it was made of" says_version 1.2.3-4-gabc tarball
with_git "inside of another repository it says no more than its version" says_version 0.1.0 within
with_git "with tags, the version is counted from the last" says_version '1.0.0-0-g[0-9a-f]{12}' tagged
check "--help names the manual page that is not installed" prints \
	".* See luosim\(1\): man -l $top/docs/luosim.1\." --help
cp "$luosim" elsewhere
command=(./elsewhere)
check "or the one that is" prints '.* See luosim\(1\)\.' --help
command=("$luosim")
check "--help" prints '  --policy=P .*' --help
done_testing
