#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# luosim bisect finds the commit of a kernel's git that changes what comes out, and luosim
# compare --git shows each commit as a column. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"
trap 'rm -rf "$tmp" "${clone:-}"' EXIT

check "a bisection of nothing" gives 2 bisect
check "a git that is none" gives 2 bisect --git "$tmp" a b x.scn
check "commits without a git" gives 2 compare --refs a..b "$srcdir/scenarios/dup-token.scn"
need_tree "a kernel's git"
. "$srcdir/tests/tree.sh"
clone=${XDG_CACHE_HOME:-$HOME/.cache}/luosim/git-$(echo "$tmp/changed" | sha256sum | cut -c 1-16)
file=kernel/liveupdate/luo_file.c

git_changed()
{
	git -C changed -c user.name=t -c user.email=t@t "$@"
}

# commit NAME SED: a commit of that change, with a tag
commit()
{
	sed -i -E "$2" changed/$file
	git_changed add -A
	git_changed commit -qm "$1"
	git_changed tag "$1"
}

# A git of links to the tree, but for one file. The commit "third" leaves out an erase.
links $file
rm changed/$file
cp "$tree/$file" changed/$file
git init -q changed
commit first ''
commit second '$a /* second */'
commit third '/^int luo_file_finish\(/,/^}/s/xa_erase\(&luo_preserved_files,/(void)(/'
commit fourth '$a /* fourth */'
commit fifth '$a /* fifth */'
cat >again.scn <<'EOF'
scenario again
kernel 1
  open("/dev/liveupdate") = dev
  create_session(dev, "vm0") = vm0
  memfd_create("guest", 4K) = mem
  preserve_fd(vm0, mem, 0xa) = 0
  kexec()
kernel 2
  open("/dev/liveupdate") = dev
  retrieve_session(dev, "vm0") = vm0
  retrieve_fd(vm0, 0xa) = mem
  finish(vm0) = 0
  create_session(dev, "vm1") = vm1
  preserve_fd(vm1, mem, 0xa) = 0
EOF

bisects()
{
	gives 0 bisect --git changed --configured "$tree" first fifth again.scn
	grep -qE '^results or verdict change with [0-9a-f]+ \("third"\)$' out || cat out err
	[ "$(grep -cE 'preserve_fd\(vm1, mem, 0xa\) += (0|-EBUSY)' out)" -eq 2 ] || cat out
}

unchanged()
{
	gives 1 bisect --git changed --configured "$tree" fourth fifth again.scn
	grep -q 'are the same at fourth and fifth' out || cat out
}

# Each commit is a column; and the tree is left as it was.
columns()
{
	local commits
	commits=$(git -C changed log --reverse --format=%h first..fourth | tr '\n' ' ')
	gives 0 compare --git changed --configured "$tree" --refs first..fourth \
		--format=json again.scn
	[ "$(grep -oE '"column" ?: ?"[^"]*"' out | grep -oE '[^"]*"$' | tr '"\n' '  ' | tr -s ' ')" = \
		"first $commits" ] || cat out
	[ -z "$(git -C changed status --porcelain)" ] || echo "it has changed the git"
	gives 0 compare --git changed --refs second,third again.scn
	grep -qE 'again +clean +leak:end' out || cat out
}

beside_releases()
{
	gives 0 compare --kernels "$row,./x.so" again.scn
	grep -qF "$row" out || cat out
}
row=v$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$version")

check "bisect finds the commit, and shows the run before and after" bisects
check "bisect tells that nothing changes" unchanged
check "compare has a column for each commit" columns
check "compare has trees beside releases" beside_releases
check "a commit that is none" gives 2 bisect --git changed none fifth again.scn
done_testing
