#!/usr/bin/env bash
# Installs what the suites of integration/ run against: servers.sh [DIR]. The servers go into DIR, as integration/servers/versions.env pins them; with
# QUIVER_REQUIRE_CONTAINERS=1 Docker's engine goes into the system, where no engine answers and none is installed. What is there already, in its pinned version, is
# left alone. Without DIR it is QUIVER_SERVERS, else quiver-servers in the user's cache folder, where the suites look too.
set -euo pipefail
(($# <= 1)) || {
	echo "usage: servers.sh [DIR]" >&2
	exit 2
}
here=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-${QUIVER_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/quiver-servers}}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
source "$here/integration/servers/versions.env"

# built says what a binary was built from, as "path@version".
built() { go version -m "$1" 2>/dev/null | awk '$1 == "path" {path = $2} $1 == "mod" {version = $3} END {print path "@" version}'; }

for pinned in "$MINIO" "$MC" "$VERSITYGW" "$FAKEGCS"; do
	name=$(basename "${pinned%@*}")
	if [[ $(built "$dir/bin/$name") != "$pinned" ]]; then
		echo "building $pinned"
		CGO_ENABLED=0 GOBIN=$dir/bin GOWORK=off GOFLAGS= go install "$pinned"
	fi
done

system=() # packages that are missing
command -v npm >/dev/null || system+=(nodejs npm)
if [[ -n ${QUIVER_REQUIRE_CONTAINERS:-} ]] && ! docker version >/dev/null 2>&1; then
	command -v dockerd >/dev/null && command -v docker >/dev/null || system+=(docker.io)
	command -v iptables >/dev/null || system+=(iptables) # dockerd looks for it, and uses it only when told to
	command -v ip >/dev/null || system+=(iproute2)
	command -v pgrep >/dev/null || system+=(procps)
fi
if ((${#system[@]})); then
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || {
		echo "missing, and only root can install them: ${system[*]}" >&2
		exit 1
	}
	echo "installing ${system[*]}"
	apt-get update -q >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${system[@]}" >/dev/null
fi

installed=$dir/azurite/node_modules/azurite/package.json
if [[ $(node -p "require('$installed').version" 2>/dev/null) != "${AZURITE#*@}" ]]; then
	echo "installing $AZURITE"
	rm -rf "$dir/azurite" "$dir/azurite.new" # whole or not at all
	npm install --silent --no-fund --no-audit --prefix "$dir/azurite.new" "$AZURITE"
	mv "$dir/azurite.new" "$dir/azurite"
fi
