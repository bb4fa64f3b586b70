# What people and CI call. `make` alone lists it.
#
#   make run      build everything, and start Rigi on the examples
#   make test     all tests, as CI runs them
#   make build    the binary with its page (release)
#   make dist     the same as it is released: linked as a whole, which takes longer
#   make check    formatting, lints, types
#   make gen      what is made from the code: OpenAPI, schema, configuration reference, the page's client
#   make e2e      the end-to-end tests alone
#   make conformance  the same pipelines on every target, and what differs (TARGETS=process,container,kubernetes
#                 STORAGES=sqlite+folder,postgres+folder,postgres+s3; LONG=1 adds what takes long, THIRD=1 is a third of it)
#   make deploy   hold deploy/ against the release binary: the chart, rules, dashboards, the unit of systemd
#   make topp     every tool of Debian's topp becomes a pipeline, and two of them run
#   make simulate the engine's decisions under thousands of made-up disasters (SEEDS=10000; SEED=4711 tells one)
#   make schemathesis  hold a running server against the description of its API (SECONDS=100)
#   make fuzz     look for input that breaks what reads it (SECONDS=60 for each target; a nightly compiler)
#   make bench    measure; fails where a figure falls short (QUICK=1: five minutes at most; REPORT_ONLY=1: never fails)
#   make bench-cluster  300 Jobs beside a bare client, and 5,000 on nodes that exist in the API alone (a cluster of its own; root)
#   make chaos    kill -9 of server and supervisor under load (KILLS=1000 SUPERVISOR_KILLS=200 DATABASE=sqlite|postgres SEED=…)
#   make soak     constant load, and nothing may grow (MINUTES=60 DATABASE=sqlite|postgres RATE=20)

# Outside the clone: `git clean` and new worktrees do not build the world again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rigi/target
# Static: the same file runs in any container image, also in one that holds nothing else.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
RIGI := $(CARGO_TARGET_DIR)/$(HOST)/release/rigi
DIR ?= examples

UI_SOURCES := $(shell find ui -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -print 2>/dev/null)

.PHONY: help run build dist check test gen gen-check e2e conformance deploy topp simulate schemathesis fuzz bench bench-cluster chaos soak tools clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   make/  make/p' Makefile

run: build
	@exec $(RIGI) up $(DIR)

build: tools ui/dist/index.html
	RUSTFLAGS="$(RUSTFLAGS) -C target-feature=+crt-static" cargo build --release --locked --package rigi --target $(HOST)

dist: tools ui/dist/index.html
	RUSTFLAGS="$(RUSTFLAGS) -C target-feature=+crt-static" cargo build --profile dist --locked --package rigi --target $(HOST)

# Each missing tool with the command that installs it.
tools:
	@sh .ci/tools.sh

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund
	@touch $@

ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd ui && npm run build
	@touch $@

tests/node_modules/.package-lock.json: tests/package.json tests/package-lock.json
	cd tests && npm ci --no-audit --no-fund
	@touch $@

check: ui/node_modules/.package-lock.json tests/node_modules/.package-lock.json ui/dist/index.html
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cd ui && npm run check
	cd tests && npm run check

test:
	bash .ci/run

# The page is not needed to describe the API: a debug build will do.
GEN ?= cargo run --quiet --locked --package rigi --

gen: ui/node_modules/.package-lock.json
	mkdir -p target/gen
	$(GEN) openapi > target/gen/openapi.json
	$(GEN) schema > target/gen/pipeline.schema.json
	$(GEN) config reference > target/gen/configuration.md
	mv target/gen/openapi.json target/gen/pipeline.schema.json docs/reference/
	mv target/gen/configuration.md docs/operate/
	cd ui && npm run generate

gen-check: gen
	git diff --exit-code -- docs/reference docs/operate/configuration.md ui/src/api/schema.gen.ts

e2e: build tests/node_modules/.package-lock.json
	cargo build --locked --package rigi
	cd tests && RIGI_BIN=$(RIGI) RIGI_LOADED_BIN=$(CARGO_TARGET_DIR)/debug/rigi npx playwright test $(ARGS)

conformance: build tests/node_modules/.package-lock.json
	cd tests && RIGI_BIN=$(RIGI) TARGETS=$(TARGETS) STORAGES=$(STORAGES) CONFORMANCE_LONG=$(LONG) CONFORMANCE_THIRD=$(THIRD) npx playwright test --config conformance.config.ts $(ARGS)

deploy: build
	tests/deploy/run.sh $(RIGI)

topp: build
	tests/tools/run.sh $(RIGI)

schemathesis: build
	tests/schemathesis.sh $(RIGI) $(or $(SECONDS),100)

fuzz:
	fuzz/run.sh $(or $(SECONDS),60) $(TARGETS)

simulate:
	@SEEDS=$(or $(SEEDS),10000) SEED=$(SEED) cargo run --quiet --locked --release --package rigi-engine --example simulate

# PEERS=1 runs other systems beside it, by the scripts in PEERS_DIR.
bench: build
	python3 bench/run.py --binary $(RIGI)

bench-cluster: build
	bench/cluster.sh $(RIGI) jobs
	bench/cluster.sh $(RIGI) crowd

chaos: build
	python3 tests/chaos/run.py --binary $(RIGI) $(if $(KILLS),--kills $(KILLS)) $(if $(SUPERVISOR_KILLS),--supervisor-kills $(SUPERVISOR_KILLS)) \
		$(if $(DATABASE),--database $(DATABASE)) $(if $(SEED),--seed $(SEED))

soak: build
	python3 tests/soak/run.py --binary $(RIGI) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(DATABASE),--database $(DATABASE)) $(if $(RATE),--rate $(RATE))

clean:
	rm -rf ui/dist ui/node_modules tests/node_modules tests/results target
