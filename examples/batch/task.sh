#!/bin/sh
# One task of an array job: finds what is odd in the readings of the station on its line of tasks.txt. First it needs the baseline of the station's region, as do the tasks
# of the region's other stations: with --once one of them computes it, and the others wait for that.
set -eu
index=${AWS_BATCH_JOB_ARRAY_INDEX:-${JOB_COMPLETION_INDEX:?is not set, nor is AWS_BATCH_JOB_ARRAY_INDEX: this is a task of an array job}}
station=$(sed -n "$((index + 1))p" tasks.txt)
: "${station:?has no value, since tasks.txt has no line $((index + 1)): the job has more tasks than the file has lines}"
region=${station%/*}

baseline=$(quiver exec --name baseline --once --explain --in "readings/$region" -- sh baseline.sh "readings/$region")
exec quiver exec --name odd --explain --stdin -- sh odd.sh "readings/$station.csv" <<BASELINE
$baseline
BASELINE
