GO ?= go
FUZZTIME ?= 10s
LINT = $(GO) tool -modfile=.ci/tools/go.mod golangci-lint

.DEFAULT_GOAL := help
.PHONY: help test race lint fmt bench demo check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile

test: ## run the tests
	$(GO) test ./...

race: ## run the tests under the race detector
	$(GO) test -race ./...

lint: ## run the linters; the first time builds them, a few minutes
	$(LINT) run

fmt: ## format the code and its imports
	$(LINT) fmt

bench: ## measure CPU per message and memory per idle connection
	$(GO) test ./benchmarks -run '^$$' -bench 'Route/ratio|Idle' -benchtime 1x

demo: ## hold 1,000 connections through 20 s of drops
	$(GO) run ./cmd/tether demo

check: ## everything that CI checks; FUZZTIME is the time per fuzz target
	FUZZTIME=$(FUZZTIME) bash .ci/run
