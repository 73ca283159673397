#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What makes a report one to cite: it says of what it is, and from wherever it is made it
# has the same bytes.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
top=$(realpath "$srcdir")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$luosim")
version=$("$luosim" --version)

cd "$tmp" || exit 1
mkdir -p set/below "set/odd name"
cp "$top/scenarios/dup-token.scn" set
cp "$top/scenarios/dup-finish.scn" set/below
sed 's/= 25$/= 24/' set/dup-token.scn >"set/odd name/wrong.scn"
digest=$(sha256sum <set/dup-token.scn | cut -c1-12)

# same_from_everywhere COMMAND...: of the set, from two directories and by an absolute path
same_from_everywhere()
{
	"$luosim" "$@" set >first
	(cd set/below && "$luosim" "$@" ../../set) | cmp first -
	(cd set && "$luosim" "$@" .) | cmp first -
	(cd / && "$luosim" "$@" "$tmp/set") | cmp first -
	[ -s first ] || echo "nothing"
}

# of_what COMMAND...: version, command line and digest are told.
of_what()
{
	"$luosim" "$@" set/dup-token.scn >out 2>err
	sed 's/&apos;/'"'"'/g; s/\\"/"/g' out >plain
	grep -qF -- "${version#luosim }" plain || echo "no version"
	grep -qF -- "luosim $* dup-token.scn" plain || echo "no command line"
	grep -qF -- "$digest" plain || echo "no digest"
}

# The number before each call is that of its line.
numbered()
{
	"$luosim" --line-numbers set/dup-token.scn |
		sed -nE 's/^ *([0-9]+)  ([a-z_]+\().*/\1 \2/p' | while read -r line call; do
		sed -n "${line}p" set/dup-token.scn | grep -qF "$call" || echo "$line: no $call"
		echo "$line" >>numbered
	done
	[ "$(wc -l <numbered)" -ge 10 ] || echo "too few"
}

# What a cell points at is a numbered line of the trace below it.
points_at()
{
	"$luosim" compare --format=html --policies=none set/dup-token.scn >page
	grep -qF 'double-restore:22</button>' page || echo "no cell"
	grep -qF '"22  retrieve_fd(vm0, 0xb)' page || echo "no line 22"
}

# Of three files, one does not parse: the others run, and it is told.
keeps_going()
{
	"$luosim" --format="$1" broken >out 2>err
	[ $? -eq 2 ] || echo "not exit status 2"
	grep -q '^broken/b.scn:2:1: ' err || cat err
	grep -qE "$2" out || cat out
	[ "$(grep -cE "$3" out)" -eq 2 ] || { echo "not two runs"; cat out; }
}

stops()
{
	"$luosim" "$@" >out 2>err
	[ $? -eq 2 ] || echo "not exit status 2"
	cat out
}

valid_junit()
{
	"$luosim" --format=junit set broken >out 2>err
	python3 -c '
import sys, xml.etree.ElementTree as tree
suites = list(tree.parse("out").getroot())[1:]
for suite in suites:
    for kind, tag in ("tests", "testcase"), ("failures", "testcase/failure"), \
                     ("skipped", "testcase/skipped"), ("errors", "testcase/error"):
        if int(suite.get(kind)) != len(suite.findall(tag)):
            print(suite.get("name"), "has not so many", kind)
print(*("%s/%s" % (case.get("classname"), (list(case) or [case])[0].tag)
        for suite in suites for case in suite), sep="\n")' | sort | uniq -c | tr -s ' ' >cases
	grep -q ' set/odd name/wrong.scn/failure$' cases && grep -q ' 1 broken/b.scn/error$' cases &&
		grep -q ' set/below/dup-finish.scn/testcase$' cases || cat cases err
	grep -qF 'got 25, expected 24' out || echo "no trace"
}

# It takes two changes to cure this.
cat >two <<'END'
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

# JSON of all commands, which together has whatever their JSON can have.
write_json()
{
	local some=(faults/any-close faults/later-page-fails races/seek-read races/two-reboots
		    races/exit-create dup-token-panic failed-preserve-thaws)
	(cd "$top/scenarios" && "$luosim" --format=json "${some[@]/%/.scn}" >"$tmp/run.json"
		"$luosim" --format=json -vv dup-token-panic.scn >"$tmp/state.json"
		"$luosim" --format=json --max-states=2 races/seek-read.scn >"$tmp/stopped.json"
		"$luosim" compare --format=json --policies=none,get-id dup-*.scn >"$tmp/compare.json"
		"$luosim" compare --format=json --releases=v7.0,v7.1 dup-token.scn >"$tmp/across.json"
		"$luosim" explain --format=json dup-token.scn >"$tmp/explain.json")
	"$luosim" explain --format=json --kernel=v7.3 --policy=none --without=memfd-seals two >two.json
	"$luosim" --format=json broken >unreadable.json
	"$luosim" --format=json --kernel=next set "$top/scenarios/one-memfd.scn" >skipped.json
	"$luosim" explore --format=json --policies=none --depth=6 >explore.json
	"$luosim" explore --format=json --reduced --policies=none --audit=1 >audit.json
	"$luosim" explore --format=json --estimate --depth=6 >estimate.json
	[ ! -e "$(dirname "$luosim")/.libs/luosim-mpi.so" ] || OMPI_MCA_rmaps_base_oversubscribe=1 \
		OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -n 2 \
		"$luosim" explore --format=json --depth=3 >ranks.json 2>/dev/null
	"$luosim" explore --format=json --random --runs=20 --depth=6 >random.json
	"$luosim" match --format=json "$top/tests/match/two-tokens-panic-on-warn.log" >match.json
} 2>err

# Each line is valid; what the schema names comes up; what is wrong is found out.
of_schema()
{
	python3 - "$top/docs/luosim.schema.json" ./*.json <<-'EOF'
		import copy, json, os, sys, jsonschema
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft202012Validator.check_schema(schema)
		valid = jsonschema.Draft202012Validator(schema).is_valid
		examples, members, kinds = {}, set(), set()

		def look(value):
		    if isinstance(value, dict):
		        members.update(value)
		    for below in value.values() if isinstance(value, dict) else value:
		        if isinstance(below, (dict, list)):
		            look(below)

		def shape(value):
		    if isinstance(value, dict):
		        return {name: shape(below) for name, below in value.items() if name != "facts"}
		    return [shape(below) for below in value] if isinstance(value, list) else type(value)

		for path in sys.argv[2:]:
		    for line in open(path):
		        value = json.loads(line)
		        look(value)
		        kind = (path, value.get("type"), str(shape(value)))
		        if kind in examples:
		            continue
		        examples[kind] = value
		        if not valid(value):
		            print(path, "is not as the schema has it:", line[:400])
		        if ("luosim" in value) != (value.get("type") in (None, "plan", "search", "estimate")):
		            print(path, "does not say the version:", line[:400])

		def named(part):
		    if isinstance(part, dict):
		        yield from part.get("properties", {})
		    for below in part.values() if isinstance(part, dict) else part:
		        if isinstance(below, (dict, list)):
		            yield from named(below)

		never = set(named(schema)) - members
		if not os.path.exists("ranks.json"):
		    never -= {"ranks", "messages", "bytes_sent"}
		if never:
		    print("in no output:", sorted(never))
		first = {}
		for (path, kind, _), value in examples.items():
		    first.setdefault((kind, path if kind is None else None), value)
		for value in first.values():
		    wrong = [{**value, "new": 1}]
		    wrong += [{**value, name: None} for name in value]
		    if "luosim" in value:
		        wrong.append({name: value[name] for name in value if name != "luosim"})
		    for other in wrong:
		        if valid(other):
		            print("taken for valid:", str(other)[:400])
		if len(first) < 20:
		    print("only", len(first), "kinds of lines")
	EOF
}

mkdir broken
cp set/dup-token.scn broken/a.scn
printf '# <&>\nkernle 1\n' >broken/b.scn
cp set/below/dup-finish.scn broken/c.scn

same_matrix_with_jobs()
{
	"$luosim" compare "$@" set "$top"/scenarios/dup-*.scn >one
	"$luosim" compare "$@" -j4 set "$top"/scenarios/dup-*.scn | cmp one -
	"$luosim" compare -j 3 "$@" set "$top"/scenarios/dup-*.scn | cmp one -
	[ "$(wc -c <one)" -gt 400 ] || cat one
}

# The same comes out of several threads, and of one.
same_with_jobs()
{
	"$luosim" "$@" set broken "$top/scenarios/policies" >one 2>&1
	"$luosim" "$@" -j4 set broken "$top/scenarios/policies" >four 2>&1
	"$luosim" "$@" -j 3 set broken "$top/scenarios/policies" 2>&1 | cmp four -
	cmp one four
	[ "$(wc -c <one)" -gt 400 ] || cat one
}

for options in --header -v\ --header --format=ktap --format=json "compare --header" \
	"compare --format=markdown" "compare --format=html" "compare --format=json" \
	"explain --header" "explain --format=json" "--kernel=v7.1 --header"; do
	# shellcheck disable=SC2086 # a command and its options
	check "$options: says which luosim, command line and scenario" of_what $options
done
for options in --header --format=ktap --format=json "compare --header" \
	"compare --format=markdown" "compare --format=html" "compare --format=json"; do
	# shellcheck disable=SC2086
	check "$options: the same bytes from everywhere" same_from_everywhere $options
done
check "without --header, files are as they were given" prints \
	'set/odd name/wrong.scn:12: write.*' "set/odd name/wrong.scn"
check "a word of the command line is quoted that has to be" prints \
	"command: luosim --header --policy=none 'odd name/wrong.scn' dup-token.scn" \
	--header --policy=none "set/odd name/wrong.scn" set/dup-token.scn
cp set/dup-token.scn none
check "a value that is called as the file is stays" prints \
	'command: luosim --policy none --header none' --policy none --header none
check "scenarios of one name are told apart by their paths" prints \
	'ok   dup-token \(dup-token.scn\), kernel v7.0, policy none: double-restore' set
check "others need none" prints 'ok   dup-finish, kernel .*' set
check "so they are in a matrix" prints '\| dup-token \(odd name/wrong.scn\) \|.*' \
	compare --format=markdown set
check "--line-numbers tells the line of each call" numbered
check "what a cell of compare's page points at is in its trace" points_at
check "KTAP: what does not parse is not ok, the others run" keeps_going ktap \
	'^not ok 3 b.scn$' '^ok [12] '
check "KTAP: it says why" keeps_going ktap '^# b.scn:2:1: ' '^ok [12] '
check "JUnit: likewise" keeps_going junit '<error message="does not parse">b.scn:2:1: ' '<testsuite name="dup'
check "JSON: likewise" keeps_going json '"type":"unreadable","file":"b.scn","text":"b.scn:2:1: ' \
	'"type":"verdict"'
check "text: likewise" keeps_going text '2 runs: 2 passed, 0 failed; 1 file not read' '^ok '
check "--no-keep-going runs nothing then" stops -S broken
check "nor does a single file" stops --format=ktap broken/b.scn
check "unless with --keep-going" prints 'not ok 1 b.scn' -k --format=ktap broken/b.scn
if command -v python3 >/dev/null; then
	check "JUnit is well formed, counts right and has the traces of failures" valid_junit
else
	skip "JUnit is well formed, counts right and has the traces of failures" "no python3"
fi
if command -v python3 >/dev/null && python3 -c 'import jsonschema' 2>err; then
	check "JSON of all commands for the schema" write_json
	check "JSON is as the schema has it, with the version, and nothing else would be" of_schema
else
	skip "JSON is as the schema has it" "no python3 with jsonschema"
fi
for format in text ktap junit json; do
	check "-j4 and -j 3: the same bytes of $format" same_with_jobs -v --header --format=$format
done
for format in text html json; do
	check "-j4 and -j 3: the same bytes of compare's $format" \
		same_matrix_with_jobs --header --format=$format
done
check "2 for no thread at all" gives 2 -j0 set
check "--only runs what is called so" prints 'scenario dup-finish, .*' --only='dup-f*' set
check "--only may come again" prints '3 runs: 2 passed, 1 failed' \
	--only=dup-finish --only='*token' --header set
check "compare --only likewise" prints '1 scenario, .*' compare --only='*finish' set
check "2 when nothing is called so" gives 2 --only=nobody set
done_testing
