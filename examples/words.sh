#!/bin/sh
# Prints the ten most frequent long words of the text files below the directories that it is given.
set -eu
find "$@" -type f -name '*.md' -exec cat {} + | tr -cs '[:alpha:]' '\n' | tr '[:upper:]' '[:lower:]' | grep -E '^.{6,}$' |
	sort | uniq -c | sort -k1,1nr -k2 | head -n 10
