# make bench runs presenced beside FreeRADIUS on this machine and prints what
# each does; BENCH takes flags and parts, as in
#
#     make bench BENCH='-seconds 10 throughput'
#     make bench BENCH=wear

.PHONY: bench
bench: ## presenced beside FreeRADIUS, with figures; on an idle machine, as root for apt-get
	@.ci/peers
	$(or $(GO),go) run ./internal/bench $(BENCH)
