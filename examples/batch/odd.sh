#!/bin/sh
# Reads a baseline, and prints the readings of a station's file that are more than two standard deviations off: line,hour,reading,mean.
set -eu
awk -F, '
	NR == FNR { mean[$1] = $2; deviation[$1] = $3; next }
	{ off = $2 - mean[$1] }
	off * off > 4 * deviation[$1] * deviation[$1] { printf "%d,%d,%s,%s\n", FNR, $1, $2, mean[$1] }' - "$1"
