#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Pictures of runs: well-formed whatever is in them, small, the same each time, and the one
# that is shown is what the program draws.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
scenarios=$(realpath "$srcdir/scenarios")
shown=$(realpath "$srcdir/docs/dup-token.svg")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

draw()
{
	"$luosim" --format=svg "$@" >picture.svg
}

well_formed()
{
	local f
	for f in "$@"; do
		"$luosim" --all --format=svg "$f" >picture.svg
		python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.parse("picture.svg").getroot()
if root.tag != "{http://www.w3.org/2000/svg}svg":
    print("no picture")
width = float(root.get("width"))
for text in root.iter("{http://www.w3.org/2000/svg}text"):
    x = text.get("x")
    if x and float(x) + 7.3 * len("".join(text.itertext())) > width:
        print("cut:", "".join(text.itertext()))' || echo "$f"
	done
}

as_shown()
{
	(cd "$scenarios" && "$luosim" --format=svg dup-token.scn) | grep -v '^<?luosim' |
		diff "$shown" -
	[ "$(stat -c %s "$shown")" -lt 30000 ] || echo "30 kB or more"
}

# Both claims, the restore and the one that is too much are ringed on the folio's bar, and the
# file that could not be retrieved is red.
tells()
{
	draw "$scenarios/dup-token.scn"
	[ "$(grep -c 'class="ring"' picture.svg)" = 4 ] || echo "not four rings"
	grep -q 'class="lost".*vm0 0xb: retrieve failed' picture.svg || echo "not red"
	grep -q 'class="baddot".*line 22' picture.svg || echo "not line 22"
}

folded()
{
	draw "$scenarios/thousand-sessions.scn"
	[ "$(stat -c %s picture.svg)" -lt 60000 ] || echo "60 kB or more"
	grep -qE '>[0-9]+ calls.* are not shown<' picture.svg || echo "nothing said of what is left out"
}

# What other programs say of it, where they are.
valid()
{
	"$luosim" --format=html odd.scn "$scenarios"/races/close-reboot.scn >runs.html
	"$luosim" compare --format=html odd.scn >compare.html
	"$luosim" explore --kernel v7.0 --sessions 1 --opens 1 --depth 6 --graph graph.html >explored
	draw odd.scn
	xmllint --noout picture.svg
	# SVG has styles of its own, which tidy does not know.
	tidy -q -e --drop-empty-elements no --fix-style-tags no ./*.html 2>&1 |
		grep -vF 'found <style> tag in <body>'
	return 0
}

# A page: tags end where they should, steps are JSON, nothing is fetched, and threads change nothing.
whole_page()
{
	"$luosim" --format=html "$@" >page.html
	"$luosim" --format=html -j2 "$@" | grep -v '^<header>' | cmp - <(grep -v '^<header>' page.html)
	[ "$(grep -c '<section data-race="1" data-verdict=' page.html)" = 3 ] || echo "not three verdicts"
	grep -oE '(src|href)="[^"]*"' page.html | grep -vxF 'href="data:,"'
	python3 - <<-'EOF'
		import html.parser, json
		class Page(html.parser.HTMLParser):
		    open, steps, data = [], [], False
		    def handle_starttag(self, tag, attrs):
		        if tag not in ("meta", "link", "input"):
		            self.open.append(tag)
		        self.data = ("type", "application/json") in attrs
		    def handle_startendtag(self, tag, attrs):
		        pass
		    def handle_endtag(self, tag):
		        if self.open.pop() != tag:
		            print("unbalanced", tag, self.getpos())
		    def handle_data(self, data):
		        if self.data:
		            self.steps.append(json.loads(data))
		        self.data = False
		page = Page()
		page.feed(open("page.html").read())
		if page.open:
		    print("left open:", page.open)
		# Of the race a run for each of its three verdicts.
		if len(page.steps) != 5 or [s["line"] for s in page.steps[0]["steps"]][-2:] != [22, 0]:
		    print("not the steps:", str(page.steps)[:400])
		restored = [o for o in page.steps[0]["objects"] if o.startswith("folio 0x6: restored")]
		if len(restored) == 0:
		    print("no state:", page.steps[0]["objects"])
	EOF
}

sed 's/guest/<\&'"'"'>]]/; s/"vm0"/"<x>\&\\x01"/' "$scenarios/dup-token.scn" >odd.scn
check "the picture in docs/ is what is drawn" as_shown
check "it tells what happened" tells
check "a thousand sessions are folded" folded
if command -v tidy xmllint >validators && [ "$(wc -l <validators)" = 2 ]; then
	check "HTML and SVG are valid" valid
else
	skip "HTML and SVG are valid" "no tidy, or no xmllint"
fi
if command -v python3 >/dev/null; then
	check "pictures are well-formed and cut no text" well_formed odd.scn \
		"$scenarios"/{three-kernels,dup-finish,failed-finish,process-exits}.scn \
		"$scenarios"/races/close-reboot.scn
	check "a page of runs is whole" whole_page odd.scn "$scenarios"/dup-finish.scn \
		"$scenarios"/races/close-reboot.scn
else
	skip "a page of runs is whole" "no python3"
	skip "pictures are well-formed and cut no text" "no python3"
fi
done_testing
