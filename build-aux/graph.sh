#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who includes whom: the folders of sim/ and model/ as a graph for Graphviz, each arrow with
# how many includes it stands for.
#
#	graph.sh SOURCE-FOLDER
set -eu
export LC_ALL=C
cd "$1"
printf 'digraph luosim {\n\trankdir=TB\n\tnode [shape=box fontname=sans]\n\tedge [fontname=sans fontsize=9]\n'
find sim model -name '*.[ch]' | sort | while read -r file; do
	from=$(dirname "$file")
	sed -nE 's/^#include "([^"]+)".*/\1/p' "$file" | while read -r header; do
		if [ -e "${file%%/*}/$header" ]; then
			printf '%s %s\n' "$from" "$(dirname "${file%%/*}/$header")"
		elif [ -e "model/$header" ]; then
			printf '%s %s\n' "$from" "$(dirname "model/$header")"
		fi
	done
done | sort | uniq -c | awk '$2 != $3 {
	printf "\t\"%s\" -> \"%s\" [label=%s]\n", $2, $3, $1
}'
printf '}\n'
