# What people type. `make` alone lists it. Needs the Rust toolchain of rust-toolchain.toml (rustup fetches it) and a C
# compiler; `make test` also PostgreSQL, node and chromium, and installs what it can. Longer steps are in xtask/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The debug build: it is ready in half the time of a release build, and password hashing is optimised in it all the same.
# For the release build: make up PROFILE=release
PROFILE ?= dev
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
LIMEN := $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/limen
CARGO ?= cargo

.PHONY: help build up down restart logs demo check test faults format bench postgres postgres-stop clean clean-all

help: ## print this
	@echo "limen: identity and access infrastructure in one program. The usual start: make up, make demo, make down"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'
	@echo
	@echo "  STACK=compose with up, down and logs runs limen and PostgreSQL in containers."
	@echo "  PROFILE=release with build, up, restart, demo and test uses the optimised build."

build: ## build the program (debug; PROFILE=release for the optimised build)
	@$(CARGO) build --locked --profile "$(PROFILE)" -p limen

# `make up STACK=compose`: limen and PostgreSQL in containers instead of one process.
ifeq ($(STACK),compose)
up: ## build, start in the background with data in .limen/, wait until it is ready, say where to look
	@sh xtask/compose.sh up

down: ## stop what `make up` started; data stay
	@sh xtask/compose.sh down

logs: ## follow the log of the running server (Ctrl-C ends following, not the server)
	@sh xtask/compose.sh logs
else
up: build
	@sh xtask/up.sh "$(LIMEN)"

down:
	@sh xtask/down.sh

logs:
	@sh xtask/logs.sh
endif

restart: build ## down and up
	@sh xtask/down.sh
	@sh xtask/up.sh "$(LIMEN)"

demo: ## play a person's whole story against the running server, request by request
	@sh xtask/demo.sh

check: ## format, lints, layers, file sizes, dependencies, scripts: minutes, no server needed
	@sh xtask/check.sh

test: check ## check, then all tests on SQLite and PostgreSQL, the browser test, and the demo against the built program
	@sh xtask/test.sh "$(LIMEN)" "$(PROFILE)"

SEED ?= 1
ROUNDS ?= 1000
faults: build ## kill the program 1,000 stories long, on both databases, and break all that it stands on (ROUNDS, SEED)
	@sh xtask/faults.sh "$(LIMEN)" "$(ROUNDS)" "$(SEED)"

# ONLY=whoami,flood takes some of the figures. With LIMEN_TEST_POSTGRES in the environment, or PostgreSQL installed, on both.
ONLY ?=
bench: ## measure the release build for some minutes and print the figures beside their goals (ONLY, SEED)
	@$(CARGO) build --locked --release -p limen
	@$(CARGO) build --locked --release -p crypto --example hash_rate
	@sh xtask/bench.sh "$(TARGET)/release" "$(SEED)" "$(ONLY)"

format: ## format all sources
	@$(CARGO) fmt --all

postgres: ## start this checkout's PostgreSQL for tests (installs it where it can) and print its URL
	@sh xtask/postgres.sh install
	@sh xtask/postgres.sh start

postgres-stop: ## stop it; its data stay
	@sh xtask/postgres.sh stop

clean: ## remove build output; the server's data in .limen/ stay
	@$(CARGO) clean --quiet
	@rm -rf tests/browser/node_modules
	@echo "Build output is removed. The data of make up are still in .limen/."

clean-all: ## stop everything and remove build output AND all data: accounts, keys, mails, the PostgreSQL of the tests
	@sh xtask/down.sh
	@sh xtask/postgres.sh remove
	@$(CARGO) clean --quiet
	@rm -rf tests/browser/node_modules .limen
	@echo "Build output and all data are removed."
