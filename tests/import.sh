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

# strace was killed while it wrote.
ends_anywhere()
{
	local at size
	size=$(wc -c <"${logs[0]}")
	for ((at = size / 10; at < size; at += size / 41)); do
		head -c "$at" "${logs[0]}" | "$LUOSIM" import - >"$tmp/cut.scn" || echo "$at bytes"
		"$LUOSIM" print "$tmp/cut.scn" >"$tmp/out" || echo "$at bytes: what was made of it"
	done
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
		'get_name(s) = "s"' 'reboot() = 0' '# other calls: 6')
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
		1234 openat(AT_FDCWD, "/tmp/y", O_RDONLY) = 5</tmp/y>
		1234 ioctl(4<anon_inode:[luo_session] a, "b<c 1:2>(>, LIVEUPDATE_SESSION_GET_NAME, {size=72, name="s"}) = 0
		1234 reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC
	X
}

# strace -X raw and -X verbose, and a call on a session that strace did not see made
raw_numbers()
{
	local ioctl='ioctl(0x4, 0xba40, 0x7ffe) = -1 EBUSY (Device or resource busy)'
	steps <<-'X' | diff - <(printf '  %s\n' 'open("/dev/liveupdate", O_RDWR) = dev' \
		"# LIVEUPDATE_SESSION_PRESERVE_FD, of which strace shows an address: $ioctl" \
		'memfd_create("m", 0, MFD_CLOEXEC) = m' 'memfd_create("x", 0, 0x8) = x' \
		'dup(m) = m_2' 'add_seals(m, 0x1) = 0' 'dup(m) = m_3' \
		'write(m, "0x1 /* A */") = 11' 'ftruncate(m, 0x1000) = 0' 'reboot() = 0')
		openat(-100 /* AT_FDCWD */, "/dev/liveupdate", 0x2 /* O_RDWR */) = 0x3
		ioctl(0x4, 0xba40, 0x7ffe) = -1 EBUSY (Device or resource busy)
		memfd_create("m", 0x1 /* MFD_CLOEXEC */) = 0x5
		memfd_create("x", 0x8 /* MFD_??? */) = 0x6
		fcntl(0x5, 0x406 /* F_DUPFD_CLOEXEC */, 30) = 0x1e
		fcntl(0x5, 0x409, 0x1) = 0
		fcntl(0x5, 0, 0x1f) = 0x1f
		write(0x5, "0x1 /* A */", 11) = 11
		ftruncate(0x5, 0x1000) = 0
		reboot(0xfee1dead, 0x28121969, 0x45584543 <unfinished ...>
	X
}

# Copies of a descriptor, by whatever call, also in other processes: a name is closed with the
# last of them.
copies()
{
	steps <<-'X' | diff - <(printf '  %s\n' 'memfd_create("m", 0, MFD_CLOEXEC) = m' \
		'memfd_create("n", 0, MFD_HUGETLB|0x54000000) = n' 'dup(m) = m_2' 'dup(m) = m_3' \
		'dup(m) = m_4' '# dup2(3, 3) = 3' '# dup2(3, 9999) = -1 EBADF (Bad file descriptor)' \
		'close(m_2) = 0' 'dup(n) = n_2' 'reopen(m, O_RDONLY) = m_5' 'reopen(m, O_RDONLY) = m_6' \
		'reopen(m, O_RDONLY) = m_7' 'lseek(m, 4096) = 4096' 'write(m, "thread") = 6' \
		'# close(3) = 0' 'write(m_3, "child") = 5' 'memfd_create("own", 0, 0) = own' \
		'close(m_3) = 0' 'close(m_4) = 0' 'close(own) = 0' 'close(n_2) = 0' '# close(4) = 0' \
		'write(n, "child") = 5' 'close(n) = 0' 'close(m) = 0' 'close(m_5) = 0' \
		'close(m_6) = 0' 'close(m_7) = 0' '# other calls: 12')
		1 memfd_create("m", MFD_CLOEXEC) = 3
		1 memfd_create("n", MFD_HUGETLB|21<<MFD_HUGE_SHIFT) = 4
		1 dup2(3, 20) = 20
		1 dup3(3, 21, O_CLOEXEC) = 21
		1 fcntl(3, F_DUPFD, 22) = 22
		1 dup2(3, 3) = 3
		1 dup2(3, 9999) = -1 EBADF (Bad file descriptor)
		1 dup2(4, 20) = 20
		1 openat(AT_FDCWD, "/proc/self/fd/3", O_RDONLY) = 5
		1 openat(AT_FDCWD, "/proc/1/fd/3", O_RDONLY) = 6
		1 openat(AT_FDCWD, "/dev/fd/3", O_RDONLY) = 7
		1 lseek(3, 0, SEEK_END) = 4096
		1 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, stack=0x7f} => {parent_tid=[2]}, 88) = 2
		2 write(3, "thread", 6) = 6
		2 exit(0) = ?
		1 clone(child_stack=NULL, flags=SIGCHLD) = 3
		3 close(3) = 0
		3 write(21, "child", 5) = 5
		3 memfd_create("own", 0) = 8
		1 close_range(20, 4294967295, 0) = 0
		3 execve("/bin/x", ["x"], 0x7f /* 41 vars */) = 0
		3 close_range(22, 22, 0) = 0
		3 exit_group(3) = ?
		3 +++ exited with 3 +++
		1 fork() = 4
		1 sendmsg(9, {msg_name=NULL, msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[4]}], msg_flags=0}, 0) = 1
		1 close(4) = 0
		4 exit_group(0) = ?
		5 recvmsg(9, {msg_name=NULL, msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[13]}], msg_flags=0}, MSG_CMSG_CLOEXEC) = 1
		5 write(13, "child", 5) = 5
		5 close(13) = 0
		1 exit_group(0) = ?
	X
}

# A name that is cut off, a process that is killed, kexec_load(2), errors without a step.
odd_ends()
{
	steps <<-'X' | diff - <(printf '  %s\n' 'open("/dev/liveupdate", O_RDWR) = -ENOENT' \
		'open("/dev/liveupdate", O_RDWR|O_NONBLOCK) = dev' 'create_session(dev, "s") = s' \
		'memfd_create("verylong", 0, MFD_CLOEXEC) = verylong' \
		'preserve_fd(s, verylong, 1) = 0' 'preserve_fd(s, -1, 18446744073709551615) = -EBADF' \
		'# ioctl(4, LIVEUPDATE_SESSION_FINISH, {size=8}) = ? ERESTARTSYS (To be restarted)' \
		'# lseek(5, 0, SEEK_HOLE) = -1 ENXIO (No such device or address)' \
		'kexec_load(segments) = -EBUSY' 'kexec_unload() = 0' 'close(dev) = 0' 'close(s) = 0' \
		'close(verylong) = 0' '# other calls: 1')
		7 openat(AT_FDCWD, "/dev/liveupdate", O_RDWR) = -1 ENOENT (No such file or directory)
		7 openat(AT_FDCWD, "/dev/liveupdate", O_RDWR|O_NONBLOCK) = 3
		7 ioctl(3, LIVEUPDATE_IOCTL_CREATE_SESSION, {size=72, name="s"} => {fd=4}) = 0
		7 memfd_create("verylong"..., MFD_CLOEXEC) = 5
		7 ioctl(4, LIVEUPDATE_SESSION_PRESERVE_FD, {size=16, fd=5, token=1}) = 0
		7 ioctl(4, LIVEUPDATE_SESSION_PRESERVE_FD, {size=16, fd=-1, token=18446744073709551615}) = -1 EBADF (Bad)
		7 ioctl(4, LIVEUPDATE_SESSION_FINISH, {size=8}) = ? ERESTARTSYS (To be restarted)
		7 lseek(5, 0, SEEK_HOLE) = -1 ENXIO (No such device or address)
		7 kexec_load(0x100000, 3, [{buf=0x1}], KEXEC_ARCH_DEFAULT) = -1 EBUSY (Device or resource busy)
		7 kexec_load(NULL, 0, NULL, KEXEC_ARCH_DEFAULT) = 0
		7 --- SIGKILL {si_signo=SIGKILL, si_code=SI_USER, si_pid=7, si_uid=0} ---
		7 +++ killed by SIGKILL +++
	X
}

# What a program writes, and how long it is.
strings()
{
	local long
	long=$(head -c 1200000 /dev/zero | tr '\0' a)
	steps <<-X | diff - <(printf '  %s\n' 'memfd_create("m", 0, 0) = m' \
		'write(m, "<unfinished ...>") = 16' 'write(m, "<... write resumed>) = 1") = 23' \
		'write(m, "ab" "\x00"*20 "c" "a"*16) = 39' 'read(m, 0, 17) = "\x00"*17' \
		"# write(3, \"${long:0:389}... (1199632 bytes more)" \
		'# ioctl(4, LIVEUPDATE_SESSION_GET_NAME, {size=72, name="cut"...}) = 0')
		memfd_create("m", 0) = 3
		write(3, "<unfinished ...>", 16) = 16
		write(3, "<... write resumed>) = 1", 23) = 23
		write(3, "ab$(printf '\\0%.0s' {1..20})caaaaaaaaaaaaaaaa", 39) = 39
		pread64(3, "$(printf '\\0%.0s' {1..17})", 17, 0) = 17
		write(3, "$long", 1200000) = 1200000
		ioctl(4, LIVEUPDATE_SESSION_GET_NAME, {size=72, name="cut"...}) = 0
	X
	{ echo 'memfd_create("m", 0) = 3'
	  for _ in 1 2 3 4 5 6; do
		echo "write(3, \"$(head -c 900000 /dev/zero | sed 's/\x00/ab/g' | head -c 900000)\", 900000) = 900000"
	  done; } >"$tmp/x.strace"
	gives 2 import "$tmp/x.strace"
	grep -q 'the scenario has 5400.* bytes, expected at most 4194304; with a smaller -s, ' "$tmp/err" ||
		cat "$tmp/err"
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
check "a log that ends anywhere" ends_anywhere
check "several processes, paths, calls in two parts, and a reboot that ends it" several_processes
check "strace -X" raw_numbers
check "copies of descriptors, threads, children, messages, exec and exit" copies
check "a name cut off, a process killed, kexec_load()" odd_ends
check "strings that look like strace's words, that repeat, and that are too long" strings
check "what strace has not written is told" no_strace
check "60000 files of one name" many_alike
check "standard input is as good as a file" standard_input
check "a file that is not there" gives 2 import "$tmp/none"
check "no file" gives 2 import
check "a release that is not known" gives 2 import --kernel v1.0 "${logs[0]}"
done_testing
