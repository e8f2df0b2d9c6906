#!/usr/bin/env bash
# A Docker engine of one's own, in a folder, apart from any engine of the system: engine.sh start DIR starts it and prints the DOCKER_HOST
# to export; engine.sh stop DIR ends it, its containers with it, and removes the folder. Use it so:
#
#   engine=$(mktemp -d); trap 'bash .ci/engine.sh stop "$engine"' EXIT
#   export DOCKER_HOST=$(bash .ci/engine.sh start "$engine")
#
# It touches no packet filter: ports are published on the loopback address by Docker's own proxy, and containers reach nothing outside.
set -euo pipefail

# alive says whether process $1 is the engine of the folder; its id may belong to another program by now, or to nothing but a zombie.
alive() { [[ -n $1 ]] && tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$dir/engine.sock"; }

dead() { ! alive "$1"; }

# pid is the process of the folder's engine, alive or not; nothing where there was none.
pid() { cat "$dir/engine.pid" 2>/dev/null || true; }

# await waits up to $1 tenths of a second for the command after it to succeed.
await() {
	local tenths=$1
	shift
	until "$@"; do
		((tenths-- > 0)) || return 1
		sleep 0.1
	done
}

start() {
	if dead "$(pid)"; then
		command -v dockerd >/dev/null || {
			echo "dockerd is missing; install it with: bash .ci/servers.sh DIR" >&2
			return 1
		}
		mkdir -p "$dir"
		rm -f "$dir/engine.pid"
		[[ -e $bridge ]] || touch "$dir/bridge-is-ours"
		setsid dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/engine.pid" -H "$host" --group "$(id -g)" \
			--shutdown-timeout 2 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
			>"$dir/engine.log" 2>&1 </dev/null &
	fi
	await 300 docker -H "$host" version >/dev/null 2>&1 || {
		echo "the Docker engine does not answer at $host; the end of its log:" >&2
		tail -n 20 "$dir/engine.log" >&2
		return 1
	}
	echo "$host"
}

stop() {
	local engine
	engine=$(pid)
	if alive "$engine"; then
		docker -H "$host" ps -aq | xargs -r docker -H "$host" rm -f >/dev/null || true
		kill "$engine"
		await 200 dead "$engine" || kill -9 "$engine"
	fi
	# What an engine leaves that was killed: containers, below a shim each, and mounts, through which rm would reach into them.
	local shim
	for shim in $(pgrep -f -- "-address $dir/exec/" || true); do
		pkill -9 -P "$shim" || true
		kill -9 "$shim" || true
	done
	[[ ! -e $dir/bridge-is-ours || ! -e $bridge ]] || ip link delete docker0
	awk -v dir="$dir/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount -l
	rm -rf "$dir"
}

[[ $# == 2 && $1 =~ ^(start|stop)$ ]] || {
	echo "usage: engine.sh start|stop DIR" >&2
	exit 2
}
dir=$(realpath -m "$2")
bridge=/sys/class/net/docker0
host=unix://$dir/engine.sock
"$1"
