# make help lists what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
PACKAGES ?= ./...
FUZZTIME ?= 60s
HISTORIES ?= 10000
EXAMPLES := examples/lambda examples/lambda-housekeeping examples/batch
MODULES  := integration bench terraform/check $(EXAMPLES) # beside the library's: what no user of it inherits
UNTIL    = '^TestHistoriesUntilTheTimeIsOver$$'
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build test histories soak integration terraform examples release servers fuzz bench lint cross modules tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the command into ./quiver
	$(GO) build -o quiver ./cmd/quiver

test: ## run all quick suites with the race detector; fails when a named suite is missing or anything is skipped
	$(GO) test -race -json $(PACKAGES) | $(GO) run .ci/suites.go .ci/suites.txt

soak: servers ## run the long suites too, also those over real servers, and histories in memory and on MinIO for 10 and 3 minutes, or for SOAK=3h each, and the index at 10M calls (an hour)
	$(GO) test -race -tags soak -timeout 60m -skip $(UNTIL) $(PACKAGES)
	cd integration && $(GO) test -race -tags soak -timeout 60m -skip $(UNTIL) ./...
	$(GO) test -tags soak -count=1 -v -timeout 0 -run $(UNTIL) ./callindex $(if $(SOAK),-soak $(SOAK))
	cd integration && $(GO) test -tags soak -count=1 -v -timeout 0 -run $(UNTIL) . $(if $(SOAK),-soak $(SOAK))
	cd bench && timeout 1500 $(GO) run . index --n 10000000 --only 'record|streamed|name'

integration: servers ## run the suites against MinIO, versitygw, fake-gcs-server and Azurite: in containers where a Docker engine answers, else as processes
	cd integration && $(GO) test -race -timeout 30m -json ./... | $(GO) run ../.ci/suites.go ../.ci/integration.txt

terraform: ## format, validate and test the Terraform modules and their tests; with the providers in the folder QUIVER_TF_PROVIDERS where the registry does not answer
	cd terraform/check && $(GO) test -count=1 -timeout 30m -json ./... | $(GO) run ../../.ci/suites.go ../../.ci/terraform.txt

examples: ## run the examples that need libraries of a cloud; the others are in test
	for module in $(EXAMPLES); do (cd $$module && $(GO) test -timeout 10m -json ./...); done | $(GO) run .ci/suites.go .ci/examples.txt

release: ## build the archives for all systems into dist, and one of them again elsewhere, to compare
	rm -rf dist
	$(GO) run ./release -o dist
	$(GO) run ./release -verify dist -only linux/amd64

servers:
	bash .ci/servers.sh

histories: ## try HISTORIES random histories of the call index (10,000), without the race detector
	$(GO) test -count=1 -timeout 30m -run TestEveryQueryOfAHistory ./callindex -histories $(HISTORIES)

fuzz: ## fuzz every decoder and parser for FUZZTIME each (60s, or 10000x for a number of inputs)
	@bash .ci/fuzz.sh $(FUZZTIME) $(PACKAGES)

bench: ## run the benchmarks beside their floors
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES)

lint: tools ## vet, format and lint
	$(GO) vet $(PACKAGES)
	$(GO) vet -tags soak $(PACKAGES)
	golangci-lint run $(PACKAGES)
	for module in $(MODULES); do (cd $$module && $(GO) vet -tags soak ./... && golangci-lint run ./...); done

cross: ## vet for the other systems that are supported, as release builds for them
	for system in linux/arm64 darwin/arm64 windows/amd64; do \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} $(GO) vet -trimpath $(PACKAGES); \
	done

modules:
	@echo $(MODULES)

tools:
	@command -v golangci-lint >/dev/null || { \
		echo "golangci-lint is missing; install it with: $(GO) install $(LINT)"; exit 1; }

clean: ## remove what the other targets built
	rm -f quiver
