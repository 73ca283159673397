#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim compare: all scenarios under all policies and on all releases come out as
# tests/compare.expected has it, in every format. Where the model, a policy or a
# scenario changed, look at what differs, and if it is right:
#
#	(./luosim compare scenarios; ./luosim compare --releases=all scenarios) \
#		>tests/compare.expected
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
cd "$srcdir" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$luosim" compare)
few=(scenarios/dup-*.scn scenarios/name-*.scn scenarios/failed-preserve-thaws.scn)

# A scenario of hours and one of milliseconds, in each format.
late()
{
	local format=$1 want=$2
	cat >"$tmp/hours.scn" <<-'EOF'
	scenario hours
	kernel 1 v7.0
	  memfd_create("m", 4K) = m
	  repeat i 1..100000000
	    repeat j 1..100000000
	      lseek(m, 0) = 0
	    end
	  end
	EOF
	timeout 60 "$luosim" compare --time-limit=0.5 --policies=none --format="$format" \
		"$tmp/hours.scn" scenarios/name-empty.scn >"$tmp/out"
	[ $? -eq 3 ] || echo "exit status is not 3"
	grep -qE -- "$want" "$tmp/out" || cat "$tmp/out"
}

as_expected()
{
	("$luosim" compare scenarios; "$luosim" compare --releases=all scenarios) >"$tmp/matrix"
	diff tests/compare.expected "$tmp/matrix"
}

# Each cell of the matrices is a run that scenarios.sh makes as well.
whole_matrices()
{
	local what="all scenarios under all policies and on all releases"
	if quick; then
		skip "$what" "left to a run without QUICK"
		cp tests/compare.expected "$tmp/matrix"
	else
		check "$what" as_expected
	fi
}

narrow()
{
	awk 'length > 100' "$tmp/matrix"
}

same_each_time()
{
	local format
	for format in text markdown json html; do
		cmp <("$luosim" compare --format="$format" "${few[@]}") \
		    <("$luosim" compare --format="$format" "${few[@]}")
	done
}

# Reduce JSON to "v" by its grammar: strings to s, other scalars to v, then arrays
# and objects of these, innermost first.
is_json()
{
	sed -E 's/"([^"\\]|\\["\\\/bfnrt]|\\u[0-9a-f]{4})*"/s/g
		s/-?[0-9]+(\.[0-9]+)?|true|false|null/v/g
		:again
		s/\[([sv](,[sv])*)?\]|\{(s:[sv](,s:[sv])*)?\}/v/g
		t again' | grep -vxn v
}

valid_json()
{
	"$luosim" compare --format=json "${few[@]}" >"$tmp/json"
	[ "$(wc -l <"$tmp/json")" -eq 1 ] || echo "not one line"
	is_json <"$tmp/json"
	echo '{"a":[1,"x\"",{}],"b"}' | is_json >/dev/null || echo "the check sees no error"
}

# A row of Markdown has as many cells as the row of dashes above it.
valid_markdown()
{
	"$luosim" compare --format=markdown "${few[@]}" | awk '
	{ gsub(/\\\|/, "") }
	/^\|/ && !cells { cells = gsub(/\|/, "|"); rows = 0; next }
	/^\|/ { rows++; n = gsub(/\|/, "|"); if (n != cells) print NR ": " n " cells" }
	!/^\|/ { if (cells && rows < 2) print NR ": a table without rows"; cells = 0 }
	END { if (rows < 3) print "no table of totals" }'
}

# Tags are closed in the order in which they were opened; nothing is fetched.
valid_html()
{
	"$luosim" compare --format=html "${few[@]}" >"$tmp/html"
	sed '/^<style>/,/^<\/style>/d; /^<script/,/^<\/script>/d; /^<script.*<\/script>$/d' "$tmp/html" |
	grep -oE '</?[a-z0-9]+|<[^>]*<' | awk '
	/<.*</ { print "a tag in a tag: " $0; next }
	/^<(meta|link|input)$/ { next }
	/^<\// { if (open[depth--] != substr($0, 3)) print NR ": " $0 " does not match"; next }
	{ open[++depth] = substr($0, 2) }
	END { if (depth || NR < 100) print depth " tags open, " NR " tags" }'
	sed -n 's/^<script type="application\/json" id="data">\(.*\)<\/script>$/\1/p' "$tmp/html" |
		tee "$tmp/data" | is_json
	[ -s "$tmp/data" ] || echo "no traces"
	grep -nE '(src|href)="[^d]|https?://|@import|url\(' "$tmp/html"
	return 0
}

same_without_colours()
{
	diff <("$luosim" compare "${few[@]}") \
		<("$luosim" compare --color=always "${few[@]}" | sed 's/\x1b\[[0-9]*m//g')
	"$luosim" compare --color=always --policies=none scenarios/one-memfd.scn | grep -q $'\033\\[1mnone' ||
		echo "the heading is not bold"
}

# on_terminal TERM: a small matrix, as a terminal gets it
on_terminal()
{
	SHELL=/bin/sh script -qec "TERM=$1 NO_COLOR= $luosim compare --policies=none \
		scenarios/dup-token.scn" /dev/null </dev/null
}

coloured_on()
{
	on_terminal "$1" | grep -qF $'\033[31mdouble-restore:22' || echo "no colours"
}

# not_coloured COMMAND...: a small matrix goes to it
not_coloured()
{
	"$luosim" compare --policies=none scenarios/dup-token.scn | "$@" >"$tmp/out"
	grep -q double-restore "$tmp/out" || echo "no matrix"
	grep -F $'\033' "$tmp/out"
	return 0
}

# Three scenarios in two folders, of which one is the same in both columns and one is not
# as it expects; the page is read as a program does, and what is wrong is in files.
read_page()
{
	mkdir -p "$tmp/set/scenario of"
	cp scenarios/one-memfd.scn "$tmp/set/a.scn"
	cp scenarios/dup-token.scn "$tmp/set/z.scn"
	sed 's/= 25$/= 24/' scenarios/dup-token.scn >"$tmp/set/scenario of/wrong.scn"
	"$luosim" compare --format=html --policies=none,get-id "$tmp/set" >"$tmp/page"
	python3 - "$tmp" <<-'EOF'
		import html.parser, json, re, sys
		tmp = sys.argv[1]
		class Page(html.parser.HTMLParser):
		    bodies, inputs, data, inside = [], {}, "", False
		    def handle_starttag(self, tag, attrs):
		        attrs = dict(attrs)
		        self.inside = attrs.get("id") == "data"
		        if tag == "tbody":
		            self.bodies.append((attrs["class"], []))
		        elif tag == "tr" and self.bodies:
		            self.bodies[-1][1].append((attrs, []))
		        elif tag in ("th", "td") and self.bodies:
		            self.bodies[-1][1][-1][1].append([None, ""])
		        elif tag == "button" and self.bodies and "data-line" in attrs:
		            self.bodies[-1][1][-1][1][-1][0] = int(attrs["data-line"])
		        elif tag == "input":
		            self.inputs[attrs["id"]] = attrs
		    def handle_endtag(self, tag):
		        self.inside = False
		    def handle_data(self, text):
		        if self.inside:
		            self.data += text
		        elif self.bodies and self.bodies[-1][1] and self.bodies[-1][1][-1][1]:
		            self.bodies[-1][1][-1][1][-1][1] += text.strip()
		page = Page()
		page.feed(open(tmp + "/page").read())
		data = json.loads(page.data)

		first = open(tmp + "/first", "w")
		(kind, totals), *folders = page.bodies
		if kind != "totals" or not any(cells[0][1] == "broken" for _, cells in totals):
		    print("no totals on top", file=first)
		found = [(rows[0][1][0][1], [cells[0][1] for _, cells in rows[1:]])
		         for kind, rows in folders]
		wanted = [("./", ["one-memfd", "dup-token (z.scn)"]),
		          ("scenario of/", ["dup-token (scenario of/wrong.scn)"])]
		if found != wanted:
		    print("not by folder:", found, file=first)
		rows = [row for _, rows in folders for row in rows[1:]]
		for attrs, cells in rows:
		    if ("data-same" in attrs) != (len({text for _, text in cells[1:]}) == 1):
		        print(cells, "taken for what it is not", file=first)
		if "checked" not in page.inputs["differing"] or page.inputs["search"]["type"] != "search":
		    print("no search, or not only what differs", file=first)

		beside = open(tmp + "/beside", "w")
		tones = open(tmp + "/tones", "w")
		files = ["a.scn", "scenario of/wrong.scn", "z.scn"]
		marks, heads, bads, got = 0, 0, 0, []
		for attrs, cells in rows:
		    number = int(attrs["data-row"])
		    source = data["sources"][number]
		    if source != open(tmp + "/set/" + files[number]).read():
		        print(files[number], "has another source", file=beside)
		    for column, (line, text) in enumerate(cells[1:]):
		        run = data["runs"][number * 2 + column]
		        trace, verdict = ([data["lines"][i] for i in run[part]]
		                          for part in ("trace", "verdict"))
		        if not verdict[0][0].startswith("verdict: "):
		            print(files[number], "has no verdict on top:", verdict, file=beside)
		        for text, tone, of in trace:
		            call = re.match(r" *\d+  (\w+\()", text)
		            if call and (of < 1 or call[1] not in source.split("\n")[of - 1]):
		                print("not line", of, ":", text, file=beside)
		        marks += line > 0 and line in [of for _, _, of in trace]
		        for text, tone, _ in trace + verdict:
		            head = re.match(r"scenario \S+ .*, policy|kernel \d |verdict: ", text)
		            bad = re.match(r" *WARNING:", text) or ": got 25, expected 24" in text
		            heads += bool(head)
		            bads += bool(bad)
		            if (tone == "heading") != bool(head) or bad and tone != "bad":
		                print(tone, text, file=tones)
		if marks != 4:
		    print("marks of cells:", marks, file=beside)
		if heads < 10 or bads < 3:
		    print(heads, "headings,", bads, "bad lines", file=tones)
	EOF
}

# Only rows that differ are shown; the totals are those of all, and the rest is counted.
differing_rows()
{
	local format=$1 two=(scenarios/dup-token.scn scenarios/size-too-large.scn scenarios/name-*.scn)
	"$luosim" compare --format="$format" --policies=none,get-id "${two[@]}" >"$tmp/all"
	"$luosim" compare --format="$format" --policies=none,get-id --differ "${two[@]}" >"$tmp/differ"
	grep -qE '(double-restore:22|\*) .*EBUSY:14' "$tmp/differ" || echo "no row that differs"
	sed '/^    /d' "$tmp/differ" | grep -E 'size-too-large|name-|throughout'
	grep -qxF "$((${#two[@]} - 1)) of ${#two[@]} scenarios not shown, as all their cells are\
 the same; the totals count them" "$tmp/differ" || { echo "not counted"; cat "$tmp/differ"; }
	diff <(totals "$tmp/all") <(totals "$tmp/differ")
	[ "$(totals "$tmp/all" | wc -l)" -ge 5 ] || echo "no totals"
}

# The rows of the totals in FILE, without the blanks that align them.
totals()
{
	tr -s ' ' <"$1" | grep -E '^(\| )?(clean|refused|broken|claims at most|lookups|bytes per)[- |a-z]* [0-9-]'
}

# Each line of a run's trace is among the lines that the page can show.
traces_in_html()
{
	"$luosim" --line-numbers --policy=none scenarios/dup-token.scn >"$tmp/trace"
	sed 's/[\"]/\\&/g; s/</\\u003c/g; s/.*/"&"/' "$tmp/trace" | while IFS= read -r line; do
		grep -qF -- "$line" "$tmp/data" || echo "no $line"
	done
}

# The page says of each kind of cell what it means, and gives it a look of its own.
explained_kinds()
{
	local kind
	for kind in clean refused refused-alike refused-as-meant not-here broken stopped skipped; do
		grep -q "<span><b class=\"$kind\">" "$tmp/html" || echo "$kind is not explained"
		grep -q "^[^{]*\.$kind[ ,]" "$tmp/html" || echo "$kind has no style"
	done
}

# What a kernel cannot do and what is clean have numbers of their own.
counted_apart()
{
	local want
	case $1 in
	text) want='^not-here +1 ' ;;
	markdown) want='^\| not-here \| 1 \|' ;;
	json) want='"clean":0,.*"not-here":1,' ;;
	html) want='<th scope="row">not-here</th><td>1</td>' ;;
	esac
	"$luosim" compare --format="$1" --kernel=v6.19 --policies=none,get-id \
		"$(find scenarios -name flb-two-sessions.scn)" >"$tmp/apart"
	grep -qE "$want" "$tmp/apart" || { echo "no $want in:"; cat "$tmp/apart"; }
}

# What does not say its restore is one-shot, whatever the kernel heading has.
plugin_is_one_policy()
{
	local plain
	plain=$("$luosim" compare --policies="$tmp/p.so" "$refcount" | grep "^claims at most")
	[ -n "$plain" ] || echo "no totals"
	diff <(echo "$plain" | tr -s ' ') \
		<("$luosim" compare --policies="$tmp/p.so+restore=one-shot" "$refcount" |
			grep "^claims at most" | tr -s ' ')
	"$luosim" --policy="$tmp/p.so" "$refcount" >"$tmp/plain"
	"$luosim" --policy="$tmp/p.so,restore=one-shot" "$refcount" |
		sed 's/,restore=one-shot//' | diff "$tmp/plain" -
}

# The commands of docs/policies.md, where the build is.
documented_build()
{
	sed -n 's/^    \$ \(.*pkg-config\|export\)/\1/p' docs/policies.md >"$tmp/commands"
	[ "$(wc -l <"$tmp/commands")" -eq 2 ] || cat "$tmp/commands"
	mkdir -p "$tmp/tree"
	ln -sf "$PWD/docs" "$(dirname "$luosim")"/*.pc "$tmp/tree"
	(cd "$tmp/tree" && . "$tmp/commands") || return
	"$luosim" --policy="$tmp/tree/per-handler.so" scenarios/policies/scripted-same-id.scn >"$tmp/out"
	grep -q 'policy per-handler$' "$tmp/out" || cat "$tmp/out"
}

# The tenant is refused, and the owner, who comes later, is not.
by_owner()
{
	"$luosim" --policy="$tmp/owner.so" scenarios/policies/another-users-file.scn >"$tmp/out"
	grep -qE '^ +preserve_fd\(b, mem, 1\) += -EPERM$' "$tmp/out" &&
		grep -qE '^ +preserve_fd\(a, mem, 1\) += 0$' "$tmp/out" || cat "$tmp/out"
}

# crashes MESSAGE CODE COMMAND...: of a plugin with that code in key(), and status 2, in time.
crashes()
{
	local want=$1 code=$2 status command=$3
	shift 3
	cat >"$tmp/crash.c" <<-EOF
	#include <luosim.h>
	#include <stdlib.h>
	static bool key(const struct luosim_object *object, uint64_t *out)
	{
	$code
	return object && out;
	}
	const struct luosim_policy luosim_policy = { LUOSIM_POLICY_ABI, "crash", key };
	EOF
	$cc -w -O0 -shared -fPIC -Imodel -o "$tmp/crash.so" "$tmp/crash.c" || return
	timeout 60 "$luosim" "$command" --policy="$tmp/crash.so" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ "$status" -eq 2 ] || echo "exit status $status, expected 2"
	diff <(echo "luosim: policy $tmp/crash.so: $want") "$tmp/err"
}

# complains MESSAGE ARGUMENT...: status 2, nothing run, and that message.
complains()
{
	local want=$1 status
	shift
	"$luosim" compare "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ "$status" -eq 2 ] || echo "exit status $status, expected 2"
	[ ! -s "$tmp/out" ] || { echo "on standard output:"; cat "$tmp/out"; }
	diff <(echo "luosim: $want") "$tmp/err"
}

# The heading of this one says gate=pin, by which it leaks.
heading_axes_stay_out()
{
	local pin=scenarios/races/pin-close-fails.scn
	"$luosim" compare --policies=get-id,gate=pin,get-id+gate=pin "$pin" >"$tmp/pin"
	grep -qE "^pin-close-fails +clean +leak:end +leak:end$" "$tmp/pin" || cat "$tmp/pin"
	# A cell is what run makes of the same policy.
	"$luosim" --policy=get-id "$pin" >"$tmp/pin"
	grep -qE "^verdict: ([0-9]+) schedules: \1 clean;" "$tmp/pin" || tail -3 "$tmp/pin"
}

interrupted()
{
	# A job in the background would ignore the signal.
	env --default-signal=INT "$luosim" compare scenarios >"$tmp/out" 2>&1 &
	local pid=$!
	sleep 0.3
	kill -INT "$pid"
	wait "$pid"
	[ $? -eq 130 ] || echo "it was not ended by the signal"
	cat "$tmp/out"
}

same_as_all()
{
	cmp <("$luosim" compare --policies=all scenarios/dup-token.scn) \
		<("$luosim" compare scenarios/dup-token.scn)
}

# The same with another result expected, and with what is not expected behind what is.
sed 's/^scenario .*/scenario size/; 11s/= .*/= 0/' scenarios/size-too-large.scn >"$tmp/size.scn"
sed 's/^scenario .*/scenario size/; 11{p;s/= .*/= 0/}' scenarios/size-too-large.scn >"$tmp/later.scn"

whole_matrices
check "text fits 100 columns" narrow
check "the same bytes each time" same_each_time
check "JSON is one object" valid_json
check "Markdown has whole rows" valid_markdown
check "HTML is well formed and needs nothing else" valid_html
check "HTML has the traces" traces_in_html
check "HTML explains every kind of cell" explained_kinds
if command -v python3 >/dev/null; then
	check "HTML can be read by a program" read_page
	check "HTML begins with totals and what differs, by folder, and has a search" cat "$tmp/first"
	check "HTML has verdicts apart, and sources whose lines traces and cells name" cat "$tmp/beside"
	check "HTML has lines of traces as what they are, whatever they look like" cat "$tmp/tones"
else
	skip "HTML as a program reads it" "no python3"
fi
check "a refusal names errno and line" prints 'dup-token +double-restore:22 +EBUSY:14' \
	--policies=none,get-id scenarios/dup-token.scn
check "words of one policy are joined with +" prints 'dup-token +double-restore:22 +double-restore:22' \
	--policies=none,get-id+duplicate=accept scenarios/dup-token.scn
check "what all refuse is not clean" prints '1 refused as meant throughout: size-too-large EFBIG:11' \
	--policies=none,get-id scenarios/size-too-large.scn
check "what all refuse is counted apart" prints 'refused-as-meant +1 +1' \
	--policies=none,get-id scenarios/size-too-large.scn
check "what all refuse is not meant where the scenario says otherwise" \
	prints '1 refused alike throughout: size EFBIG:11' --policies=none,get-id "$tmp/size.scn"
check "what is not meant is told, not the meant refusal before it" \
	prints '1 refused alike throughout: size EFBIG:12' --policies=none,get-id "$tmp/later.scn"
check "what a kernel cannot do is not clean" prints 'flb-two-sessions +not-here:25 +not-here:25' \
	--kernel=v6.19 --policies=none,get-id "$(find scenarios -name flb-two-sessions.scn)"
for format in text markdown json html; do
	check "it is counted apart in $format" counted_apart "$format"
done
cc=${CC:-cc}
if $cc -shared -fPIC -Imodel -o "$tmp/p.so" docs/plugin/per-handler.c 2>"$tmp/err"; then
	refcount=scenarios/policies/refcount-then-not.scn
	check "a plugin's column has nothing of the heading's policy" plugin_is_one_policy
	check "a plugin that crashes is named, with its function and the step" crashes \
		"key() crashed with SIGSEGV, in scenarios/dup-token.scn:13: preserve_fd" \
		'*out = *(volatile int *)object->token;' run scenarios/dup-token.scn
	check "one that runs out of stack" crashes \
		"key() crashed with SIGSEGV, in scenarios/dup-token.scn:13: preserve_fd" \
		'volatile char big[4096]; big[0] = key(object, out); *out = big[0];' \
		run scenarios/dup-token.scn
	check "one that aborts, in several threads" crashes \
		"key() crashed with SIGABRT, in scenarios/dup-token.scn:13: preserve_fd" \
		'abort();' run -j2 scenarios/dup-token.scn
	check "one that crashes later" crashes \
		"key() crashed with SIGFPE, in scenarios/dup-token.scn:14: preserve_fd" \
		'static volatile int left = 2; *out = 100 / --left;' run scenarios/dup-token.scn
	check "one that crashes in a race" crashes \
		"key() crashed with SIGSEGV, in scenarios/races/preserve-frozen.scn:20: preserve_fd" \
		'if (object->token == 0xc) *(volatile int *)0 = 0;' run scenarios/races/preserve-frozen.scn
	check "one that crashes in a search" crashes "key() crashed with SIGSEGV, in preserve_fd" \
		'*(volatile int *)0 = 0;' explore --depth=3
	check "one that crashes while it is loaded" crashes "loading it crashed with SIGABRT" \
		'} __attribute__((constructor)) bool loaded(void) { void *object, *out; abort();' \
		run scenarios/dup-token.scn
	check "the build of a plugin that is documented works in a tree that is not installed" \
		documented_build
	if $cc -Wall -Wextra -Werror -shared -fPIC -Imodel -o "$tmp/owner.so" docs/plugin/by-owner.c; then
		check "a plugin may refuse by who asks" by_owner
	fi
	check "axes may follow a plugin" prints ' +restore=refcount' \
		--policies="$tmp/p.so+restore=refcount" "$refcount"
	for word in none share identity=file; do
		check "not $word behind a plugin" complains "--policies: '$word' after the plugin \
'$tmp/p.so', which says itself what is the same object, expected a value of another axis" \
			--policies="get-id,$tmp/p.so+$word" "$refcount"
	done
	check "the first bad word behind a plugin is told" complains \
		"--policies: unknown value of gate 'rwsen', expected perhaps 'rwsem'" \
		--policies="$tmp/p.so+restore=refcount+gate=rwsen" "$refcount"
	check "no empty word behind a plugin" complains \
		"--policies: empty word in a policy, expected a preset or AXIS=VALUE" \
		--policies="$tmp/p.so+" "$refcount"
else
	skip "a plugin's column" "no compiler"
fi
check "a mismatch is no error" gives 0 --policies=none scenarios/reopened-inode.scn
check "a named policy's column has nothing of the heading's axes" heading_axes_stay_out
for kernel in v7.0 v7.1 v7.2 v7.3; do
	check "--kernel=$kernel keeps the handlers of the scenario's row" prints \
		'iommufd-two-unrelated +clean +EBUSY:17 +EBUSY:17 +clean' --kernel=$kernel \
		--policies=none,reject-inode,inode-flag,get-id scenarios/policies/iommufd-two-unrelated.scn
done
check "it keeps what comes with a handler" prints '1 refused as meant throughout: guest-memfd-vm-closed ENOENT:15' --kernel=v7.3 \
	--policies=none,get-id scenarios/policies/guest-memfd-vm-closed.scn
check "no release across has handlers that it does not load" prints \
	'iommufd-two-unrelated +ENOENT:16 +clean' --releases=v7.3,next \
	scenarios/policies/iommufd-two-unrelated.scn
check "--kernel says on which release" prints '1 scenario, [0-9]+ policies, kernel v7.3' \
	--kernel=v7.3 scenarios/dup-token.scn
check "--without takes a fix from all columns" prints 'seals +exposed:19 \+1 +exposed:19 \+1' \
	--releases=v7.2,v7.3 --without=memfd-seals scenarios/seals.scn
check "2 when a scenario does not parse" gives 2 scenarios/dup-token.scn tests/bad/end-without-repeat.scn
check "2 when a directory holds no scenario" gives 2 docs
check "2 when a policy is unknown" gives 2 --policies=none,nobody scenarios/dup-token.scn
check "what takes longer than the time limit is stopped" late text '^hours +stopped$'
check "which is counted apart from clean" late text '^stopped +1$'
check "so it is in markdown" late markdown '^\| hours \| stopped \|$'
check "so it is in JSON" late json '"cell":"stopped","outcome":"stopped".*"stopped":1,'
check "so it is in HTML" late html '<button class="stopped"'
check "a plugin comes first" complains \
	"--policies: plugin './p.so' after another word, expected it first" \
	--policies=none+./p.so scenarios/dup-token.scn
check "an unknown axis is told" complains \
	"--policies: unknown axis 'scop', expected perhaps 'scope'" \
	--policies=get-id+scop=session scenarios/dup-token.scn
check "an empty name in a list is told" complains "empty name in a list of policies or releases, \
expected names joined by ',', or all" --policies=none,,get-id scenarios/dup-token.scn
check "a policy of too many words is told" complains "--policies: policy '$(printf '%s' none \
	,retrieve=latch{,,,,})' too long, expected fewer words" \
	--policies="none$(printf '+retrieve=latch%.0s' {1..5})" scenarios/dup-token.scn
check "--policies=all is what is compared without it" same_as_all
check "2 for a policy beside policies" gives 2 --policy=none --policies=get-id scenarios/dup-token.scn
check "2 for releases beside policies" gives 2 --policies=none --releases=all scenarios/dup-token.scn
check "colours: what is clean is green, what is broken red" prints \
	$'dup-token +\033\\[31mdouble-restore:22\033\\[0m .*' --color=always --policies=none,get-id \
	scenarios/dup-token.scn
check "colours are all that they add" same_without_colours
check "no colours in a pipe" not_coloured cat
if has_terminal; then
	check "colours on a terminal" coloured_on xterm
	check "none on a dumb one" not_coloured on_terminal dumb
else
	skip "colours on a terminal" "no script, or no terminal"
fi
check "an unknown --color is told" complains "unknown --color, expected auto, always or never" \
	--color=green scenarios/dup-token.scn
for format in text markdown; do
	check "--differ shows only rows that differ in $format, and counts all" differing_rows $format
done
check "--differ of one column shows no row" prints '1 of 1 scenarios not shown, .*' --differ \
	--policies=none scenarios/dup-token.scn
check "--differ is for what is read as it is" complains \
	"--differ with --format=json, expected text or markdown" --differ --format=json \
	scenarios/dup-token.scn
check "2 when a format is unknown" gives 2 --format=xml scenarios/dup-token.scn
check "Ctrl-C ends it without half a matrix" interrupted
done_testing
