#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim import makes a scenario of what strace saw: the one that is expected of the logs
# in tests/import, which runs with the results that they have.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$LUOSIM")
logs=("$srcdir/tests/import/first.strace" "$srcdir/tests/import/second.strace")

expected()
{
	"$LUOSIM" import --kernel v7.3 "${logs[@]}" | diff "$srcdir/tests/import/expected.scn" -
}

agrees()
{
	"$LUOSIM" -q "$srcdir/tests/import/expected.scn" >"$tmp/out" || cat "$tmp/out"
}

# A result that the log has otherwise is seen in the run.
notices()
{
	sed 's/EEXIST (File exists)/EBUSY (busy)/' "${logs[0]}" >"$tmp/other.strace"
	"$LUOSIM" import --kernel v7.3 "$tmp/other.strace" >"$tmp/other.scn"
	gives 1 "$tmp/other.scn"
}

# The steps of a scenario as strace would show its calls come back as the same steps.
round_trip()
{
	cat >"$tmp/x.strace" <<-'X'
		openat(AT_FDCWD, "/dev/liveupdate", O_RDWR) = 3
		ioctl(3, LIVEUPDATE_IOCTL_CREATE_SESSION, {size=72, name="s"} => {fd=4}) = 0
		memfd_create("m", MFD_ALLOW_SEALING) = 5
		fallocate(5, 0, 0, 8192) = 0
		fcntl(5, F_ADD_SEALS, F_SEAL_GROW|F_SEAL_SHRINK) = 0
		dup(5) = 6
		openat(AT_FDCWD, "/proc/self/fd/5", O_RDONLY) = 7
		ioctl(4, LIVEUPDATE_SESSION_PRESERVE_FD, {size=16, fd=5, token=1}) = 0
		ioctl(4, LIVEUPDATE_SESSION_PRESERVE_FD, {size=16, fd=7, token=2}) = -1 EBUSY (Device or resource busy)
	X
	cat >"$tmp/x.scn" <<-'X'
		scenario imported
		source   strace x.strace

		kernel 1 v7.3
		  open("/dev/liveupdate", O_RDWR) = dev
		  create_session(dev, "s") = s
		  memfd_create("m", 0, MFD_ALLOW_SEALING) = m
		  fallocate(m, 0, 8192, 0) = 0
		  add_seals(m, F_SEAL_GROW|F_SEAL_SHRINK) = 0
		  dup(m) = m_2
		  reopen(m, O_RDONLY) = m_3
		  preserve_fd(s, m, 1) = 0
		  preserve_fd(s, m_3, 2) = -EBUSY

		expect any
	X
	"$LUOSIM" import --kernel 7.3.4 "$tmp/x.strace" | sed 's/7\.3\.4$/v7.3/' | diff "$tmp/x.scn" -
	gives 0 "$tmp/x.scn"
}

# Whatever stands in a log, what comes out is a scenario.
any_input()
{
	local i
	for i in 1 2 3 4 5 6; do
		tr -d '\000' <"$LUOSIM" | tail -c +$((i * 30000)) | head -c 4000 >"$tmp/noise"
		sed "s/(\(.\{$i\}\)/(\1\"{/g" "${logs[0]}" >>"$tmp/noise"
		"$LUOSIM" import "$tmp/noise" >"$tmp/noise.scn" 2>"$tmp/err" ||
			{ echo "$i:"; head -n 3 "$tmp/err"; }
		"$LUOSIM" print "$tmp/noise.scn" >"$tmp/out" || echo "$i: does not parse"
	done
}

standard_input()
{
	"$LUOSIM" import "${logs[0]}" | sed '/^source/d' >"$tmp/named.scn"
	"$LUOSIM" import - <"${logs[0]}" | sed '/^source/d' | diff "$tmp/named.scn" -
}

check "the steps, results and comments that the logs make" expected
check "what is imported has the results of the log" agrees
check "another result in the log is noticed" notices
check "what a scenario's calls look like becomes that scenario" round_trip
check "noise makes comments, and a scenario that parses" any_input
check "standard input is as good as a file" standard_input
check "a file that is not there" gives 2 import "$tmp/none"
check "no file" gives 2 import
check "a release that is not known" gives 2 import --kernel v1.0 "${logs[0]}"
done_testing
