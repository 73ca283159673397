#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel tree's own code: LUOSIM_KERNEL_TREE, or what configure was told, is built and runs
# the scenarios as its row of releases does. Skipped without a tree.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"
scenarios=$srcdir/scenarios

# ---- What needs no tree -----------------------------------------------------

# The one line that the command says, and its exit status 2.
says()
{
	local expected=$1 out
	shift
	out=$("$luosim" build-kernel "$@" 2>&1)
	[ $? -eq 2 ] || echo "exit status is not 2"
	[[ $out =~ ^"luosim build-kernel: "$expected$ ]] || echo "it says: $out"
}

# One line of its complaints is REGEXP, and its exit status 2.
complains()
{
	local want=$1
	shift
	gives 2 "$@"
	grep -qxE -- "$want" "$tmp/err" || { echo "no line '$want' in:"; cat "$tmp/err"; }
}

mkdir -p old/arch/um old/kernel/liveupdate
touch old/Makefile old/Kbuild
echo 'scenario s' >s.scn
echo 'kernel 1 ./none.so' >>s.scn
cp "$luosim" program.so

check "a folder that is no tree" says ".*: is no kernel tree, expected .*" . -o x.so
check "a tree without LUO is told" says ".*: is too old, expected .*6.19.*" old -o x.so
touch old/kernel/liveupdate/luo_session.c
check "a file to add that is nowhere" says "--add mm/x.c: not in .*, nor here, .*" old -o x.so --add mm/x.c
mkdir 'a b'
touch 'a b/x.c'
check "one that make cannot name" says ".*/a b/x.c: has a blank, .*" old -o x.so --add 'a b/x.c'
check "no tree" says "no tree given, expected TREE -o NAME.so" -o x.so
check "no object" says "no -o, expected -o NAME.so" old
check "a folder that is not there" says ".*: no such folder, expected .*" old -o none/x.so
mkdir folder.so
printf 'CONFIG_X=y\n\nhello world\n' >words
check "an object that is a folder" says "folder.so: is a folder, expected -o NAME.so" old -o folder.so
check "a fragment that is a folder" says ".*: cannot be read, .*" old -o x.so --config old
check "a fragment of other words" says "words:3: 'hello world', expected CONFIG_NAME=VALUE" old \
	-o x.so --config words
# Nothing can be written to a file.
no_room()
{
	(trap "" XFSZ; ulimit -f 0; says "no room for temporary files" old -o x.so | cat)
}
# With all commands but one.
lacks_tool()
{
	local file
	rm -rf bin
	mkdir bin
	for file in /usr/local/bin/* /usr/bin/* /bin/*; do
		[ "${file##*/}" = "$1" ] || ln -sfn "$file" bin/
	done
	PATH=$PWD/bin says "$1 not found, expected .*" old -o x.so
}
check "no room" no_room
for tool in flex bison bc gcc make awk cmp; do
	check "$tool is not there" lacks_tool $tool
done
check "an unknown option" says "unknown option '--bad', .*" old --bad
check "it is told by line and column" complains 's.scn:2:10: kernel ./none.so: cannot be loaded.*' s.scn
check "another shared object" complains '.*kernel ./program.so: .*' --kernel ./program.so s.scn

if [ -z "$tree" ]; then
	skip "a kernel tree's own code" "no LUOSIM_KERNEL_TREE"
	done_testing
fi

# ---- The build --------------------------------------------------------------

# Names, sizes and times of all that the tree has.
listing()
{
	(cd "$tree" && find . -printf '%p %s %T@\n' | sort | sha256sum)
}

builds()
{
	local before
	before=$(listing)
	"$luosim" build-kernel "$tree" -o x.so >build.log 2>&1 || cat build.log
	[ "$before" = "$(listing)" ] || echo "it has written to the tree"
}

check "the tree is built, and not written to" builds
. "$srcdir/tests/tree.sh"

# Another luosim that has used the same cache is gone when this one builds again.
shared()
{
	local cache=$tmp/cache/luosim/$key
	mkdir -p "$cache"
	ln -s "$work"/{prepared,flags,state} "$cache"
	cp -pr "$objects" "$cache"
	cp -pr "$srcdir/model/engine" other
	sed -i '/define ENGINE_ABI/s/[0-9]*$/0/' other/abi.h
	touch -d 2001-01-01 other/abi.h
	XDG_CACHE_HOME=$tmp/cache bash other/build-kernel.sh "$tree" -o other.so >other.log ||
		cat other.log
	complains '.*\./other\.so: is of another version of luosim.*' --kernel ./other.so \
		"$scenarios/dup-token.scn"
	rm -r other
	XDG_CACHE_HOME=$tmp/cache "$luosim" build-kernel "$tree" -o again.so >build.log 2>&1 ||
		cat build.log
	cmp x.so again.so
}
slow "the cache serves more than one luosim" shared

# A git checkout that was built in place, with the configuration of another tree: what the build
# in place has left is not taken, nor is git's index written, of which a time is out of date.
configured()
{
	local before each
	links include/linux/list.h
	mkdir changed/include/generated
	echo '#error another configuration' >changed/include/generated/autoconf.h
	touch changed/.config
	git -C changed init -q
	git -C changed add Makefile Kbuild
	git -C changed -c user.name=a -c user.email=a@b commit -qm all
	touch -h -d 2001-01-01 changed/Makefile
	before=$(tree=changed listing)
	for each in "$tree" changed; do
		"$luosim" build-kernel "$each" --configured "$tree" -o configured.so \
			>build.log 2>&1 || cat build.log
	done
	[ "$before" = "$(tree=changed listing)" ] || echo "it has written to the tree"
	rm -rf changed
}
slow "the configuration of another tree, or of the same, is taken" configured

# What the options of a configuration call is borrowed, too.
checks_lists()
{
	echo CONFIG_DEBUG_LIST=y >lists
	"$luosim" build-kernel "$tree" --config lists -o lists.so >build.log 2>&1 || cat build.log
	! grep -E 'does not take|__list_' build.log
	gives 0 -q --kernel ./lists.so "$scenarios/dup-token.scn"
}
slow "a configuration that checks lists" checks_lists

# A handler of the user's own, which no tree has, given twice; the object without it has it not.
cat >own.c <<'EOF'
#include <linux/eventfd.h>
#include <linux/liveupdate.h>
#include <linux/module.h>

static bool own_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	return eventfd_ctx_fileget(file);
}

static int own_preserve(struct liveupdate_file_op_args *args)
{
	return -EBUSY;
}

static void own_end(struct liveupdate_file_op_args *args)
{
}

static const struct liveupdate_file_ops own_ops = {
	.can_preserve = own_can_preserve, .preserve = own_preserve, .unpreserve = own_end,
	.retrieve = own_preserve, .finish = own_end, .owner = THIS_MODULE,
};

static struct liveupdate_file_handler own = { .ops = &own_ops, .compatible = "own-v1" };

static int __init own_init(void)
{
	pr_info("own: is here\n");
	return liveupdate_register_file_handler(&own);
}
late_initcall(own_init);
EOF
cat >asked.scn <<'EOF'
scenario asked
kernel 1 ./own.so
  open("/dev/liveupdate")  = dev
  create_session(dev, "a") = s
  preserve_fd(s, dev, 1)   = -ENOENT
EOF
adds()
{
	"$luosim" build-kernel "$tree" -o own.so --add own.c --add "$PWD/own.c" >build.log 2>&1 ||
		cat build.log
	grep -q 'stops where it is called:.* eventfd_ctx_fileget' build.log || cat build.log
	gives 1 asked.scn
	grep -q 'own: is here' out || cat out
	grep -q 'the kernel calls eventfd_ctx_fileget()' out || cat out
	"$luosim" build-kernel "$tree" -o own.so >build.log 2>&1 || cat build.log
	gives 0 asked.scn
	! grep -E 'own: is here|eventfd' build.log out
}
check "a handler that the tree has not is added, and taken out again" adds
row=v$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$version")

# ---- The tree beside its row ------------------------------------------------

# What it prints, without what differs by nature: names, counts of heap objects, and where in a
# structure a NULL pointer was followed.
trace()
{
	"$luosim" --kernel "$1" "$2" 2>&1 | sed -E "s|\./x\.so|$row|g" | tr -s ' \n' ' ' | sed -E "
		s/kernel ([0-9]+) $row, version [^ ]* (commit [^ ]* )?configuration [0-9a-f]+/kernel \1 $row/g
		s/exec from: [^ ]+/exec from:/g
		s/\b(session->|luo_session\.)mutex/luo_session.mutex/g
		s/luo_file->mutex/luo_file.mutex/g
		s/luo_session_global\.(in|out)(coming|going)\.rwsem/luo_session_header.rwsem/g
		s/heap objects [0-9]+ -> [0-9]+/heap objects/g
		s/physical address 0x[0-9a-f]{1,3} /NULL /g
		s/, / /g"
}

same()
{
	local file
	for file in "$@"; do
		"$luosim" -q --kernel ./x.so "$file" 2>refused
		[ $? -eq 2 ] && grep -q 'on the kernel tree' refused && continue
		diff <(trace "$row" "$file" | fold -sw 70) <(trace ./x.so "$file" | fold -sw 70) >diff ||
			{ echo "$file:"; cat diff; }
		ran=$((${ran:-0} + 1))
	done
	echo "${ran:-0}" >ran
}

# Trees cannot be run side by side, and are not.
same_jobs()
{
	diff <("$luosim" --kernel ./x.so "$scenarios"/dup-*.scn) \
	     <("$luosim" -j 4 --kernel ./x.so "$scenarios"/dup-*.scn)
}

# At least so many of them ran.
ran()
{
	[ "$(cat ran)" -ge "$1" ] || echo "only $(cat ran) ran, expected $1"
}

check "scenarios go as on row $row" same "$scenarios"/*.scn
check "most of them ran" ran 110
check "failures go as on row $row" same "$scenarios"/faults/*.scn
check "findings go as on row $row" same "$scenarios"/findings/*.scn
check "damaged handovers go as on row $row" same "$scenarios"/handover/*.scn
check "most of them ran" ran 17
check "reboots go as on row $row" same "$scenarios"/reboot/*.scn
check "scripted handlers and FLBs go as on row $row" same \
	"$scenarios"/{handlers,policies,public}/*.scn
check "most of the handlers ran" ran 40
# That of 4 GiB takes long, and as much memory.
check "modules that call KHO go as on row $row" same \
	$(find "$scenarios/kho" -name '*.scn' ! -name 'block-of-4g.scn' | LC_ALL=C sort)
check "most of the modules ran" ran 23
check "races have as many schedules as on row $row, that end as there" same "$scenarios"/races/*.scn
check "all races that say something of it ran" ran 17

check "several jobs print the same" same_jobs

# A path that the C locale has no letters for.
other_letters()
{
	cp x.so ü.so
	LC_ALL=C gives 0 -q --kernel ./ü.so "$scenarios/dup-token.scn"
}
check "an object may have a name of other letters" other_letters

# What can be told of the state, though sessions are the tree's own.
state_told()
{
	"$luosim" -v --kernel ./x.so "$scenarios"/dup-token.scn >out
	grep -q 'session vm0: none -> outgoing, files 0 -> 1' out || cat out
	grep -q 'folio 0x[0-9a-f]*: preserved, claims none -> vm0 0xa' out || cat out
	grep -q 'new session vm0: incoming, files 1' out || cat out
}
check "sessions and folios of a tree are told" state_told
# What is preserved may lie where something lay that was retrieved: which of the two is given
# up decides whether its file can be preserved again.
check "who gives up what is preserved is not mistaken" gives 0 explore --kernel ./x.so \
	--inodes 2 --tokens 1 \
	--ops create_session,retrieve_session,close_session,preserve_fd,retrieve_fd,kexec

# A session on its way out is asked for a file, which a tree without ioctl-direction does; what it
# was preserved with lies where that of a retrieve that failed lay.
cat >outgoing.scn <<'EOF'
scenario outgoing
kernel 1 ./y.so
  open("/dev/liveupdate")          = dev
  create_session(dev, "a")         = s
  memfd_create("m", 4K)            = f
  preserve_fd(s, f, 1)             = 0
  kexec()                          = 0

kernel 2
  open("/dev/liveupdate")          = dev
  retrieve_session(dev, "a")       = r
  create_session(dev, "b")         = s
  memfd_create("m", 0)             = f
  memfd_create("m", 0)             = g
  preserve_fd(s, f, 1)             = 0
  fail alloc nth 1
  retrieve_fd(r, 1)                = -ENOSPC
  preserve_fd(s, g, 2)             = 0
  retrieve_fd(s, 2)                = h
expect leak unclean-error warn
EOF
outgoing()
{
	changed '/luo_ioctl_type_valid\(session, op\)\)/{N;d}' \
		kernel/liveupdate/luo_session.c
	gives 0 outgoing.scn
}
check "whose file is retrieved is not mistaken" outgoing

# More folios than one page tells of are told of by pages that are mapped side by side, in
# each schedule anew.
cat >aliases.scn <<'EOF'
scenario aliases
kernel 1 v7.3 mem=16M
  open("/dev/liveupdate")        = dev
  create_session(dev, "vm0")     = vm0
  memfd_create("big", 1028K)     = m
  preserve_fd(vm0, m, 1)         = 0
  race preemptions=1
    task vmm
      close(vm0)                 = 0
    task agent
      create_session(dev, "new") = new
  end
expect clean
EOF
check "pages that are mapped together are so again" gives 0 -q --kernel ./x.so aliases.scn

# ---- Recordings of real kernels ----------------------------------------------

recorded=$(cd "$srcdir/tests/recordings" && pwd)
agrees()
{
	gives 0 replay -q --kernel ./x.so "$@"
	grep -qE '^on \./x\.so \([0-9.]+' out || cat out
}
check "the tree answers as the real kernel, random" agrees "$recorded/$row-random.jsonl"
slow "the tree answers as the real kernel, core" agrees "$recorded/$row-core.jsonl"
check "another tree than that of a recording is told to differ" gives 1 replay -q --kernel ./x.so \
	"$recorded/v6.19-random.jsonl"

# ---- Side by side with the model --------------------------------------------

world=(--sessions 1 --inodes 1 --opens 2 --tokens 2 --kernels 2)

# proves STATUS REGEXP OPTION...: one line of what prove says is REGEXP.
proves()
{
	local status=$1 want=$2
	shift 2
	gives "$status" prove "${world[@]}" "$@"
	grep -qE -- "$want" out || { echo "no line '$want' in:"; cat out err; }
}

finds_nothing()
{
	gives 0 explore --kernel ./x.so --sessions 1 --inodes 1 --tokens 1 "$@"
	grep -q 'all seen, 0 findings' out || cat out
}

# told SED REGEXP OPTION...: with that change, prove finds what REGEXP says; what it prints
# fails on the tree and passes on the release.
told()
{
	local change=$1 want=$2
	shift 2
	changed "$change"
	proves 1 "$want" ./y.so "$@"
	sed -n '/^scenario /,$p' out >told.scn
	gives 0 --kernel "$row" told.scn
	sed -i "s|^kernel 1 $row|kernel 1 ./y.so|" told.scn
	gives 1 told.scn
}

# An allocation more than the release has, before a file is looked for.
steps_differ()
{
	changed '/file = fget\(fd\);/s/^/kfree(kmalloc(8, GFP_KERNEL) ?: ({ return -ENOMEM; NULL; }));/'
	proves 1 'v7.*: fail callback.*; ./y.so: fail alloc nth 3, in luo_preserve_file < luo_sess' \
		./y.so --faults 1
	grep -q '^  fail ' out || echo "no scenario with the step that fails"
}

# races SED SCENARIO REGEXP: with that change of luo_session.c, all schedules of SCENARIO show
# what REGEXP says, and the schedule that is printed for it does so again.
races()
{
	changed "$1" kernel/liveupdate/luo_session.c
	gives 1 --kernel ./y.so "$2"
	tr -s ' \n' ' ' <out >flat
	grep -qE -- "$3" flat || { echo "no '$3' in:"; cat out; }
	sed -E "s/^( *race).*/\1 schedule=$(sed -nE 's/.*race, in the order (.*)/\1/p' out)/" "$2" >again.scn
	gives 1 --kernel ./y.so again.scn
	tr -s ' \n' ' ' <out >flat
	grep -qE -- "$3" flat || { echo "not again:"; cat again.scn out; }
}

# The one fix that was taken out of the tree is named.
taken_out()
{
	lines=2 changed '/early_memunmap\((scratch|fdt), /s/early.*/;/' \
		kernel/liveupdate/kexec_handover.c
	proves 0 "is equal in this world to $row without=populate-unmap$" ./y.so --identify \
		--opens 1 --tokens 1
}

# Sessions of either kind take each other's calls: a world without end, so that a bound is told.
taken_out_without_end()
{
	changed '/luo_ioctl_type_valid\(session, op\)\)/{N;d}' kernel/liveupdate/luo_session.c
	proves 3 "a bound ended the search before it differed from $row without=ioctl-direction$" \
		./y.so --identify --depth 12
}

# A call that does not return ends after two seconds of CPU time.
stuck()
{
	changed '/^int luo_preserve_file/,/^}/s/file = fget\(fd\);/&while (file) barrier();/'
	gives 1 --kernel ./y.so "$scenarios/dup-token.scn"
	grep -q 'watchdog: BUG: soft lockup - CPU#0 stuck in luo_preserve_file' out || cat out
	grep -q 'stuck: a loop that never ends, in luo_preserve_file' out || cat out
}

# Up to 7.2 the record of preserved pages begins in a page of kmalloc().
kmalloced()
{
	changed 's/kho_radix_init_tree\(tree, NULL\)/kho_radix_init_tree(tree, kzalloc(PAGE_SIZE, GFP_KERNEL))/' \
		kernel/liveupdate/kexec_handover.c
	proves 0 'all seen, 0 differences' ./y.so --damage 1 --opens 1 --tokens 1
}

check "all sequences of a small world are as on row $row" \
	proves 0 'all seen, 0 differences' ./x.so
# What modules ask of KHO, without LUO: folios, an area, a subtree.
modules=(--inodes 1 --memories 3)
check "all calls of modules to KHO do as on row $row, also when a step fails" \
	proves 0 'all seen, 0 differences' ./x.so "${modules[@]}" --faults 1
slow "likewise when what they handed over is damaged" \
	proves 0 'all seen, 0 differences' ./x.so "${modules[@]}" --damage 1
slow "another errno is told, by a scenario" told \
	'/return -EEXIST;/s/EEXIST/EINVAL/' 'differs in preserve_fd, 3 operations.*: -EEXIST; .*: -EINVAL'
slow "an erase that was left out is told" told \
	'/^int luo_file_finish\(/,/^}/s/xa_erase\(&luo_preserved_files,/(void)(/' \
	'differs in preserve_fd, .*: 0; .*: -EBUSY'
check "nor does any differ when a step fails" proves 0 'all seen, 0 differences' ./x.so --faults 1
check "nor when a handover is damaged" proves 0 'all seen, 0 differences' ./x.so --damage 1 \
	--opens 1 --tokens 1
check "nor do races" proves 0 'all seen, 0 differences' ./x.so --tasks 2 --opens 1 --tokens 1 \
	--ops create_session,close_session,kexec
slow "two trees are compared" proves 1 'differs in preserve_fd' ./x.so --against ./y.so
slow "a random search comes upon it" proves 1 'differs in preserve_fd' ./y.so --random --depth 20
grep -q 'kho_radix_init_tree(tree, NULL)' "$tree/kernel/liveupdate/kexec_handover.c" &&
	slow "a page of kmalloc() can be handed over" kmalloced
slow "an error path that forgets is told" told \
	'/^err_erase_xa:/,/^err_module_put:/s/xa_erase\(&luo_preserved_files,/(void)(/' \
	'differs in preserve_fd, .*: unclean-error: .* objects claimed 0 -> 1$' --faults 1
slow "a step that can fail and that the release lacks is told, and where" steps_differ
slow "a lock that was left out is told" races \
	'/^static long luo_session_ioctl/,/^}/s/guard\(rwsem_read\).*//' \
	"$scenarios/races/preserve-frozen.scn" \
	'pages handed over for token 0xc of session "vm0" are reserved'
slow "memory that is used when it was freed is told" races \
	's/luo_session_remove\(sh, session\);/kfree(session); &/' \
	"$scenarios/races/close-create.scn" 'uses memory that another task has freed'
slow "a lock that is taken twice is told" races \
	'/^static int luo_session_release/,/^}/s/guard\(rw.*/guard(rwsem_write)(\&luo_session_global.outgoing.rwsem); &/' \
	"$scenarios/races/close-create.scn" \
	'sleeps for ever on luo_session_global.outgoing.rwsem, which itself holds'
slow "locks taken in two orders are told" races \
	'/^static int luo_session_release/,/^}/s/guard\(rw.*/scoped_guard(rwsem_write, \&luo_session_global.outgoing.rwsem) { & } &/' \
	"$scenarios/races/close-create.scn" \
	'lock order: luo_session_serialize_rwsem is taken under luo_session_global.outgoing.rwsem'
slow "a lock that should be held is told" races \
	'/^int luo_session_retrieve/,/^}/s/guard\(mutex\).*//' \
	"$scenarios/races/retrieve-close.scn" 'WARNING.* luo_session_getfile'
slow "a loop that never ends is told" stuck
slow "the release is identified" proves 0 "is equal in this world to $row$" ./x.so --identify \
	--opens 1 --tokens 1
slow "a fix that was taken out is named" taken_out
slow "likewise when a bound comes before a difference" taken_out_without_end
check "likewise as JSON" prints '\{"type":"search","luosim":.*"findings":0\}' prove ./x.so --format=json \
	"${world[@]}" --depth 2
check "searches that a bound ended name no release" proves 3 \
	': a bound ended the search before any release was seen to be equal$' ./x.so --identify --depth 1
check "what a tree cannot do is told" gives 2 prove ./x.so --handlers kvm
cat >world.scn <<'EOF'
scenario world

handler device
  accepts own
  flb pci iommu
end
handler bus
  accepts own
  flb pci
  id inode
end

explore
  sessions 1
  inodes 1
  handlers device,bus
end

kernel 1
EOF
equal_worlds()
{
	gives 0 prove ./x.so world.scn --tokens 1 --faults 1
	grep -q '^  all seen, 0 differences' out || cat out err
	"$luosim" explore --kernel "$row" world.scn --tokens 1 >found
	gives 1 explore --kernel ./x.so world.scn --tokens 1
	grep -q '^  all seen, ' out || cat out err
	diff <(grep '^    ' found) <(grep '^    ' out)
}
check "worlds with a scenario's handlers are equal" equal_worlds
check "random races are refused" gives 2 prove ./x.so --tasks 2 --random
check "prove of what is no tree" gives 2 prove v7.3
check "a search of the tree alone sees all" finds_nothing
slow "a search with two tasks sees all" finds_nothing --tasks 2 --kernels 1 --opens 1 \
	--ops create_session,preserve_fd,close_session

cat >fix.scn <<'EOF'
scenario fix
kernel 1 ./x.so without=memfd-seals
EOF
cat >race.scn <<'EOF'
scenario refused
kernel 1 ./x.so
  open("/dev/liveupdate") = dev
  iommufd_open() = x
EOF
cat >tree.scn <<'EOF'
scenario tree
kernel 1 v7.1
  open("/dev/liveupdate") = -ENOENT | tree: dev
EOF
check "a result can be that of a tree" gives 0 -q --kernel ./x.so tree.scn
check "and is not that of a row" gives 1 -q tree.scn
check "a fix cannot be taken from a tree" complains 'fix.scn:2:.*on the kernel tree.*' fix.scn
check "an operation that it lacks is told" complains 'race.scn:4: iommufd_open on the kernel tree.*' race.scn
cat >memremap.scn <<'EOF'
scenario memremap
kernel 1 ./x.so
  fail early_memremap nth 2
  kexec() = 0
EOF
check "a mapping whose address nobody knows is refused" \
	complains 'memremap.scn:3: a second early_memremap\(\) that fails on the kernel tree.*' \
	memremap.scn
for setting in nodes=2 kho_scratch=0,8M,8M gigantic_pages=1 crashkernel=4M reserve_mem=4K:4K:x \
	       kasan=on mem_profiling=on deferred_init=on; do
	printf '%s\n' 'scenario setting' "kernel 1 ./x.so mem=64M $setting" >setting.scn
	check "$setting is refused" \
		complains "setting.scn:2: ${setting%%=*}= on the kernel tree.*" setting.scn
done
done_testing
