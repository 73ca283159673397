# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests of several processes share: mpirun for any number of ranks on one machine, or
# all is skipped; and a folder.
#
#	mpirun_n RANKS PROGRAM...
#	text FILE			what a search printed that tells nothing of how long it took
#	same "RANKS..." OPTIONS...	a search by so many ranks each is that by one thread
#	graphs STATES ORBITS		so are those of tests/bench/graphs.tsv of at most so many
#	worlds STATES			and those of tests/worlds.tsv, with races if STATES is "all"

luosim=$(realpath "${LUOSIM:-./luosim}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if ! command -v mpirun >/dev/null || [ ! -e "$(dirname "$luosim")/.libs/luosim-mpi.so" ]; then
	echo "1..0 # SKIP no mpirun, or built without --with-mpi"
	exit
fi

# What MPI itself leaves is not luosim's.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

mpirun_n()
{
	local options=(--oversubscribe --bind-to none) status
	[ "$(id -u)" != 0 ] || options+=(--allow-run-as-root)
	# A pipe, so that all that it has to say is said in the end.
	{
		mpirun "${options[@]}" -n "$@" 2>&1 >&4 | sed -n '/^luosim/p' >&2
		status=${PIPESTATUS[0]}
	} 4>&1
	return "$status"
}

text()
{
	sed -E 's/, [0-9.]+ s$//; /transitions a CPU second/d; /^  [0-9]+ ranks, /d' "$1"
}

# States, transitions, depth, findings and their files.
same()
{
	local ranks
	rm -rf "$tmp/alone"
	mkdir "$tmp/alone"
	(cd "$tmp/alone" && "$luosim" explore -j 1 --out . "${@:2}" >../alone.txt)
	for ranks in $1; do
		rm -rf "$tmp/together"
		mkdir "$tmp/together"
		(cd "$tmp/together" && mpirun_n "$ranks" "$luosim" explore --out . "${@:2}" >../together.txt)
		grep -q "^  $ranks ranks, " "$tmp/together.txt" || echo "no line of $ranks ranks"
		diff <(text "$tmp/alone.txt") <(text "$tmp/together.txt") &&
			diff -r "$tmp/alone" "$tmp/together" || echo "$ranks ranks: ${*:2}"
	done
}

# "STATES TRANSITIONS DEPTH" of the reduced machine.
counts()
{
	mpirun_n "$1" "$luosim" explore --reduced --opens 2 "${@:2}" </dev/null |
		sed -nE '1s/.*: ([0-9]+) states, ([0-9]+) transitions, depth ([0-9]+),.*/\1 \2 \3/p'
}

graphs()
{
	local s m t policy states transitions depth orbits ranks got
	while read -r s m t policy states transitions depth orbits; do
		[ "$policy" = none ] || policy=reject-$policy
		for ranks in 1 2 5; do
			local options=("$ranks" --sessions "$s" --inodes "$m" --tokens "$t" --policy "$policy")
			if [ "$states" -le "$1" ]; then
				got=$(counts "${options[@]}" --no-symmetry)
				[ "$got" = "$states $transitions $depth" ] ||
					echo "${options[*]}: $got, expected $states $transitions $depth"
			fi
			if [ "$orbits" -le "$2" ]; then
				got=$(counts "${options[@]}")
				[ "${got%% *}" = "$orbits" ] ||
					echo "${options[*]}: $got, expected $orbits orbits"
			fi
		done
	done < <(grep -v '^#' "$srcdir/tests/bench/graphs.tsv")
}

worlds()
{
	local states depth options
	while read -r states depth options; do
		[ "$1" = all ] || [[ $states -le $1 && $options != *--tasks* ]] || continue
		# shellcheck disable=SC2086 # words
		same "1 2 5" $options </dev/null
		grep -qE "^[^ ]+: $states states, [0-9]+ transitions, depth $depth, " "$tmp/alone.txt" ||
			{ echo "$options: expected $states states, depth $depth"; head -n 1 "$tmp/alone.txt"; }
	done < <(grep -v '^#' "$srcdir/tests/worlds.tsv")
}
