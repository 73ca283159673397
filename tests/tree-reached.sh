#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scenarios, two small searches and a driver that does what none should reach of the code of
# 7.3, error paths with it: each function of which lines or branches were not reached is in
# tree-reached.txt with the reason. Skipped without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"
reasons=$srcdir/tests/tree-reached.txt

need_tree "what is reached of a kernel tree" --coverage

. "$srcdir/tests/tree.sh"

# counted NAME OBJECT ARGUMENT...: what was run by then of an object is in NAME.info and NAME.out.
counted()
{
	local name=$1 object=$2
	shift 2
	"$luosim" coverage "$object" --data "$name" --lcov "$name.info" "$@" >"$name.out" 2>err ||
		{ echo "$*:"; cat err; }
}

runs()
{
	local folder
	for folder in . faults reboot findings handover handlers policies public; do
		counted tree ./x.so "$srcdir/scenarios/$folder"/*.scn
	done
	counted tree ./x.so explore --sessions 1 --opens 2 --faults 1 --depth 7
	counted tree ./x.so explore --sessions 1 --inodes 1 --opens 1 --tokens 1 --damage 1
}

# A driver's eventfds are preserved, its handler has no freeze() to undo, and it says of an FLB
# that was retrieved without an object what it says of one that has one.
write_scenarios()
{
	cat >off.scn <<-'END'
		scenario off

		kernel 1 v7.3 liveupdate=off
		  open("/dev/liveupdate")     = -ENOENT
	END
	cat >driver.scn <<-'END'
		scenario driver

		kernel 1 v7.3
		  open("/dev/liveupdate")     = dev
		  create_session(dev, "s")    = s
		  memfd_create("m", 4K)       = m
		  open_file(eventfd)          = e
		  preserve_fd(s, e, 1)        = 0
		  preserve_fd(s, m, 2)        = 0
		  fail callback("memfd", freeze) = -EIO
		  kexec()                     = -EIO
		  kexec()                     = 0

		kernel 2
		  open("/dev/liveupdate")     = dev
		  retrieve_session(dev, "s")  = s
		  retrieve_fd(s, 1)           = -ENXIO
		  finish(s)                   = 0

		expect unclean-error
	END
}

# With the driver it is another object, of which the counts are others.
driver()
{
	write_scenarios
	kind=coverage lines=0 changed ''
	cp "$srcdir/tests/tree-driver.c" changed/kernel/liveupdate/driver.c
	kind=coverage add=kernel/liveupdate/driver.c compiled
	counted driver ./y.so off.scn driver.scn
}

# "FILE FUNCTION LINES BRANCHES" of what neither reached of the files in the list: lcov has the
# counts, and what luosim prints has the functions.
missed()
{
	awk -F '[:,]' '
		FNR == 1 { part++ }
		part == 1 && /^[a-z]/ { split($0, w, " "); listed[w[1]] = 1 }
		part < 4 && $1 == "SF" {
			file = ""
			for (f in listed) if (index($2, "/" f)) file = f
		}
		part < 4 && $1 == "DA" { line[file, $2] += $3 }
		part < 4 && $1 == "BRDA" { branch[file, $2, $3, $4] += $5 }
		part == 4 && / [a-z_0-9]+\(\)$/ { file = $1; name = $2; gsub(/[ ()]/, "", name) }
		part == 4 && match($0, /^ *(#####|[0-9]+ of [0-9]+) +[0-9]+ /) {
			n = split(substr($0, 1, RLENGTH), w, " ")
			at = w[n]
			l[file " " name] += ((file, at) in line) && !line[file, at]
			for (i = 0; ((file, at, 0, i) in branch); i++)
				b[file " " name] += !branch[file, at, 0, i]
		}
		END { for (f in l) { split(f, w, " ")
			if (w[1] in listed && l[f] + b[f]) print f, l[f] + 0, b[f] + 0 } }' \
		"$reasons" tree.info driver.info tree.out | sort
}

# More than the list has.
unlisted()
{
	awk 'FNR == NR { if (/^[a-z]/) { lines[$1 " " $2] += $3; branches[$1 " " $2] += $4 } next }
		$3 > lines[$1 " " $2] || $4 > branches[$1 " " $2] {
			print $0 " were not reached, listed are " lines[$1 " " $2] + 0, branches[$1 " " $2] + 0
		}' "$reasons" missed
}

# What is listed and was reached.
listed_too_much()
{
	awk 'FNR == NR { lines[$1 " " $2] = $3; branches[$1 " " $2] = $4; next }
		/^[a-z]/ && ($3 > lines[$1 " " $2] || $4 > branches[$1 " " $2]) {
			print $1 " " $2 ": only " lines[$1 " " $2] + 0 " lines and " \
			      branches[$1 " " $2] + 0 " branches of " $3 " and " $4 }' \
		missed "$reasons"
}

check "scenarios and searches run" runs
check "a driver runs, and what it does wrong" driver
missed >missed
check "what they do not reach is listed, with the reason" unlisted
check "and nothing is listed that they do reach" listed_too_much
done_testing
