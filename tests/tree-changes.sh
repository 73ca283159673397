#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a reviewer may overlook: luosim prove finds each small change to a kernel tree, in a
# world in which it finds none without. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

need_tree "changes to a kernel tree"
. "$srcdir/tests/tree.sh"

file=kernel/liveupdate/luo_file.c
session=kernel/liveupdate/luo_session.c
memfd=mm/memfd_luo.c
world=(--sessions 1 --inodes 1 --opens 2 --tokens 2 --kernels 2)
small=(--sessions 1 --inodes 1 --opens 1 --tokens 1 --kernels 2)
seals=(--ops 'create_session,preserve_fd,kexec,retrieve_session,retrieve_fd,add_seals')

kho=kernel/liveupdate/kexec_handover.c
modules=(--memories 3)

# found FILE SED OPTION...: with that change prove finds a difference, and none without.
found()
{
	local in=$1 change=$2
	shift 2
	changed "$change" "$in"
	gives 1 prove ./y.so "${world[@]}" "$@"
	grep -q '^  differs in ' out || cat out
	gives 0 prove ./x.so "${world[@]}" "$@"
	grep -q 'all seen, 0 differences' out || cat out
}

# likewise in a world of two memfds.
with_two()
{
	local world=(--sessions 1 --inodes 2 --opens 1 --tokens 2 --kernels 2)
	found "$@"
}

# likewise in a world of a memfd and an eventfd, whose handler is of a module.
with_module()
{
	local world=("${small[@]}" --handlers eventfd)
	found "$file" "/^(void|int) $1\(/,/^}/s/\tmodule_put\(.*/\t;/"
}

# raced SED FUNCTION OPS: likewise of a function of luo_session.c, by two operations at once.
raced()
{
	local world=("${small[@]}")
	found $session "/^(static )?int $2\(/,/^}/$1" --tasks 2 --ops "$3"
}

# lacks FIX OPTION...: without that fix the model differs from the tree. The table in
# docs/kernel-tree.md says so of it.
lacks()
{
	local fix=$1
	shift
	gives 1 prove ./x.so "$@" --without="$fix"
	grep -q '^  differs in ' out || cat out
	grep -qE "^\| $fix \| prove finds it" "$srcdir/docs/kernel-tree.md" ||
		echo "docs/kernel-tree.md does not say so of $fix"
}

# Each fix has one row in the table.
table_is_whole()
{
	diff <("$luosim" list fixes | awk 'NR > 1 { print $1 }' | sort) \
	     <(sed -n '/^| fix | /,/^$/s/^| \([a-z][a-z0-9-]*\) | .*/\1/p' "$srcdir/docs/kernel-tree.md" |
		grep -vx fix | sort)
}

check "the table of fixes names each" table_is_whole
check "ioctl-direction is missed" lacks ioctl-direction "${world[@]}"
check "populate-unmap is missed" lacks populate-unmap "${small[@]}"
for fix in retrieve-status deserialize-error file-count memfd-seals memfd-efbig block-checks; do
	check "$fix is missed when a handover is damaged" lacks $fix "${small[@]}" --damage 1
done
for fix in memfd-pfn-phys memfd-remove-folio; do
	check "$fix is missed when a step fails behind a damaged handover" lacks $fix \
		"${small[@]}" --damage 1 --faults 1 --time 300
done
write_world()
{
	cat >world.scn <<-'END'
		scenario world

		handler device
		  accepts own
		  flb pci iommu
		end
		handler bus
		  accepts own
		  flb pci
		end

		explore
		  sessions 1
		  inodes 1
		  tokens 2
		  handlers device,bus
		end

		kernel 1
	END
}
write_world
check "flb-incoming-refs is missed when FLBs are handed over" lacks flb-incoming-refs world.scn
for fix in flb-retrieve-status unfreeze-data; do
	check "$fix is missed when a callback fails" lacks $fix world.scn --faults 1
done
part=create_session,preserve_fd,kexec,retrieve_session,retrieve_fd
check "memfd-restore-eio is missed when a second folio is damaged" lacks memfd-restore-eio \
	"${small[@]}" --damage 1 --ops $part,fallocate
check "memfd-uptodate is missed when a page that was only allocated is written" lacks \
	memfd-uptodate "${small[@]}" --ops $part,truncate,fallocate,write
cat >large.scn <<'END'
scenario large
explore
  sessions 1
  tokens 1
  kernels 2
end
kernel 1
  open("/dev/liveupdate")   = dev
  shmem_enabled(always)     = 0
  memfd_create("large", 2M) = f
  write(f, 0, "l")          = 1
END
check "memfd-acct-folio is missed when a folio is large" lacks memfd-acct-folio large.scn --from 12
check "get-name is missed" lacks get-name "${small[@]}" --ops create_session,get_name
check "kexec-jump is missed" lacks kexec-jump "${small[@]}" --ops $part,kexec_jump
check "serialize-rwsem is missed in a race" lacks serialize-rwsem "${small[@]}" --tasks 2 \
	--ops create_session,close_session,kexec
check "retrieve-lock is missed in a race" lacks retrieve-lock "${small[@]}" --tasks 2 \
	--ops create_session,close_session,kexec,retrieve_session
check "an erase that was left out" found $file \
	'/^int luo_file_finish\(/,/^}/s/xa_erase\(&luo_preserved_files,/(void)(/'
check "another errno" found $session '/^static int luo_session_insert/,/^}/s/-EEXIST/-EBUSY/'
check "a failed retrieve that is forgotten" found $file \
	's/luo_file->retrieve_status = err;/;/' --faults 1
check "a reference that is not taken" found $file \
	'/Get reference so we can/{n;s/get_file.*/;/}'
check "a count that stays behind" found $file \
	'/^int luo_preserve_file/,/^}/s/file_set->count\+\+;/;/'
check "a session that may be retrieved twice" found $session \
	's/session->retrieved = true;/;/'
check "seals that are not handed over" found $memfd 's/ser->seals = seals;/ser->seals = 0;/' \
	"${seals[@]}"
check "a mapping of the boot that stays" found kernel/liveupdate/kexec_handover.c \
	'/early_memunmap\(fdt, fdt_len\);/s/early.*/;/'
check "a size that is off by a byte" found $memfd 's/ser->size = inode_size;/ser->size = inode_size + 1;/'
check "a mapping that stays frozen when preserving fails" found $memfd \
	'/^err_unlock:/,/^}/s/shmem_freeze\(inode, false\);/;/' --faults 1
check "a session that is freed and stays in the list" found $session \
	'/^int luo_session_create/,/^}/s/goto err_remove;/goto err_free;/' --faults 1
check "a last session that is not serialized" found $session \
	'/^int luo_session_serialize/,/^}/s/sh->count > 0/sh->count > 1/'
check "a module that a file that was finished keeps" with_module luo_file_finish
check "a module that a file that was given up keeps" with_module luo_file_unpreserve_files
check "a module that a file that is refused keeps" with_module luo_preserve_file
# What only an error path does, or is missed only if a step of it fails.
check "a file that fails to be preserved and stays known" found $file \
	'/^err_erase_xa:/,/^err_module_put:/s/xa_erase\(.*/;/' --faults 1
check "a file that fails to be preserved and stays open" found $file \
	'/^err_fput:/,/^err_shrink:/s/fput\(file\);/;/' --faults 1
check "a block that stays preserved without a list entry" found kernel/liveupdate/kho_block.c \
	'/^static int kho_block_set_grow_one/,/^}/s/kho_block_free_ser\(bs, ser\);/;/' --faults 1
check "folios that stay preserved when their list cannot be" found $memfd \
	'/^err_unpreserve:/,/^err_unpin:/s/kho_unpreserve_folio\(folios\[i\]\);/;/' --faults 1
check "folios that stay pinned" found $memfd \
	'/^err_unpin:/,/^}/s/unpin_folios\(folios, nr_folios\);/;/' --faults 1
check "a structure that stays preserved" found $memfd \
	'/^err_free_ser:/,/^err_unlock:/s/kho_unpreserve_free\(ser\);/;/' --faults 1
check "a descriptor that a failed retrieve keeps" found $session \
	'/^err_put_fd:/,/^}/s/put_unused_fd\(argp->fd\);/;/' --faults 1
check "a reference that a failed answer keeps" found $session \
	'/^err_put_file:/,/^err_put_fd:/s/fput\(file\);/;/' --faults 1
check "a reboot that fails and keeps sessions locked" found $session \
	'/^err_undo:/,/^}/s/up_write\(&luo_session_serialize_rwsem\);/;/' --faults 1
check "a callback that is not there and is called" with_two $file \
	's/if \(luo_file->fh->ops->unfreeze\)/if (1)/' --faults 1
check "a claim that another has and that is given up" found $file \
	'/^int luo_preserve_file/,/^}/s/goto err_module_put;/goto err_erase_xa;/' --faults 1
check "a session that is thawed and was not frozen" found $session \
	'/^err_undo:/,/^}/s/list_for_each_entry_continue_reverse/list_for_each_entry_reverse/' \
	--faults 1 --sessions 2 --opens 1 --tokens 1
check "a folio that is restored twice when a later step fails" found $memfd \
	's/for \(long j = i \+ 1; j/for (long j = i; j/' --faults 1
check "a descriptor that is there before the answer" found $session \
	'/^static int luo_session_retrieve_fd/,/^}/s/err = luo_ucmd_respond\(/fd_install(argp->fd, file); &/' \
	--faults 1
check "a file that is thawed and was not frozen" found $file \
	'/^static void __luo_file_unfreeze/,/^}/s/if \(luo_file == failed_entry\)/if (0)/' \
	--faults 1 --opens 1 --handlers eventfd
lines=2 check "pages that are accounted and not counted" found $memfd \
	's/^\tshmem_recalc_inode\(inode, nr_added_pages, 0\);/\t;/'
check "a last block that stays" found kernel/liveupdate/kho_block.c \
	'/^void kho_block_set_shrink/,/^}/s/count <= /count < /'

# What only modules that call KHO come upon.
check "a list of pages that stays when its area cannot be restored" found $kho \
	'/^void \*kho_restore_vmalloc\(/,/^}/s/kvfree\(pages\);/;/' "${modules[@]}" --faults 1
check "a folio that may be restored twice" found $kho \
	'/^static struct page \*kho_restore_page\(/,/^}/s/page->private = 0;/;/' "${modules[@]}"

# What needs two tasks at once.
check "a close beside a reboot" raced 's/^\tguard\(rwsem_read\)\(&luo_session_serialize_rwsem\);/\t;/' \
	luo_session_release create_session,close_session,kexec
check "two who retrieve a session" raced 's/guard\(mutex\)\(&session->mutex\);/;/' \
	luo_session_retrieve create_session,kexec,retrieve_session
check "two who preserve in a session" raced 's/guard\(mutex\)\(&session->mutex\);/;/' \
	luo_session_preserve_fd create_session,preserve_fd
check "two who finish a session" raced 's/guard\(mutex\)\(&session->mutex\);/;/' \
	luo_session_finish_one create_session,preserve_fd,kexec,retrieve_session,retrieve_fd,finish
done_testing
