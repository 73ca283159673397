#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make installcheck": what is installed is enough to write and run a program
# against the library, and to run the scenarios that came with it.
# "make installcheck" sets the variables.
set -eu
: "${CC:?}" "${CFLAGS?}" "${PKG_CONFIG:?}"
: "${bindir:?}" "${libdir:?}" "${includedir:?}" "${pkgdatadir:?}" "${scenariodir:?}" "${sysroot?}"
: "${docdir:?}" "${mandir:?}" "${datadir:?}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/user.c" <<'END'
/* Preserve a memfd in one kernel, find its session again in the next. */
#include <luosim.h>
#include <stdio.h>
#include <string.h>

static int call(struct machine *m, int fd, unsigned int cmd, void *arg, size_t size)
{
	return sys_ioctl(m, fd, cmd, (struct uptr){ .mem = arg, .size = size });
}

int main(void)
{
	struct liveupdate_ioctl_session session = { .size = sizeof(session), .name = "vm0" };
	struct liveupdate_session_fd fd = { .size = sizeof(fd), .token = 0xa };
	struct machine_config config = { .mem = 64 << 20 };
	struct machine *m;
	char text[5] = "";

	config.boot.release = *release_find("v7.1");
	config.boot.kho = config.boot.liveupdate = true;
	m = machine_new(&config);
	if (!m)
		return 1;
	if (call(m, sys_open(m, "/dev/liveupdate", 2), LIVEUPDATE_IOCTL_CREATE_SESSION,
		 &session, sizeof(session)))
		return 2;
	fd.fd = sys_memfd_create(m, "guest", 0);
	if (sys_pwrite(m, fd.fd, "hello", 5, 0) != 5)
		return 3;
	if (call(m, session.fd, LIVEUPDATE_SESSION_PRESERVE_FD, &fd, sizeof(fd)))
		return 4;
	if (sys_kexec_load(m, KEXEC_FILE) || sys_reboot_kexec(m) || machine_kernel(m) != 2)
		return 5;
	if (call(m, sys_open(m, "/dev/liveupdate", 2), LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
		 &session, sizeof(session)))
		return 6;
	if (call(m, session.fd, LIVEUPDATE_SESSION_RETRIEVE_FD, &fd, sizeof(fd)))
		return 7;
	if (sys_pread(m, fd.fd, text, 5, 0) != 5 || memcmp(text, "hello", 5))
		return 8;
	machine_free(m);
	puts("a program built against the installed library: ok");
	return 0;
}
END

export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
[ -z "$sysroot" ] || export PKG_CONFIG_SYSROOT_DIR=$sysroot
static=
[ -e "$libdir/libluosim.so" ] || static=--static
# shellcheck disable=SC2046,SC2086 # lists of words
$CC $CFLAGS -o "$dir/user" "$dir/user.c" $($PKG_CONFIG --cflags --libs $static luosim)
"$dir/user"

# The library exports what its header declares, and nothing else.
if [ -z "$static" ]; then
	nm -D --defined-only "$libdir/libluosim.so" | awk '$2 ~ /[TDBR]/ { print $3 }' >"$dir/exported"
	test -s "$dir/exported"
	while read -r symbol; do
		if ! grep -qE "[ *]$symbol\(" "$includedir"/luosim{,-search}.h; then
			echo "libluosim.so exports $symbol, which no header declares"
			exit 1
		fi
	done <"$dir/exported"
	echo "the library exports what its headers declare: ok"
fi

"$bindir/luosim" "$scenariodir/dup-token.scn" >"$dir/out"
grep -q dup-token "$dir/out"
echo "the installed program runs the installed scenarios: ok"

grep -q '"oneOf"' "$pkgdatadir/luosim.schema.json"
echo "the schema of JSON output is installed: ok"

plugin=$docdir/docs/plugin/per-handler.c

# What manual pages and documents refer to, completion and Vim files are there.
for f in "$docdir"/docs/{README,bugs,design,explore,fidelity,findings,handler,kernel-tree,policies}.md \
	"$docdir"/{README.md,NEWS} "$mandir"/man1/luosim.1 "$mandir"/man5/luosim-scn.5 \
	"$mandir"/man5/luosim-recording.5 "$datadir"/bash-completion/completions/luosim \
	"$datadir"/vim/vimfiles/syntax/luosim.vim "$plugin"; do
	[ -s "$f" ] || { echo "$f is not installed"; exit 1; }
done
grep -ohE '\]\([^)#:]+\)' "$docdir"/docs/*.md | tr -d '()]' | grep -vE '^\.\./(scenarios|model|handlers)|\.[15]$' |
	sort -u | while read -r link; do
		[ -e "$docdir/docs/$link" ] || { echo "documents link to $link, which is not installed"; exit 1; }
	done
echo "what documents refer to is installed: ok"

# A policy of one's own: the example as it is written, and what cannot be one.
scenario=$scenariodir/policies/scripted-same-id.scn
# shellcheck disable=SC2046,SC2086
build_plugin() { $CC $CFLAGS -shared -fPIC -o "$1" "$2" $($PKG_CONFIG --cflags luosim); }
build_plugin "$dir/per-handler.so" "$plugin"
# It answers otherwise than the scenario expects of releases: exit status 1.
status=0
"$bindir/luosim" --policy="$dir/per-handler.so" "$scenario" >"$dir/out" || status=$?
[ $status = 1 ]
grep -q 'policy per-handler$' "$dir/out"
grep -qE '^  preserve_fd\(vm0, net, 2\) +. 0$' "$dir/out"
echo "a policy built against the installed header is loaded: ok"

# refused FILE.so WORDS: one line with these words, exit status 2.
refused() {
	status=0
	"$bindir/luosim" --policy="$1" "$scenario" >"$dir/out" 2>"$dir/err" || status=$?
	if [ $status != 2 ] || [ -s "$dir/out" ] || [ "$(wc -l <"$dir/err")" != 1 ] ||
	   ! grep -qF "$2" "$dir/err"; then
		echo "--policy=$1: exit status $status, expected 2 and: $2"
		cat "$dir/err"
		exit 1
	fi
}

sed 's/LUOSIM_POLICY_ABI,/LUOSIM_POLICY_ABI + 1,/' "$plugin" >"$dir/newer.c"
build_plugin "$dir/newer.so" "$dir/newer.c"
refused "$dir/newer.so" 'is made for another version of the interface'
sed 's/luosim_policy = {/other_policy = {/' "$plugin" >"$dir/other.c"
build_plugin "$dir/other.so" "$dir/other.c"
refused "$dir/other.so" 'exports no luosim_policy'
refused "$dir/newer.c" 'cannot be loaded'
refused "$dir/absent.so" 'cannot be loaded'
echo "a policy that does not fit is refused: ok"

# A handler of one's own, likewise.
cp "$docdir"/docs/handler/dmabuf.c "$docdir"/docs/handler/dmabuf.scn "$dir"
build_plugin "$dir/dmabuf.so" "$dir/dmabuf.c"
"$bindir/luosim" "$dir/dmabuf.scn" >"$dir/out" || { cat "$dir/out"; exit 1; }
grep -qx 'verdict: clean' "$dir/out"
echo "a handler built against the installed header is loaded: ok"
