#!/usr/bin/env bash
# Builds the container image of the command, for linux/amd64 and linux/arm64, with docker or podman: container/build.sh [TAG] makes TAG-amd64 and TAG-arm64, and TAG for
# this machine; TAG is quiver:latest where it is not given. Nothing is pulled. The command is the same byte for byte when it is built again from the same commit with
# the same Go. CA certificates are those of this machine, as Debian's package ca-certificates keeps them; CA_CERTIFICATES=FILE names others.
set -euo pipefail
(($# <= 1)) || {
	echo "usage: build.sh [TAG]" >&2
	exit 2
}
tag=${1:-quiver:latest}
certificates=${CA_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
cd "$(dirname "$0")/.."

grep -qs -e '-----BEGIN CERTIFICATE-----' "$certificates" || {
	echo "build.sh: there are no CA certificates in $certificates: install the package ca-certificates, or name a file of certificates in CA_CERTIFICATES" >&2
	exit 1
}
for engine in docker podman ''; do
	[[ -z $engine ]] || ! command -v "$engine" >/dev/null || break
done
[[ -n $engine ]] || {
	echo "build.sh: neither docker nor podman is installed" >&2
	exit 1
}

context=$(mktemp -d)
trap 'rm -rf "$context" "$context.log"' EXIT
cp container/Containerfile "$context/Dockerfile" # the name that both engines look for
install -m 644 "$certificates" "$context/ca-certificates.crt"

revision=$(git rev-parse HEAD 2>/dev/null || true)
labels=(--label "org.opencontainers.image.revision=$revision")
for architecture in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$architecture GOWORK=off go build -trimpath -buildvcs=auto -ldflags '-s -w' -o "$context/quiver" ./cmd/quiver
	chmod 755 "$context/quiver"
	# Without a cache: Docker's older builder takes layers of another platform for this one's, and fails.
	"$engine" build -q --no-cache --platform "linux/$architecture" "${labels[@]}" -t "$tag-$architecture" "$context" >"$context.log" 2>&1 || {
		cat "$context.log" >&2
		exit 1
	}
	bytes=$("$engine" image inspect -f '{{.Size}}' "$tag-$architecture")
	echo "$tag-$architecture: $((bytes / 1000000)) MB, quiver $(sha256sum "$context/quiver" | cut -c -16)"
done
"$engine" tag "$tag-$(go env GOHOSTARCH)" "$tag"
