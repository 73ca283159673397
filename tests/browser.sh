#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The pages of runs, of compare and of explore in a real browser; skipped without one.
. "${srcdir:=.}/tests/tap.sh"

browser=${LUOSIM_BROWSER:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
if [ -z "$browser" ] || ! command -v python3 >/dev/null; then
	skip "pages in a browser" "no chromium, or no python3"
	done_testing
	exit
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
"$LUOSIM" --format=html "$srcdir"/scenarios/dup-token.scn "$srcdir"/scenarios/races/close-reboot.scn \
	>"$tmp/runs.html"
cat >"$tmp/twenty-files.scn" <<'EOF'
scenario twenty-files
kernel 1 v7.3
  open("/dev/liveupdate")     = dev
  create_session(dev, "vm0")  = vm0
  repeat i 1..20
    memfd_create("guest", 8K) = mem$i
    fill(mem$i, 0, 8K, $i)    = 8K
    preserve_fd(vm0, mem$i, $i) = 0
  end
  kexec()                     = 0
kernel 2
  open("/dev/liveupdate")     = dev
  retrieve_session(dev, "vm0") = vm0
  finish(vm0)                 = 0
expect clean
EOF
"$LUOSIM" --format=html "$srcdir"/scenarios/{dup-finish,three-kernels,limit-files}.scn \
	"$srcdir/scenarios/thousand-sessions.scn" "$tmp/twenty-files.scn" >"$tmp/wide.html"
"$LUOSIM" compare --format=html --policies=none,get-id "$srcdir"/scenarios/dup-{token,finish}.scn \
	>"$tmp/compare.html"
"$LUOSIM" explore --kernel v7.0 --sessions 1 --opens 1 --depth 6 --graph "$tmp/graph.html" >/dev/null
timeout 120 python3 "$srcdir/tests/browser.py" "$browser" "$tmp"
