#!/bin/sh
# Writes the table of primes to a file.
set -eu
awk -v LIMIT=20000 -f src/table.awk >"$1"
