#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# version.sh SRCDIR VERSION: print the version with the commit that SRCDIR is at. In a
# tarball .version says what it was made of; elsewhere nothing says more than VERSION.
# Changes that are not committed do not count: the version changes when HEAD does.
set -eu

if [ -s "$1/.version" ]; then
	cat "$1/.version"
# A repository around the source tree would speak of itself.
elif [ "$(git -C "$1" rev-parse --show-cdup 2>&1)" = "" ] && git -C "$1" rev-parse -q HEAD >/dev/null; then
	described=$(git -C "$1" describe --tags --long --abbrev=12 --match 'v[0-9]*' 2>/dev/null) ||
		described=$2-g$(git -C "$1" rev-parse --short=12 HEAD)
	echo "${described#v}"
else
	echo "$2"
fi
