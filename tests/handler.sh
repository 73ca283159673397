#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Handlers in C: the example of docs/handler.md, and one that uses and abuses the rest of
# luosim-handler.h.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
luosim=$(realpath "${LUOSIM:=./luosim}")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$srcdir" || exit 1
cc=${CC:-cc}
include=$PWD/model

# build NAME SOURCE
build() { $cc -Wall -Wextra -Werror -O1 -shared -fPIC -I"$include" -o "$tmp/$1.so" "$2"; }

if ! build dmabuf docs/handler/dmabuf.c; then
	skip "handlers in C" "no compiler"
	done_testing
	exit
fi
cp docs/handler/dmabuf.scn "$tmp"
cp tests/handler/every-call.scn "$tmp"
cd "$tmp" || exit 1

example_runs()
{
	"$luosim" --all dmabuf.scn >out || cat out
	grep -q '6 runs: 6 passed' out || cat out
}

# What is written down loads the handler from where it is, in whatever directory one is.
damaged_by_name()
{
	mkdir -p found/deeper
	"$luosim" explore --handler ./dmabuf.so --handlers dmabuf --inodes 1 --sessions 1 --tokens 1 \
		--ops create_session,preserve_fd,kexec,retrieve_session,retrieve_fd \
		--policies get-id --damage 1 --depth 6 --out found/deeper >out 2>&1
	grep -qF '"own[a, 1].pfn"' out || cat out
	! grep -F 'data[' out
	grep -qx 'use ../../dmabuf.so' found/deeper/*.scn || cat found/deeper/*.scn
	! (cd / && "$luosim" "$tmp"/found/deeper/*.scn) | grep 'results* differ'
}

# The commands of docs/handler.md, where the build is.
documented()
{
	mkdir -p tree/docs
	ln -sf "$(dirname "$luosim")"/*.pc "$luosim" tree
	cp -r "$OLDPWD/docs/handler" tree/docs
	sed -n 's/^    \$ //; T; :more; /\\$/ { N; s/\\\n *//; b more }; p' \
		"$OLDPWD/docs/handler.md" >commands
	[ "$(wc -l <commands)" -eq 4 ] || cat commands
	(cd tree && . ../commands) >out 2>err
	grep -qx 'verdict: clean' out || cat out err
	grep -q '^  stopped by depth, 11 findings$' out || cat out err
	grep -q '^  stopped by depth, 0 findings$' out || cat out err
}

is_short()
{
	[ "$(wc -l <"$OLDPWD/docs/handler/dmabuf.c")" -le 150 ] || echo "over 150 lines"
}

# A fault in one of its callbacks, damage to its own field, and modules.
faults_and_damage()
{
	sed '/own_call/d; s/= -EBUSY.*/= -EBUSY/; /^  preserve_fd(vm0, buf, 1)/{
		i\  insmod("dmabuf") = -EEXIST
		i\  fail callback("dmabuf", preserve) = -EIO
		i\  preserve_fd(vm0, buf, 1) = -EIO
		a\  corrupt("own[vm0, 1].pfn", 0x123456789) = 0
	}; s/^  retrieve_fd.*/  retrieve_fd(vm0, 1) = -EIO/; s/^expect.*/expect any/; /^runs/d' \
		dmabuf.scn >faults.scn
	"$luosim" faults.scn >out || cat out
	"$luosim" list fields | grep -qF 'own[NAME, TOKEN].FIELD' || echo "no such field is listed"
}

# An open file keeps the module that made it, as does one that LUO has.
module_is_kept()
{
	sed '/own_call/d; s/= -EBUSY.*/= -EBUSY/; /^  preserve_fd(vm0, buf, 1)/{
		i\  rmmod("dmabuf") = -EAGAIN
		a\  close(buf) = 0
		a\  rmmod("dmabuf") = -EAGAIN
	}; /^  preserve_fd(vm0, buf, 2)/d; /^  finish/{
		a\  rmmod("dmabuf") = -EAGAIN
		a\  close(buf) = 0
		a\  rmmod("dmabuf") = 0
		a\  open_own("dmabuf") = -ENODEV
	}; s/^expect.*/expect clean/; /^runs/d' dmabuf.scn >module.scn
	"$luosim" module.scn >out || cat out
}

# The same findings as a memfd of one folio has under no policy, none under get-id.
explored()
{
	"$luosim" explore --handler ./dmabuf.so --handlers dmabuf --policies none,get-id \
		--inodes 1 --sessions 1 --depth 7 >out 2>&1
	grep -q '^  double-restore in kho_restore_folio, 5 operations' out || cat out
	grep -q '^get-id: .* depth 7' out && grep -q '0 findings' out || cat out
	"$luosim" explore --handler ./dmabuf.so --handlers dmabuf --kernel v7.3 --audit \
		--inodes 1 --sessions 1 --depth 6 >out 2>&1
	[ $? -eq 3 ] || cat out
}

given_on_the_command_line()
{
	sed '/^use/d' dmabuf.scn >given.scn
	"$luosim" given.scn >out 2>&1 && echo "it ran without the handler"
	"$luosim" --handler ./dmabuf.so given.scn >out 2>&1 || cat out
	"$luosim" --handler ./dmabuf.so dmabuf.scn >out 2>&1 || cat out
	"$luosim" print dmabuf.scn | grep -qx 'use ./dmabuf.so' || echo "print forgets it"
}

every_call()
{
	"$luosim" --all every-call.scn >out 2>&1 || cat out
	"$luosim" every-call.scn >out
	grep -q '^ *every: hello 1$' out || cat out
	! grep 'every: line' out
}

# stops FUNCTION LINE HOW SED: told with the callback and the step, status 2.
stops()
{
	local status
	sed "s/.name = \"dmabuf\"/.name = \"bad\"/; $4" \
		"$OLDPWD/docs/handler/dmabuf.c" >bad.c
	build bad bad.c || return
	sed 's/dmabuf\.so/bad.so/; s/"dmabuf"/"bad"/' dmabuf.scn >bad.scn
	timeout 300 "$luosim" bad.scn >out 2>err
	status=$?
	[ $status -eq 2 ] || echo "exit status $status, expected 2"
	grep -qx "luosim: handler ./bad.so: $1 $3, in bad.scn:$2.*" err || cat err
}

# refused WORDS SED: what is built of the changed example is no handler.
refused()
{
	local status
	sed "$2" "$OLDPWD/docs/handler/dmabuf.c" >bad.c
	build bad bad.c || return
	"$luosim" --handler ./bad.so dmabuf.scn >out 2>err
	status=$?
	[ $status -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] || echo "exit status $status, expected 2"
	grep -qF "$1" err || cat err
}

# 47 bytes come back; of 48 the next kernel sees 47, which no handler has.
cut_string()
{
	local string
	string=$(printf 'd%.0s' {1..47})
	sed "s/dmabuf-v1/$string/" "$OLDPWD/docs/handler/dmabuf.c" >bad.c
	build bad bad.c || return
	sed 's/dmabuf\.so/bad.so/' dmabuf.scn >bad.scn
	"$luosim" bad.scn >out 2>&1 || cat out
	sed -i "s/$string/d&/" bad.c
	$cc -O1 -shared -fPIC -I"$include" -o bad.so bad.c 2>/dev/null
	"$luosim" bad.scn >out 2>&1 && echo "48 bytes come back"
	grep -qF "luo: No registered handler for compatible '$string'" out || cat out
}

# Each with one line, and without waiting.
no_object()
{
	local file status
	mkdir -p folder.so
	mkfifo fifo.so
	echo text >text.so
	: >empty.so
	head -c 3000 dmabuf.so >short.so
	for file in folder fifo text empty short none; do
		timeout 60 "$luosim" --handler ./$file.so given.scn >out 2>err </dev/null
		status=$?
		[ $status -eq 2 ] || echo "$file: exit status $status, expected 2"
		[ "$(wc -l <err)" -eq 1 ] || cat err
		grep -qF "luosim: handler ./$file.so: " err || cat err
	done
}

# On the command line as in a scenario.
second_of_a_name()
{
	local status
	cp dmabuf.so other.so
	"$luosim" --handler ./dmabuf.so --handler ./other.so given.scn >out 2>err
	status=$?
	[ $status -eq 2 ] || echo "exit status $status, expected 2"
	grep -qF "handler ./other.so: second handler 'dmabuf', expected another name" err || cat err
}

check "the example runs on all the kernels that it names" example_runs
check "it is short" is_short
check "what docs/handler.md has one do" documented
check "its callbacks fail, its field is damaged, its module is loaded" faults_and_damage
check "its module stays while there are files of it" module_is_kept
check "it is explored under two policies, and states are told apart" explored
check "--handler is for all scenarios" given_on_the_command_line
check "its fields are damaged by name, and what is found runs from anywhere" damaged_by_name
# From another folder, the handler being one of the scenario's.
minimised()
{
	sed 's/^kernel 1/use .\/dmabuf.so\n\n&/' "$OLDPWD/scenarios/dup-token.scn" >dup.scn
	(cd / && "$luosim" minimise "$tmp/dup.scn") >out 2>&1 || cat out
	! grep -q dmabuf out && [ "$(grep -c preserve_fd out)" = 2 ] || cat out
}

check "a scenario that has one is minimised" minimised
if build every "$OLDPWD/tests/handler/every.c"; then
	check "all calls of luosim-handler.h" every_call
fi
check "a crash is told with the callback and the step" stops 'preserve()' 16 \
	'crashed with SIGSEGV' \
	's/kho_preserve_folio(folio)/kho_preserve_folio(NULL)/'
check "so is one in an operation" stops poke 14 'crashed with SIGSEGV' \
	's/\*(u8 \*)folio_address(file->private_data) = byte/*(volatile u8 *)(file ? NULL : file) = byte/'
check "who looks may not touch" stops 'contents()' 18 'crashed with SIGABRT' \
	's/return dmabuf_peek(file, 0)/return file ? (uintptr_t)kzalloc(1, 0) : 0/'
check "one that loops for ever is told, too" stops 'preserve()' 16 'does not return: 5 s of CPU time' \
	's/kho_preserve_folio(folio)/({ for (volatile int i = 0;; i++); 0; })/'
check "so is one that ends the program" stops 'preserve()' 16 'called exit()' \
	's/ser->pfn = folio_pfn(folio);/exit(0);/; s/^#include/#include <stdlib.h>\n&/'
before='s/ser->pfn = folio_pfn(folio);/'
check "so is one that forks" stops 'preserve()' 16 'called fork()' \
	"${before}extern int fork(void);fork();&/"
check "so is one that ends the program without a word" stops 'preserve()' 16 'called _exit()' \
	"${before}extern void _exit(int);_exit(0);&/"
check "so is one that aborts" stops 'preserve()' 16 'crashed with SIGABRT' \
	"${before}extern void abort(void);abort();&/"
check "so is one that waits for ever" stops 'preserve()' 16 'does not return: 10 s without CPU time' \
	"${before}extern int pause(void);for(;;) pause();&/"
check "so is one that calls the kernel for ever" stops 'preserve()' 16 \
	'does not return: 5 s of CPU time' "${before}do pr_info(\"again\"); while (ser);&/"
check "so is one that writes a byte too many into what it hands over" stops 'preserve()' 16 \
	'wrote after the end of its memory' "${before}((volatile u8 *)ser)[4096] = 1;&/"
check "so is one that writes far after the end" stops 'preserve()' 16 \
	'wrote after the end of its memory' \
	"${before}volatile u8 *p = kzalloc(24, 0); for (u32 i = 0; i < 400000; i++) p[i] = 1;&/"
check "a compatible string without a NUL is cut, as the kernel cuts it" cut_string
check "what is no shared object" no_object
check "two of one name" second_of_a_name
check "another version of the interface" refused 'LUOSIM_HANDLER_ABI of the installed' \
	's/.name = "dmabuf"/&, .abi = 99/; s/^LUOSIM_HANDLER(/#pragma GCC diagnostic ignored "-Woverride-init"\n&/'
check "no init()" refused 'lacks its name, init() or exit()' 's/.init = dmabuf_init, //;
	s/^static int dmabuf_init/int dmabuf_init(void);\nint dmabuf_init/'
check "an init() that fails" refused "bad.so: init() returned -EINVAL, expected 0" \
	's/return liveupdate_register_file_handler(&dmabuf_handler)/return -EINVAL/'
check "an init() that returns no errno" refused "bad.so: init() returned no errno, expected 0" \
	's/return liveupdate_register_file_handler(&dmabuf_handler)/return 1/'
check "a callback that is missing" refused "handler 'dmabuf-v1' lacks retrieve(), expected 0" \
	's/\.retrieve = dmabuf_retrieve,/.freeze = dmabuf_retrieve,/'
check "no handler at all" refused 'exports no luosim_handler' \
	's/^LUOSIM_HANDLER(/const struct luosim_handler other = {/; s/^);$/};/'
done_testing
