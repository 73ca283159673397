#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim vm --record on LUOSIM_VM_KERNEL, a bzImage of 7.3.4: the recordings in
# tests/recordings come again. EACH=1 in the environment takes all of their cases, not a few.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}" "${LUOSIM_VM_KERNEL:=}" "${EACH:=20}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
recordings=$srcdir/tests/recordings
if [ -z "$LUOSIM_VM_KERNEL" ] || ! command -v python3 >/dev/null; then
	skip "recordings of a real kernel" "no LUOSIM_VM_KERNEL, or no python3"
	done_testing
fi

# FILE: the case of each so many-th recording, as it was: an operation has its line
cases()
{
	python3 - "$1" "$tmp/cases" "$EACH" "$recordings/cases" <<-'EOF'
		import json, os, shutil, sys
		path, folder, each, given = sys.argv[1:]
		for line in open(path).readlines()[int(each) // 2::int(each)]:
		    recording = json.loads(line)
		    name = recording["case"] + ".case"
		    if os.path.exists(os.path.join(given, name)):
		        shutil.copy(os.path.join(given, name), folder)
		        continue
		    lines = [""] * max(op["line"] for op in recording["ops"])
		    for op in recording["ops"]:
		        lines[op["line"] - 1] = op["op"]
		    if recording["panic_on_warn"]:
		        lines.append("#! panic_on_warn")
		    open(os.path.join(folder, name), "w").write("\n".join(lines) + "\n")
	EOF
}

# FILE: what is not as in its recordings
differences()
{
	python3 - "$1" "$tmp/recorded" <<-'EOF'
		import json, sys
		there = {r["case"]: r for r in map(json.loads, open(sys.argv[1]))}
		machine = "meminfo",        # how much memory there is
		for new in map(json.loads, open(sys.argv[2])):
		    old = there[new["case"]]
		    def differ(what, a, b):
		        if a != b:
		            print(new["case"], what, "is", a, "and was", b)
		    for key in "release", "end", "panic", "panic_on_warn":
		        differ(key, new[key], old[key])
		    differ("boot log", [s["boot_log"] for s in new["stages"]],
		           [s["boot_log"] for s in old["stages"]])
		    differ("number of operations", len(new["ops"]), len(old["ops"]))
		    for a, b in zip(new["ops"], old["ops"]):
		        for key in b:
		            if key != "data" or a["op"].split()[0] not in machine:
		                differ("%s: %s" % (a["op"], key), a[key], b[key])
	EOF
}

# FILE LEAST: of so many cases at least
come_again()
{
	local made
	rm -rf "$tmp/cases" && mkdir "$tmp/cases"
	cases "$1"
	made=("$tmp"/cases/*.case)
	nice "$LUOSIM" vm -q -j2 --timeout 120 --kernel "$LUOSIM_VM_KERNEL" \
		--record "$tmp/recorded" "${made[@]}" >"$tmp/out" 2>&1 || cat "$tmp/out"
	[ "$(wc -l <"$tmp/recorded")" -eq "${#made[@]}" ] || cat "$tmp/out"
	[ "${#made[@]}" -ge "$2" ] || echo "only ${#made[@]} cases"
	differences "$1"
}

check "recordings of 7.3.4 come again" come_again "$recordings/v7.3-core.jsonl" 9
check "random ones, too" come_again "$recordings/v7.3-random.jsonl" 5
done_testing
