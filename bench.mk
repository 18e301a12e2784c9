# make bench runs presenced beside FreeRADIUS, which it installs, on this machine
# and prints what each does, in under five minutes. BENCH takes flags and
# parts, which `go run ./internal/bench -h` lists:
#
#     make bench BENCH='-seconds 10 throughput'
#     make bench BENCH=wear

.PHONY: bench
bench: ## measures presenced beside FreeRADIUS; on an idle machine, as root
	@.ci/peers
	$(or $(GO),go) run ./internal/bench $(BENCH)
