#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim vm: scenarios on a real kernel. What a kernel is told, what its serial console says,
# and what comes of that: from consoles of a real 7.3.4 in tests/vm/. With LUOSIM_VM_KERNEL,
# a bzImage of that release, machines are booted, too.
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source=tests/tap.sh
. "${srcdir:=.}/tests/tap.sh"
: "${LUOSIM:=./luosim}" "${LUOSIM_VM_KERNEL:=}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
command=("$LUOSIM")
consoles=$srcdir/tests/vm
scenarios=$srcdir/scenarios

# ---- Configuration ----

config_is_enough()
{
	"$LUOSIM" vm --print-config >"$tmp/config"
	gives 0 vm --check-config "$tmp/config"
	cat "$tmp/out"
}

# As /proc/config.gz has it, with carriage returns, or cut off behind the last word.
config_in_any_form()
{
	local form
	gzip -c "$tmp/config" >"$tmp/config.gz"
	sed 's/$/\r/' "$tmp/config" >"$tmp/config.crlf"
	printf '%s' "$(cat "$tmp/config")" >"$tmp/config.short"
	for form in gz crlf short; do
		gives 0 vm --check-config "$tmp/config.$form"
		cat "$tmp/out"
	done
	gives 2 vm --check-config "$srcdir/tests/tap.sh"
}

# Each line of the fragment that is taken out is missed, or was for others to depend on.
config_is_needed()
{
	local option missed=0
	while IFS== read -r option _; do
		grep -v "^$option=" "$tmp/config" >"$tmp/less"
		"$LUOSIM" vm --check-config "$tmp/less" >"$tmp/out" && continue
		[ "$(sed 's/:.*//' "$tmp/out")" = "$option is not set" ] || cat "$tmp/out"
		missed=$((missed + 1))
	done <"$tmp/config"
	[ "$missed" -eq 15 ] || echo "$missed are needed"
	grep -v '^CONFIG_FAILSLAB=' "$tmp/config" >"$tmp/less"
	prints 'CONFIG_FAILSLAB is not set: no fail alloc' vm --check-config "$tmp/less"
}

# ---- What a kernel is told ----

# What no real kernel can be told, as it stands in a scenario.
untold='^ *(race (schedule|seed)|process|handler|kexec_jump|corrupt[a-z_]*)\b|^ *fail (any|[^a])'
untold+='|^kernel.* (with|without|handlers|policy|limit:[a-z-]*|liveupdate)=|^kernel [0-9]+ next'
untold+='|^kernel [2-9] (v|.*=)|^ *task .* of |^ *(insmod|folio_alloc|vmalloc|memory_max|mount|fsmount|mkdir|fchmod|fstatfs|kho_[a-z_]*)\(|kho_scratch='

all_told_or_refused()
{
	local dirs=("$scenarios"/*.scn "$scenarios"/faults "$scenarios"/findings "$scenarios"/public)
	local f
	"$LUOSIM" vm --print-case "${dirs[@]}" >"$tmp/case" 2>"$tmp/err"
	grep -vE ':[0-9]+:[0-9]+: .*, expected what a real kernel can be told$' "$tmp/err"
	[ "$(grep -c '^#! append' "$tmp/case")" -gt 120 ] || echo "only few are told"
	sed -E 's/\.scn:.*/.scn/' "$tmp/err" | while read -r f; do
		grep -qE "$untold" "$f" || echo "$f: refused without a reason"
	done
}

told()
{
	cat >"$tmp/x.scn"
	"$LUOSIM" vm --print-case "$tmp/x.scn" 2>&1 | diff - "$tmp/want"
}

operations_are_told()
{
	cat >"$tmp/want" <<-'X'
		#! append kho=on liveupdate=on
		#! panic_on_warn
		#! hugepages 3
		opendev dev cloexec
		create dev s1 "a1"
		create dev s2 "a2"
		memfd m cloexec,sealing 4096
		write m - "\x00"*5
		write m 0 "a\"\x01"
		fail_nth 3
		preserve s1 m 18446744073709551615
		preserve_rawfd s1 -1 1
		rawioctl s2 raw:0xba40 16 {m}02z7.
		rawioctl dev raw:0x1 ro:8 -
		seal m seal,grow
		setfl m append
		sum m 0 -
		kexec_loaded
	X
	told <<-'X'
		scenario x
		kernel 1 v7.3 panic_on_warn hugepages=3
		  open("/dev/liveupdate", O_RDWR|O_CLOEXEC) = dev
		  repeat i 1..2
		    create_session(dev, "a$i") = s$i
		  end
		  memfd_create("x", 4K, MFD_CLOEXEC|MFD_ALLOW_SEALING) = m
		  write(m, "\0"*5)
		  write(m, 0, "a\"\x01")
		  fail alloc nth 3
		  preserve_fd(s1, m, 0xffffffffffffffff) = -ENOMEM
		  preserve_fd(s1, -1, 1)
		  ioctl(s2, LIVEUPDATE_SESSION_PRESERVE_FD, 16, fd(m) u64(2))
		  ioctl(dev, 0x1, 8, "", ro|raw)
		  add_seals(m, F_SEAL_SEAL|F_SEAL_GROW)
		  setfl(m, O_APPEND)
		  sum(m, 0, -)
		  reboot() = 0
	X
}

# ---- Consoles ----

# vm NAME OPTION...: the scenario with the console that was saved of it
vm()
{
	local scn=$scenarios/$1.scn
	[ -e "$scn" ] || scn=$consoles/$1.scn
	"$LUOSIM" vm --console "${altered:-$consoles/$1.console}" "${@:2}" "$scn"
}

# What luosim run prints of a scenario is what luosim vm prints; but for the judge's verdict.
# NAME
same_trace()
{
	vm "$1" | sed '/^$/N; /^\nkernel [0-9.]*, model\|^kernel [0-9.]*, model/d' >"$tmp/real"
	"$LUOSIM" --kernel=v7.3 "$scenarios/$1.scn" | sed '/^$/N; /^\nverdict:/,$d' >"$tmp/model"
	[ "$(wc -l <"$tmp/real")" -gt 8 ] || echo "only a few lines"
	diff "$tmp/real" "$tmp/model"
}

# NAME OPERATIONS: all agree, up to a panic
agrees()
{
	vm "$1" >"$tmp/out" || cat "$tmp/out"
	grep -qx "kernel 7.3.4, model v7.3: $2 of $2 operations agree, 0 skipped, 0 not modelled" \
		"$tmp/out" || cat "$tmp/out"
}

panic_is_told()
{
	agrees panic-on-warn 4
	grep -A1 '^ *WARNING: __kvmalloc_node_noprof$' "$tmp/out" | grep -qF \
		'Call trace: memfd_luo_preserve < luo_preserve_file < luo_session_preserve_fd <' ||
		cat "$tmp/out"
	grep -qx 'the machine ended with the panic' "$tmp/out" || cat "$tmp/out"
}

# altered SED LINE...: with dup-token's console changed so, status 1 and these lines
altered()
{
	local altered=$tmp/altered line
	sed -E "$1" "$consoles/dup-token.console" >"$altered"
	cmp -s "$altered" "$consoles/dup-token.console" && echo "nothing was altered"
	vm dup-token >"$tmp/out" 2>&1
	[ $? = 1 ] || echo "exit status is not 1"
	for line in "${@:2}"; do
		grep -qxF -e "$line" "$tmp/out" || { echo "no $line in:"; cat "$tmp/out"; }
	done
}

recording_replays()
{
	"$LUOSIM" vm -q --console "$consoles/dup-token.console" --record "$tmp/rec" \
		"$scenarios/dup-token.scn" >"$tmp/out"
	"$LUOSIM" replay "$tmp/rec" >"$tmp/out" || cat "$tmp/out"
	awk 'NR == 2 && ($1 != "v7.3" || $2 != 1 || $3 != 1 || $5 != $6)' "$tmp/out"
}

# Where a kernel was built is no part of what it says.
out_of_tree()
{
	local built
	for built in ../k/7.3/ /usr/src/linux/ ''; do
		sed "s|mm/slub.c|${built}mm/slub.c|; s|WARNING: |init invoked oom-killer: 0x1f\n&|" \
			"$consoles/size-1t.console" >"$tmp/built"
		"$LUOSIM" vm -q --console "$tmp/built" --record "$tmp/rec" "$scenarios/size-1t.scn" \
			>"$tmp/out" || cat "$tmp/out"
		grep -qF '"init invoked oom-killer: 0xADDR","WARNING mm/slub.c:7023 ' "$tmp/rec" ||
			cat "$tmp/rec"
	done
}

# race SED STATUS REGEXP: with close-reboot's console changed so, that status and that line
race()
{
	sed -E "$1" "$consoles/close-reboot.console" >"$tmp/race"
	[ -z "$1" ] || ! cmp -s "$tmp/race" "$consoles/close-reboot.console" || echo "not altered"
	gives "$2" vm --console "$tmp/race" "$scenarios/races/close-reboot.scn"
	prints "$3" vm --console "$tmp/race" "$scenarios/races/close-reboot.scn"
}

# What the task says that closes comes behind the reboot of the other one.
behind_reboot()
{
	race '/luosim: r?[opc]+ 8/d; s/(.*)luosim: op 10/&\n\1luosim: op 8\n\1luosim: rc 8 0/' 0 \
		'      1 times: close = 0, reboot = 0, open = fd, .*'
}

# The record of the reboot did not reach the console.
untold_reboot()
{
	race '/luosim: op 10/d' 0 '      1 times: close = 0, reboot = 0, open = fd, .*'
}

# A kernel without fault injection is told of no failure.
no_failures()
{
	printf '[ 0.1] luosim: %s\n' 'boot 1 7.3.4' 'op 0' 'rc 0 0' 'op 1' 'rc 1 -EOPNOTSUPP' \
		'end 0' >"$tmp/console"
	printf '%s\n' 'scenario x' 'kernel 1 v7.3' '  memfd_create("m", 0) = m' \
		'  fail alloc nth 1' '  dup(m) = -ENOMEM' >"$tmp/x.scn"
	gives 4 vm --console "$tmp/console" "$tmp/x.scn"
	prints 'skipped: .*: line 4: fail alloc, expected a kernel with fault injection' \
		vm --console "$tmp/console" "$tmp/x.scn"
}

# In place of QEMU: the first machine runs both programs, of which the second answers otherwise
# behind the first; the next one runs the second alone.
left_behind()
{
	local bin=$tmp/bin
	mkdir -p "$bin"
	printf '[ 0.1] luosim: %s\n' 'boot 1 7.3.4' 'op 0' 'rc 0 0' 'next 1' 'op 0' 'rc 0 -ENFILE' \
		'end 0' >"$tmp/machine-1"
	printf '[ 0.1] luosim: %s\n' 'boot 1 7.3.4' 'op 0' 'rc 0 0' 'end 0' >"$tmp/machine-2"
	printf '%s\n' '#!/bin/sh' "echo >>'$tmp/machines'" "cat '$tmp/machine-'\$(wc -l <'$tmp/machines')" \
		>"$bin/qemu-system-x86_64"
	chmod +x "$bin/qemu-system-x86_64"
	{ head -c 514 /dev/zero; echo HdrS; } >"$tmp/bzImage"
	printf '%s\n' 'scenario a' 'kernel 1 v7.3' '  memfd_create("a", 0) = m' >"$tmp/a.scn"
	printf '%s\n' 'scenario b' 'kernel 1 v7.3' '  memfd_create("b", 0) = m' >"$tmp/b.scn"
	rm -f "$tmp/machines"
	PATH=$bin:$PATH "$LUOSIM" vm --accel tcg --kernel "$tmp/bzImage" "$tmp/a.scn" "$tmp/b.scn" \
		>"$tmp/out" 2>&1
	diff "$tmp/out" - <<-'X'
		ok   a, kernel 7.3.4: 1 of 1 operations as the model
		ok   b, kernel 7.3.4: 1 of 1 operations as the model
		     not after a, which leaves something
		2 scenarios: 2 agree, 0 differ, 0 skipped, 0 failed
	X
	[ "$(wc -l <"$tmp/machines")" -eq 2 ] || echo "$(wc -l <"$tmp/machines") machines"
}

# Where no kernel runs on KVM, or there is none, TCG does, and that is said once.
falls_back()
{
	local bin=$tmp/bin-tcg
	mkdir -p "$bin"
	printf '%s\n' '#!/bin/sh' 'case "$*" in *kvm*) exit 1;; esac' "cat '$tmp/machine-2'" \
		>"$bin/qemu-system-x86_64"
	chmod +x "$bin/qemu-system-x86_64"
	PATH=$bin:$PATH "$LUOSIM" vm --alone --kernel "$tmp/bzImage" "$tmp/a.scn" "$tmp/b.scn" \
		>"$tmp/out" 2>"$tmp/err"
	tail -n 1 "$tmp/out" | grep -qx '2 scenarios: 2 agree, 0 differ, 0 skipped, 0 failed' ||
		cat "$tmp/out"
	sed -E 's/(runs no kernel|cannot be used)/is not it/' "$tmp/err" |
		diff <(echo "luosim: /dev/kvm is not it, the machine is run by QEMU's TCG") -
}

# Wherever a console ends, it is told that it did, and nothing crashes.
any_end()
{
	local size n status
	size=$(stat -c %s "$consoles/dup-token.console")
	for ((n = 0; n < size; n += size / 23)); do
		head -c "$n" "$consoles/dup-token.console" >"$tmp/cut"
		"$LUOSIM" vm --console "$tmp/cut" "$scenarios/dup-token.scn" >"$tmp/out" 2>&1
		status=$?
		[ "$status" -le 1 ] || echo "$n bytes: exit status $status"
		grep -qE '^failed: dup-token: the (kernel|guest) did not|^the machine ended before' "$tmp/out" ||
			{ echo "$n bytes:"; cat "$tmp/out"; }
	done
}

# A line may be lost: that is no crash, and another answer only if it was one.
any_line_lost()
{
	local n status
	for ((n = 1; n <= $(wc -l <"$consoles/dup-token.console"); n++)); do
		sed "${n}d" "$consoles/dup-token.console" >"$tmp/cut"
		"$LUOSIM" vm -q --console "$tmp/cut" "$scenarios/dup-token.scn" >"$tmp/out" 2>&1
		status=$?
		[ "$status" -le 1 ] || { echo "without line $n: exit status $status"; cat "$tmp/out"; }
	done
}

check "the fragment has what is checked" config_is_enough
check "and each of it is missed" config_is_needed
check "a kernel's own config.gz, carriage returns, no newline at the end" config_in_any_form
check "scenarios are told, or refused for what no real kernel can be told" all_told_or_refused
check "operations, settings and failures are told" operations_are_told
check "a race whose order is given is skipped" gives 4 vm --console /dev/null \
	"$scenarios/races/dup-close.scn"
check "a kernel is needed" gives 2 vm "$scenarios/dup-token.scn"
check "a kernel must be one" gives 2 vm --kernel "$scenarios/dup-token.scn" "$scenarios/dup-token.scn"
check "the trace is that of luosim run" same_trace dup-token
check "also where the kernel warns" same_trace size-1t
check "the model agrees with the kernel" agrees dup-token 12
check "a panic ends the machine, and is as in the model" panic_is_told
check "another result is a difference" altered 's/rc 5 -EBUSY/rc 5 0/' \
	'dup-token, v7.3, line 14: preserve vm0 mem 11' '    kernel  0 ' \
	'kernel 7.3.4, model v7.3: 11 of 12 operations agree, 0 skipped, 0 not modelled'
check "other data are" altered 's/(data 10 .*)marker/\1Marker/' \
	'dup-token, v7.3, line 21: read a 0 25'
check "a line of the log that is missing is" altered '/luo: Retrieved/d' \
	'dup-token, v7.3, boot and end'
check "a line of the log that is too much is" altered 's/(.*)luosim: rc 9 0/\1luo: x\n&/' \
	'    kernel  said: luo: x'
check "a kernel that panics as it boots is" altered \
	'/exec from/,$c [    0.3] Kernel panic - not syncing: none here' \
	'the machine ended with the panic' '    model   end: poweroff'
check "a machine that hangs is told" altered '/luosim: rc 10/,$c luosim: time limit' \
	'the machine did not end in time' '  read(a, 0, 25)                             = ?'
check "so is what the guest could not do" altered 's/luosim: end 0/luosim: error no memory/' \
	'failed: dup-token: the guest says: no memory'
check "a console may end anywhere" any_end
check "and may lack any line" any_line_lost
check "outcomes of a race are among the model's" race '' 0 \
	'ok   close-reboot, kernel 7.3.4: 1 times, 1 outcomes; model v7.3: 3'
check "and those of the model that did not come are told" race '' 0 \
	'  only the model: close = \?, reboot = 0, open = fd, retrieve_session = fd, .*'
check "one that the model has not is a difference" race 's/rc 13 -ENOENT/rc 13 -EIO/' 1 \
	'      1 times, and never in the model: close = 0, reboot = 0, .*'
check "an answer that was lost may be any" race '/luosim: rc 8/d' 0 \
	'      1 times: close = \?, reboot = 0, open = fd, retrieve_session = -ENOENT, .*'
check "a task may speak when the other has rebooted" behind_reboot
check "a reboot may stop the machine before it is told" untold_reboot
check "what differs behind another program is asked again alone" left_behind
check "without KVM, TCG runs the machine, and that is said" falls_back
check "a failure that the kernel cannot be told is skipped" no_failures
check "the recording is replayed" recording_replays
check "a recording names files as the kernel's tree does, and has what killed the machine" out_of_tree

if [ -z "$LUOSIM_VM_KERNEL" ]; then
	skip "dup-token on a real kernel" "no LUOSIM_VM_KERNEL"
	done_testing
fi

# In machines: over kexec, in time, as the model has it, and nothing is left running.
real()
{
	local start=$SECONDS
	"$LUOSIM" vm --kernel "$LUOSIM_VM_KERNEL" "$scenarios/dup-token.scn" >"$tmp/out" 2>&1 ||
		cat "$tmp/out"
	[ $((SECONDS - start)) -lt 15 ] || echo "it took $((SECONDS - start)) s"
	grep -q '^kernel .*: 12 of 12 operations agree' "$tmp/out" || cat "$tmp/out"
}

in_time()
{
	"$LUOSIM" vm --accel tcg --timeout 1 --kernel "$LUOSIM_VM_KERNEL" \
		"$scenarios/thousand-sessions.scn" >"$tmp/out" 2>&1
	[ $? = 1 ] || echo "exit status is not 1"
	grep -qE 'did not end in time|did not run luosim-guest' "$tmp/out" || cat "$tmp/out"
}

nothing_left()
{
	local pid
	"$LUOSIM" vm --accel tcg --kernel "$LUOSIM_VM_KERNEL" --append luosim-test \
		"$scenarios/thousand-sessions.scn" >"$tmp/out" 2>&1 &
	pid=$!
	sleep 1
	kill -KILL $pid
	sleep 1
	grep -aslF luosim-test /proc/[0-9]*/cmdline
	return 0
}

# What was found in another release is no finding of this one, though the model of its own
# release answers as the kernel does.
findings_confirmed()
{
	"$LUOSIM" explore --kernel v7.0 --depth 5 --confirm "$LUOSIM_VM_KERNEL" >"$tmp/out" 2>&1
	[ "$(grep -c '^    on the kernel: other result: ' "$tmp/out")" -eq 2 ] || cat "$tmp/out"
	"$LUOSIM" explore --kernel v7.3 --sessions 1 --faults 1 --depth 5 \
		--confirm "$LUOSIM_VM_KERNEL" >"$tmp/out" 2>&1
	[ "$(grep -c '^    on the kernel: confirmed: 12 of 12 operations' "$tmp/out")" -eq 3 ] &&
		[ "$(grep -c '^    on the kernel: cannot be tried: finding:.*copy_to_user' \
			"$tmp/out")" -eq 4 ] || cat "$tmp/out"
}

check "dup-token on a real kernel, in less than 15 s" real
check "findings are confirmed, or have another result, or cannot be tried" findings_confirmed
check "a machine that takes too long is ended" in_time
check "no machine outlives luosim" nothing_left
done_testing
