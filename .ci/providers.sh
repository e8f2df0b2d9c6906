#!/usr/bin/env bash
# The providers that Terraform's checks take: providers.sh DIR. Where Terraform can fetch providers from its registry, nothing is made and nothing printed.
# Elsewhere stand-ins are built into DIR, from which Terraform takes them with -plugin-dir=DIR, and DIR is printed: schemas without a provider behind them, those
# of QUIVER_TF_STANDINS (default ../shared/tfstub) and the resources of .ci/providers. Use it so:
#
#   QUIVER_TF_PROVIDERS=$(bash .ci/providers.sh DIR); export QUIVER_TF_PROVIDERS
set -euo pipefail
(($# == 1)) || {
	echo "usage: providers.sh DIR" >&2
	exit 2
}
here=$(cd "$(dirname "$0")/.." && pwd)
standins=${QUIVER_TF_STANDINS:-$here/../shared/tfstub}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v terraform >/dev/null || {
	echo "terraform is missing: put version 1.9 or later on the PATH" >&2
	exit 1
}

# A small provider stands for the others: what answers for it within some seconds has those, too.
mkdir "$work/probe"
printf 'terraform {\n  required_providers {\n    null = { source = "hashicorp/null" }\n  }\n}\n' >"$work/probe/main.tf"
if timeout 20 terraform -chdir="$work/probe" init -backend=false -input=false -no-color >"$work/probe.log" 2>&1; then
	echo "terraform: the real providers, from the registry" >&2
	exit 0
fi
if [[ ! -e $standins/mirror.sh ]]; then
	{
		echo "terraform: no providers. The registry does not answer:"
		grep -v '^ *$' "$work/probe.log" | tail -n 5 || true
		echo "and there are no stand-ins at $standins: name them in QUIVER_TF_STANDINS, or run where the registry answers"
	} >&2
	exit 1
fi

cp -R "$standins" "$work/standins"
chmod -R u+w "$work/standins"
for additions in "$here"/.ci/providers/*.json; do
	GOWORK=off go run "$here/.ci/providers/merge.go" "$work/standins/schemas/$(basename "$additions")" "$additions"
done
bash "$work/standins/mirror.sh" "$1" >"$work/mirror.log" 2>&1 || {
	cat "$work/mirror.log" >&2
	exit 1
}
(cd "$1" && pwd)
{
	echo "terraform: the registry does not answer; stand-ins for its providers:"
	(cd "$1" && find . -name 'terraform-provider-*' -type f | sed 's|.*/terraform-provider-|  |' | sort)
	echo "They have the schemas alone: they check configurations, not deployments."
} >&2
