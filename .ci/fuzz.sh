#!/usr/bin/env bash
# Fuzzes every decoder and parser of the packages for a time, or a number of inputs, each: fuzz.sh 5s ./...; fuzz.sh 10000x ./...
set -euo pipefail
time=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz runs one target. The fuzzer itself may fail with nothing but "context deadline exceeded" when its time ends while a worker is busy; that is no
# finding, and is tried once more.
fuzz() {
	for attempt in 1 2; do
		if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" >"$log" 2>&1; then
			grep -E '^ok|execs' "$log" | tail -n 1
			return
		fi
		grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" || break
	done
	cat "$log"
	return 1
}

for package in $(go list "$@"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "fuzz $package $target $time"
		fuzz "$package" "$target"
	done
done
