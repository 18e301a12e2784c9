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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## runs the real daemon against a made-up office and a sandbox Kadence, and tells what happens
	$(GO) run ./cmd/presenced demo

.PHONY: build
build: ## makes ./presenced, static and without symbols
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X github.com/presenced/presenced/internal/daemon.release=$$(packages/version.sh)" -o presenced ./cmd/presenced

.PHONY: package
package: ## makes what a release consists of in dist/, for amd64 and arm64: packages, archives, images; offline, if the module cache is filled
	rm -rf dist
	GO=$(GO) packages/build.sh dist

.PHONY: release
release: ## the same, audited, built twice and compared, and signed if MINISIGN_KEY names the file of a key
	GO=$(GO) packages/release.sh dist

.PHONY: release-test
release-test: audit ## runs what a release consists of: the image by runc, arm64 by qemu, repositories for apt and dnf, Ansible, signatures
	@.ci/peers release
	$(GO) test -count=1 -v -timeout 60m -tags whole ./packages

.PHONY: audit
audit: ## holds the module cache against go.sum, and what is called against the known vulnerabilities
	GO=$(GO) packages/audit.sh

.PHONY: licences
licences: ## writes docs/licences.md, from the texts of what is linked
	@tool=$$(mktemp) && $(GO) build -C packages/release -o $$tool . && $$tool licences >docs/licences.md; rm -f $$tool

.PHONY: test
test: export RAPID_SEED ?= 1# a change is judged by the same random cases each time; new ones are looked for at night
test: peers style lint ## checks everything; as root (or with sudo) installs what the tests want from Debian first
	.ci/gotest -race -shuffle=on -timeout 30m ./...
	.ci/gotest -shuffle=on -timeout 30m ./presence ./internal/rigs/office # days by chance: few with -race, here many
	$(MAKE) points ROUNDS=100
	RAPID_CHECKS=10 $(GO) test -C internal/rigs/etcd -count=1 -timeout 10m ./...

.PHONY: points
points: ## kills, or has fail, the store between any two steps to the disk, and the courier around its calls, ROUNDS (5000) times each
	$(GO) test -count=1 -v -timeout 4h -tags failpoints -run TestAtEveryPoint ./store -args -rounds $(or $(ROUNDS),5000)

.PHONY: peers
peers: ## installs the C compiler for -race and the real peers: hostapd, wpa_supplicant, FreeRADIUS, radsecproxy, promtool, systemd, Chromium, rpm, lintian
	@.ci/peers

.PHONY: style
style: ## gofmt and go vet
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these:" >&2; echo "$$unformatted" >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags whole ./packages
	$(GO) vet -tags failpoints ./store/...
	$(GO) vet -C packages/release ./...
	$(GO) vet -C internal/rigs/etcd ./...

.PHONY: lint
lint: ## staticcheck with every check, at the version that tools.mod pins
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags whole ./packages
	linter=$$($(GO) tool -modfile=tools.mod -n staticcheck) && for module in packages/release internal/rigs/etcd; do (cd $$module && $$linter ./...) || exit 1; done
	$(STATICCHECK) -tags failpoints ./store/...

.PHONY: lab
lab: ## only the tests with a real controller, stations and proxies, as they happen
	$(GO) test -count=1 -v -timeout 5m ./internal/rigs/lab/...

.PHONY: chaos
chaos: ## three daemons on three members of etcd, killed one after the other under load, in about three minutes: nothing is lost or made twice
	$(GO) test -C internal/rigs/etcd -count=1 -v -timeout 20m -run 'TestNothingIsLost|TestWithoutTheRules' . -args -chaos 60s -rate 30

.PHONY: cluster
cluster: ## plays the day of make run by three daemons on three members of etcd, of which a daemon and the leader are killed at noon
	@programs=$$(mktemp -d) && trap 'rm -rf "$$programs"' EXIT && $(GO) build -o "$$programs/" ./cmd/presenced && \
	$(GO) build -C internal/rigs/etcd -o "$$programs/" ./member ./cluster && "$$programs/cluster" -programs "$$programs" $(CLUSTER)

.PHONY: radio
radio: ## hostapd, wpa_supplicant and FreeRADIUS on simulated radios, in a user-mode Linux in virtual time: every way to roam, random walks, an office
	@.ci/peers radio
	$(GO) test -count=1 -v -timeout 3h -run TestRadio ./internal/rigs/lab -args -radio $(RADIO)

.PHONY: screenshots
screenshots: ## the status page of a made-up office as Chromium shows it, wide and narrow, light, dark and on paper, into ./screenshots
	mkdir -p screenshots
	$(GO) test -count=1 -run 'TestBrowserDraws|TestAThousandPeopleAtAGlance|TestOnesOwnPageInABrowser' ./internal/page -args -screenshots $(CURDIR)/screenshots

.PHONY: bench
bench: peers ## measures presenced beside FreeRADIUS in one table, in about four minutes; on an idle machine. BENCH='-seconds 10 throughput', BENCH=wear
	$(GO) run ./internal/rigs/bench $(BENCH)

.PHONY: microbench
microbench: ## the benchmarks of single parts; on an idle machine
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: linger
linger: ## what a linger from 15 to 120 minutes gives in made-up offices whose truth is known
	$(GO) test -count=1 -run TestLingerTable -v ./internal/rigs/office -args -people 40 -seeds 6

.PHONY: nightly
nightly: nightly-properties nightly-offices nightly-store chaos radio release-test nightly-fuzz ## everything that takes too long for every change

.PHONY: nightly-properties
nightly-properties: # those that are checked on random cases, on new ones, and many
	RAPID_CHECKS=2000 $(GO) test -count=1 -timeout 2h ./store/... -run 'TestTheMapIsWhatMaps|TestTheFileKeepsTheContract|TestWhatIsDecoded'
	RAPID_CHECKS=500 $(GO) test -C internal/rigs/etcd -count=1 -timeout 2h -run TestEtcdKeepsTheContract ./...
	RAPID_CHECKS=2000 $(GO) test -count=1 -timeout 2h ./internal/rigs/office -run 'TestNobodyIsTwice|TestEventsArrive|TestRetransmission|TestSessionsAreWhole|TestPhones'

.PHONY: nightly-offices
nightly-offices: # fifty weeks of three hundred people on every make of equipment, and the properties of any day
	$(GO) test -count=1 -timeout 2h -v -run TestFieldIsRight ./internal/rigs/office -args -makes all -seeds 50 -people 300
	$(GO) test -count=1 -timeout 2h -run 'TestAnyOrder|TestLate|TestLooking|TestLaterSign|TestWhatIsStored' ./internal/rigs/office -args -makes all -days 100
	$(GO) test -count=1 -timeout 4h -v -run TestSeveralDaemons ./internal/rigs/office -args -several 50

.PHONY: nightly-store
nightly-store: points # and the power cut, traced and on a file system of our own; the daemon killed under load
	$(GO) test -count=1 -v -timeout 4h -run 'TestPowerLoss|TestAPowerCut|FailingDisk' ./store -args -losses 500 -cuts 1000
	$(GO) test -count=1 -v -timeout 1h -run KilledUnderLoad ./cmd/presenced -args -kills 200

.PHONY: race
race: ## every test three times with the race detector, on one, two and four cores, package by package; three hours on two cores
	@set -e; for package in $$($(GO) list ./...); do \
	  rounds="-count=3 -cpu 1,2,4"; case $$package in */packages|*/internal/rigs/lab) rounds=-count=1;; esac; \
	  echo "$$package $$rounds"; nice $(GO) test -race -shuffle=on -timeout 90m $$rounds $$package; \
	done

.PHONY: nightly-fuzz
nightly-fuzz: # every fuzz target for ten minutes
	$(MAKE) fuzz FUZZTIME=10m

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
