#!/usr/bin/env bash
# Runs the README's two commands, as they stand there, twice, and shows that the second time the job is not executed.
set -euo pipefail
work=$1
build=$(sed -n '/^```sh quickstart/,/^```/p' README.md | sed -n 2p)
job=$(sed -n '/^```sh quickstart/,/^```/p' README.md | sed -n 3p)
[[ $build == go\ build* && $job == ./quiver\ exec* ]]
echo "$ $build"
bash -c "$build"
echo "$ $job"
bash -c "$job" >"$work/first" 2>"$work/first.err"
bash -c "$job" >"$work/second" 2>"$work/second.err"
cat "$work/second" "$work/second.err"
cmp "$work/first" "$work/second"
test -s "$work/first"
grep -q "miss" "$work/first.err"
grep -q "hit" "$work/second.err"
