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

# What a log, from standard input, becomes
steps()
{
	cat >"$tmp/x.strace"
	"$LUOSIM" import "$tmp/x.strace" | sed -nE '/^  /p'
}

# strace -f -y: paths behind descriptors, calls in two parts; a child has descriptors of its own
several_processes()
{
	steps <<-'X' | diff - <(printf '  %s\n' 'open("/dev/liveupdate", O_RDWR) = dev' \
		'create_session(dev, "s") = s' '# close(3</dev/liveupdate>) = 0' \
		'memfd_create("m", 0, MFD_CLOEXEC) = m' 'ftruncate(m, 4096) = 0' \
		'preserve_fd(s, m, 0xa) = 0' 'finish(s) = -EINVAL' 'close(dev) = 0' \
		'reboot() = 0' '# other calls: 5')
		1234 openat(AT_FDCWD</root>, "/dev/liveupdate", O_RDWR) = 3</dev/liveupdate>
		1234 ioctl(3</dev/liveupdate>, LIVEUPDATE_IOCTL_CREATE_SESSION, {size=72, name="s"} => {fd=4<anon_inode:[luo]>}) = 0
		1234 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>
		1234 <... clone resumed>, child_tidptr=0x7f) = 1235
		1235 close(3</dev/liveupdate>) = 0
		1235 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3</etc/passwd>
		1234 memfd_create("m", MFD_CLOEXEC) = 5</memfd:m (deleted)>
		1234 ftruncate(5</memfd:m (deleted)>, 4096 <unfinished ...>
		1235 read(3</etc/passwd>, "root", 4) = 4
		1234 <... ftruncate resumed>) = 0
		1235 +++ exited with 0 +++
		1234 ioctl(4<anon_inode:[luo]>, LIVEUPDATE_SESSION_PRESERVE_FD, {size=16, fd=5</memfd:m (deleted)>, token=0xa}) = 0
		1234 ioctl(4<anon_inode:[luo]>, LIVEUPDATE_SESSION_FINISH, {size=8}) = -1 EINVAL (Invalid argument)
		1234 close(3</dev/liveupdate>) = 0
		1234 openat(AT_FDCWD, "/tmp/x", O_RDONLY) = 3</tmp/x>
		1234 read(3</tmp/x>, "x", 1) = 1
		1234 reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC
	X
}

# strace -X raw and -X verbose, and a call on a session that strace did not see made
raw_numbers()
{
	steps <<-'X' | diff - <(printf '  %s\n' 'open("/dev/liveupdate", 0x2) = dev' \
		'# ioctl(0x4, 0xba40, 0x7ffe) = -1 EBUSY (Device or resource busy)' \
		'memfd_create("m", 0, 0x1) = m' 'ftruncate(m, 0x1000) = 0' 'reboot() = 0')
		openat(-100 /* AT_FDCWD */, "/dev/liveupdate", 0x2 /* O_RDWR */) = 0x3
		ioctl(0x4, 0xba40, 0x7ffe) = -1 EBUSY (Device or resource busy)
		memfd_create("m", 0x1 /* MFD_CLOEXEC */) = 0x5
		ftruncate(0x5, 0x1000) = 0
		reboot(0xfee1dead, 0x28121969, 0x45584543 <unfinished ...>
	X
}

no_strace()
{
	echo 'nothing of the kind' >"$tmp/x.strace"
	gives 2 import "$tmp/x.strace"
	grep -q 'x.strace: no system call in it, expected what strace has written$' "$tmp/err" ||
		cat "$tmp/err"
}

many_alike()
{
	seq 60000 | sed 's/.*/memfd_create("a", 0) = &/' >"$tmp/x.strace"
	timeout 20 "$LUOSIM" import "$tmp/x.strace" >"$tmp/out"
	grep -q ' = a_60000$' "$tmp/out" || tail -n 3 "$tmp/out"
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
check "several processes, paths, calls in two parts, and a reboot that ends it" several_processes
check "strace -X" raw_numbers
check "what strace has not written is told" no_strace
check "60000 files of one name" many_alike
check "standard input is as good as a file" standard_input
check "a file that is not there" gives 2 import "$tmp/none"
check "no file" gives 2 import
check "a release that is not known" gives 2 import --kernel v1.0 "${logs[0]}"
done_testing
