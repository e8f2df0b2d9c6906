#!/usr/bin/env bash
# Builds the image and tries what is in it, on a directory and on MinIO, and the images of the examples: container/test.sh. It needs a Docker engine that answers
# (.ci/engine.sh start DIR starts one), MinIO as .ci/servers.sh installs it, and curl. What it makes it removes.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=60 # MB, of an image
servers=${QUIVER_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/quiver-servers}
tag=quiver:test-$$
work=$(mktemp -d)
minio=

cleanup() {
	[[ -z $minio ]] || kill "$minio" 2>/dev/null || true
	docker rm -f "quiver-test-$$" >/dev/null 2>&1 || true
	docker image rm -f "$tag-rounds" "$tag-readings" "$tag-base" "$tag" "$tag-amd64" "$tag-arm64" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT

fail() {
	echo "container/test.sh: $*" >&2
	exit 1
}

# same fails unless a text is the one that was wanted.
same() { [[ $2 == "$3" ]] || fail "$1 is \"$2\", not \"$3\""; }

# has fails unless a text has another in it.
has() { [[ $2 == *"$3"* ]] || fail "$1 is \"$2\", without \"$3\""; }

docker version >/dev/null 2>&1 || fail "no Docker engine answers; start one with: export DOCKER_HOST=\$(bash .ci/engine.sh start DIR)"
[[ -x $servers/bin/minio ]] || fail "there is no MinIO in $servers; install it with: bash .ci/servers.sh"

echo "== build"
bash container/build.sh "$tag"
for architecture in amd64 arm64; do
	image=$tag-$architecture
	inspect() { docker image inspect -f "$1" "$image"; }
	same "the platform of $image" "$(inspect '{{.Os}}/{{.Architecture}}')" "linux/$architecture"
	same "the user of $image" "$(inspect '{{.Config.User}}')" 65532:65532
	same "the license of $image" "$(inspect '{{index .Config.Labels "org.opencontainers.image.licenses"}}')" Apache-2.0
	same "the revision of $image" "$(inspect '{{index .Config.Labels "org.opencontainers.image.revision"}}')" "$(git rev-parse HEAD)"
	bytes=$(inspect '{{.Size}}')
	((bytes < limit * 1000000)) || fail "$image has $bytes bytes, and is to have less than $limit MB"
	docker create --name "quiver-test-$$" --platform "linux/$architecture" --network none "$image" >/dev/null
	docker cp -q "quiver-test-$$:/quiver" "$work/quiver-$architecture"
	docker cp -q "quiver-test-$$:/etc/ssl/certs/ca-certificates.crt" "$work/certificates"
	docker rm "quiver-test-$$" >/dev/null
	program=$(go version -m "$work/quiver-$architecture")
	has "the program of $image" "$program" "GOARCH=$architecture"
	has "the program of $image" "$program" "CGO_ENABLED=0"
	certificates=$(grep -c -e '-----BEGIN CERTIFICATE-----' "$work/certificates" || true)
	((certificates > 100)) || fail "$image has $certificates CA certificates"
done

echo "== on a directory, with a root folder that cannot be written"
mkdir -m 777 "$work/store"
chmod 755 "$work"
quiver() { docker run --rm -i --read-only --tmpfs /tmp --network none -v "$work/store:/store" -e QUIVER_STORE=file:///store "$tag" "$@"; }
here() { QUIVER_STORE="$work/store" QUIVER_CACHE_DIR=off HOME="$work" "$work/quiver-$(go env GOHOSTARCH)" "$@"; }
has "quiver version" "$(quiver version)" "linux/$(go env GOHOSTARCH)"
key=$(echo hello | quiver put -)
same "what was put" "$(quiver get "$key")" hello
same "the writer of quiver.json" "$(stat -c %u:%g "$work/store/quiver.json")" 65532:65532
chmod -R a+rwX "$work/store" 2>/dev/null || fail "only root can run this test: another user's files are made readable"
same "a command" "$(here exec --name greet -- echo hi)" hi
chmod -R a+rwX "$work/store"
has "a query" "$(quiver query --name greet --json 2>/dev/null)" '"name":"greet"'
has "a fold" "$(quiver fold)" "marks folded: 1 of 1"
has "gc" "$(quiver gc --yes)" "what stays: calls 1"
quiver check --read-data >"$work/check" || fail "quiver check: $(cat "$work/check")"
! docker run --rm --read-only --network none -v "$work/store:/store" "$tag" --store file:///store gc --yes >"$work/gc" 2>&1 ||
	fail "gc needs no folder for temporary files: say so in README.md"
has "gc without a folder for temporary files" "$(cat "$work/gc")" /tmp

echo "== the images of the examples"
mkdir "$work/rounds"
CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags '-s -w' -o "$work/rounds/cloudrun" ./examples/cloudrun
cp -r examples/cloudrun/{Containerfile,stops} "$work/rounds/"
cp "$work/certificates" "$work/rounds/ca-certificates.crt"
build() { docker build -q "$@" >"$work/log" 2>&1 || fail "an image does not build: $(cat "$work/log")"; }
build -t "$tag-rounds" -f "$work/rounds/Containerfile" "$work/rounds"
rounds=$(docker run --rm --read-only --network none -v "$work/store:/store" -e QUIVER_STORE=file:///store "$tag-rounds" -attempts 1 /stops 2>&1)
has "the Cloud Run job" "$rounds" "8 of 8 files: 7 computed, 1 remembered"

# A stand-in for the base image, of this machine's shell and tools, since none is pulled.
mapfile -t tools < <(for tool in sh awk sed cat; do command -v "$tool"; done)
mapfile -t libraries < <(ldd "${tools[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
tar -chP "${tools[@]}" "${libraries[@]}" | docker import - "$tag-base" >/dev/null
build -t "$tag-readings" --build-arg BASE="$tag-base" --build-arg QUIVER="$tag" -f examples/batch/Containerfile examples/batch
for index in 0 3; do # two stations of one region
	odd=$(docker run --rm --read-only --tmpfs /tmp --network none -v "$work/store:/store" -e QUIVER_STORE=file:///store -e JOB_COMPLETION_INDEX=$index "$tag-readings" 2>"$work/said")
	[[ -n $odd ]] || fail "task $index of the array job prints nothing: $(cat "$work/said")"
done
has "what the second task says" "$(cat "$work/said")" "hit"
same "the number of baselines" "$(quiver query --name baseline --json 2>/dev/null | wc -l)" 1

echo "== on MinIO"
export MINIO_ROOT_USER=quiver MINIO_ROOT_PASSWORD=of-eight-or-more
for port in $(shuf -i 20000-60000 -n 20); do # the first one that nobody has
	MINIO_UPDATE=off MINIO_BROWSER=off "$servers/bin/minio" server --quiet --address "127.0.0.1:$port" "$work/minio" >"$work/minio.log" 2>&1 &
	minio=$!
	for _ in {1..100}; do
		kill -0 "$minio" 2>/dev/null || break
		! curl -fs "http://127.0.0.1:$port/minio/health/live" || break 2
		sleep 0.1
	done
	kill "$minio" 2>/dev/null || true
done
kill -0 "$minio" 2>/dev/null || fail "MinIO did not start: $(tail -n 3 "$work/minio.log")"
curl -fsS -X PUT --user "$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD" --aws-sigv4 aws:amz:us-east-1:s3 "http://127.0.0.1:$port/bucket"
quiver() {
	docker run --rm -i --read-only --tmpfs /tmp --network host -e AWS_ACCESS_KEY_ID=$MINIO_ROOT_USER -e AWS_SECRET_ACCESS_KEY=$MINIO_ROOT_PASSWORD \
		-e AWS_REGION=us-east-1 -e AWS_EC2_METADATA_DISABLED=true -e QUIVER_STORE="s3://bucket/team?endpoint=http://127.0.0.1:$port&use_path_style=true" "$tag" "$@"
}
key=$(echo hello | quiver put -)
same "what was put" "$(quiver get "$key")" hello
quiver doctor --no-large >"$work/doctor" || fail "quiver doctor: $(cat "$work/doctor")"

echo "== all is well"
