# make          what there is
# make run      the product on one screen, in about a minute
# make test     everything that is checked before a change is taken

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

GO ?= go
STATICCHECK := $(GO) tool -modfile=tools.mod staticcheck

.PHONY: help
help: ## shows this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## runs the real daemon against a made-up office and a sandbox Kadence, and tells what happens
	$(GO) run ./cmd/presenced demo

.PHONY: build
build: ## makes ./presenced, static and without symbols
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o presenced ./cmd/presenced

.PHONY: package
package: ## makes a .deb and an .rpm for amd64 and arm64 in dist/; offline, if the module cache is filled
	rm -rf dist
	GO=$(GO) packages/build.sh dist

.PHONY: test
test: peers style lint ## checks everything; as root (or with sudo) installs what the tests want from Debian first
	.ci/gotest -race -shuffle=on -timeout 10m ./...

.PHONY: peers
peers: ## installs the C compiler for -race and the real peers: hostapd, wpa_supplicant, FreeRADIUS, promtool, systemd, Chromium, rpm, lintian
	@.ci/peers

.PHONY: style
style: ## gofmt and go vet
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these:" >&2; echo "$$unformatted" >&2; exit 1; fi
	$(GO) vet ./...

.PHONY: lint
lint: ## staticcheck, at the version that tools.mod pins
	$(STATICCHECK) ./...

.PHONY: lab
lab: ## only the tests with a real controller, stations and proxies, as they happen
	$(GO) test -count=1 -v -timeout 5m ./internal/lab/...

.PHONY: screenshots
screenshots: ## the status page of a made-up office as Chromium shows it, wide and narrow, light and dark, into ./screenshots
	mkdir -p screenshots
	$(GO) test -count=1 -run TestBrowserDraws ./internal/page -args -screenshots $(CURDIR)/screenshots

.PHONY: bench
bench: peers ## measures presenced beside FreeRADIUS in one table, in about three minutes; on an idle machine. BENCH='-seconds 10 throughput', BENCH=wear
	$(GO) run ./internal/bench $(BENCH)

.PHONY: microbench
microbench: ## the benchmarks of single parts; on an idle machine
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: linger
linger: ## what a linger from 15 to 120 minutes gives in made-up offices whose truth is known
	$(GO) test -count=1 -run TestLingerTable -v ./internal/office -args -people 40

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s) each
	@set -e; for dir in $$($(GO) list -f '{{.Dir}}' ./...); do \
	  for target in $$(grep -hos '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$target"; (cd $$dir && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),20s) .); \
	  done; \
	done

.PHONY: clean
clean: ## removes what build made
	rm -rf presenced dist
