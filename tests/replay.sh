#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What real kernels answered, against the model: all of core and random must
# agree; of extra and findings, the differences are those of extra.expected, which
# docs/fidelity.md explains. The recordings as scenarios hold what they expect.
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"

dir=$srcdir/tests/recordings
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

agrees()
{
	"$LUOSIM" replay "$1" > "$tmp/out" || cat "$tmp/out"
}

extra()
{
	"$LUOSIM" replay "$dir"/v*-extra.jsonl "$dir"/v7.3-findings.jsonl | diff "$dir/extra.expected" -
}

as_scenarios()
{
	"$LUOSIM" replay --to-scn "$tmp/scn" "$dir"/v*-core.jsonl "$dir"/v*-random.jsonl &&
		"$LUOSIM" -q "$tmp"/scn/*.scn
}

for kernel in v6.19 v7.1 v7.2 v7.3; do
	check "$kernel answers to the written cases are the model's" \
		agrees "$dir/$kernel-core.jsonl"
	check "$kernel answers to the random cases are the model's" \
		agrees "$dir/$kernel-random.jsonl"
done
check 'the machine-dependent cases differ as documented' extra
check 'the recordings hold as scenarios' as_scenarios
done_testing
