# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The head of the tests of kernel trees, sourced behind tap.sh: paths that are good from
# anywhere, the tree, and a folder of the test's own, in which it goes on.

luosim=$(realpath "${LUOSIM:=./luosim}")
srcdir=$(realpath "$srcdir")
# shellcheck disable=SC2034 # the test has a use for it
tree=${LUOSIM_KERNEL_TREE:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# shellcheck disable=SC2034 # gives() and prints() have
command=("$luosim")
cd "$tmp" || exit 1

# need_tree WHAT [OPTION]: builds x.so of the tree. Without one the test ends, WHAT skipped.
need_tree()
{
	if [ -z "$tree" ]; then
		skip "$1" "no LUOSIM_KERNEL_TREE"
		done_testing
	fi
	"$luosim" build-kernel "${@:2}" "$tree" -o x.so >build.log 2>&1 || cat build.log
}
