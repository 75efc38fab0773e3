# The suite's front door; CONTRIBUTING.md and README.md explain the targets.
# Variables: FORMAT REPORT CATEGORY SCENARIO VARIANT DAEMON JOBS REQUIRE RUNS BUSY PROFILE FAULT

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
DEV     := $(VENV)/.ready-dev

FORMAT  ?= human
comma   := ,
empty   :=
space   := $(empty) $(empty)
each     = $(foreach value,$(subst $(comma), ,$(2)),$(1) $(value))
SELECT   = $(call each,--category,$(CATEGORY)) $(call each,--scenario,$(SCENARIO)) \
	$(call each,--variant,$(VARIANT)) $(call each,--require,$(REQUIRE)) \
	$(if $(JOBS),--jobs $(JOBS))
RUN      = $(BIN)/conformance run --format $(FORMAT) $(call each,--report,$(REPORT)) $(SELECT)

.DEFAULT_GOAL := help
PYTHONS := $(patsubst daemons/%/pyproject.toml,%,$(wildcard daemons/*/pyproject.toml))
GATEWAYS := $(patsubst gateways/%/daemon.toml,%,$(wildcard gateways/*/daemon.toml))
# Those whose packages are an extra of pyproject.toml.
BACKENDS := $(filter $(PYTHONS),$(shell sed -n 's/^\([a-z0-9-]*\) = \[.*/\1/p' pyproject.toml))
CHECKS  := $(PYTHONS:%=check-%) check-go check-rust check-uring check-php
# Groups of steps; those of one group run at the same time.
STEPS   := check-format,check-types check-documents check-tests \
	$(subst $(space),$(comma),$(CHECKS)) check-self-test
.PHONY: help clients test test-category test-tap test-json list docs check coverage $(CHECKS) $(subst $(comma), ,$(STEPS)) $(BACKENDS:%=test-%) \
	$(GATEWAYS:%=test-%) gateways test-gateways gallery self-test mutants steady format clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: $(READY) ## Judge every daemon (DAEMON=… one), skipping what has no toolchain
	@$(RUN) $(subst $(comma), ,$(DAEMON))

test-%: $(READY) ## Judge one daemon, by its folder in daemons/
	@$(RUN) $*

$(BACKENDS:%=test-%): test-%: $(VENV)/.ready-%
	@$(RUN) $*

$(GATEWAYS:%=test-%): test-%: $(READY)
	@$(RUN) gateways/$*

# Those of gateways/ that DAEMON names, or all.
CHOSEN = $(patsubst %,gateways/%,$(or $(subst $(comma), ,$(DAEMON)),$(GATEWAYS)))

gateways: $(VENV)/.ready-gateways ## Install the gateways that are packages of Python

test-gateways: $(READY) ## Judge the gateways of others, in gateways/ (DAEMON=… some)
	@$(RUN) $(CHOSEN)

gallery: $(DEV) ## Judge the gateways one by one, and write docs/gateways.md
	@mkdir -p gateways/.build; $(BIN)/conformance run --format json --jobs 1 \
		--output gateways/.build/run.json \
		$(CHOSEN); \
	$(BIN)/python docs/gallery.py gateways/.build/run.json && $(BIN)/python docs/generate.py

test-category: $(READY) ## Judge one category: CATEGORY=unicode
	@$(if $(CATEGORY),,echo 'make test-category: say which, as in CATEGORY=unicode' >&2; exit 2)
	@$(RUN) $(subst $(comma), ,$(DAEMON))

test-tap: FORMAT = tap
test-tap: test ## The same as TAP

test-json: FORMAT = json
test-json: test ## The same as JSON

list: $(READY) ## List the scenarios by category
	@$(BIN)/conformance list $(call each,--category,$(CATEGORY))

docs: $(DEV) ## Write the tables in docs/ that repeat what the code says
	@$(BIN)/python docs/generate.py

check: $(DEV) ## Prove the suite itself: linters, types, tests, also those of the daemons
	@MAKE='$(MAKE)' $(BIN)/python tests/check.py $(STEPS)

check-format: $(DEV)
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .

check-types: $(DEV)
	@$(BIN)/mypy

check-documents: $(DEV)
	@$(BIN)/python docs/generate.py --check

check-tests: $(DEV)
	@$(BIN)/pytest --quiet --numprocesses=auto $(call measure,conformance mock_api)

# COVERAGE=1 measures which lines the tests run, and prints the share. Processes that the tests
# start (daemons, the mock API) are not counted.
measure  = $(if $(COVERAGE),$(addprefix --cov=,$(1)) --cov-report=term:skip-covered --cov-config=$(CURDIR)/pyproject.toml)

coverage: $(DEV) ## Run the tests, and print which part of the code they run
	@COVERAGE=1 MAKE='$(MAKE)' $(BIN)/python tests/check.py check-tests \
		$(subst $(space),$(comma),$(PYTHONS:%=check-%))

CLIENTS := tests/clients/.installed
clients: $(DEV) ## Install the clients of other people that tests/clients plays
	@$(PYTHON) -m venv $(CLIENTS)/python
	@$(CLIENTS)/python/bin/pip install --quiet --requirement tests/clients/requirements.txt
	@if command -v npm >/dev/null; then cd tests/clients/drivers && npm install --silent --no-audit --no-package-lock; fi
	@if command -v go >/dev/null; then cd tests/clients/drivers/openai_go && \
		go build -o ../../.installed/openai_go .; fi

check-self-test: $(DEV)
	@$(BIN)/python tests/faulty/self_test.py --part

# What a daemon's own checks need may be missing: $(call skip,DAEMON,COMMAND,PACKAGES)
skip = { command -v $(2) >/dev/null || { echo 'check-$(1): skipped, no $(2): apt-get install $(3)'; \
	exit $(if $(filter $(1),$(subst $(comma), ,$(REQUIRE))),2,0); }; }

$(PYTHONS:%=check-%): check-%: $(DEV)
	@cd daemons/$* && ../../$(BIN)/mypy && ../../$(BIN)/pytest --quiet -p no:randomly $(call measure,.)

check-go:
	@$(call skip,go,go,golang-go) && cd daemons/go && \
	{ test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }; } && go vet ./... && go test ./...

check-rust:
	@$(call skip,rust,cargo,cargo rustfmt rust-clippy) && cd daemons/rust && \
	cargo fmt --check && \
	cargo clippy --quiet --all-targets --target-dir .build -- --deny warnings && \
	cargo test --quiet --target-dir .build

check-uring:
	@$(call skip,uring,cc,build-essential liburing-dev libnghttp2-dev libssl-dev libjansson-dev) && \
	$(MAKE) --no-print-directory --directory daemons/uring check

# Their packages and extensions may be out of reach; what is shared is checked without.
PHPUNIT = phpunit --no-configuration --do-not-cache-result --bootstrap
check-php:
	@$(call skip,php,phpunit,php8.2-cli php8.2-mbstring phpunit) && \
	$(call skip,php,phpcs,php-codesniffer) && phpcs --standard=PSR12 --ignore=vendor daemons/php-shared daemons/php daemons/swoole \
		daemons/swow && \
	$(PHPUNIT) daemons/php-shared/autoload.php daemons/php-shared/tests && \
	if test -e daemons/php/vendor/autoload.php; then \
		$(PHPUNIT) daemons/php/tests/bootstrap.php daemons/php/tests || exit 1; \
	fi && \
	for each in swoole swow; do \
		php -d extension=$$each -r "exit((int) !extension_loaded('$$each'));" 2>/dev/null || continue; \
		php -d extension=$$each "$$(command -v phpunit)" $(wordlist 2,9,$(PHPUNIT)) \
			daemons/$$each/autoload.php daemons/$$each/tests || exit 1; \
	done

self-test: $(DEV) ## Prove that each check can fail: PROFILE=… FAULT=… SCENARIO=… narrow it
	@$(BIN)/python tests/faulty/self_test.py $(call each,--profile,$(PROFILE)) $(call each,--fault,$(FAULT)) \
		$(call each,--scenario,$(SCENARIO)) $(if $(JOBS),--jobs $(JOBS))

mutants: $(DEV) ## Judge mutants of the daemons: SEED=1 SECONDS=300 DAEMON=go,python-http2
	@$(BIN)/python tests/mutants/run.py --seed $(or $(SEED),1) --seconds $(or $(SECONDS),300) \
		$(subst $(comma), ,$(DAEMON))

steady: $(READY) ## Repeat a run RUNS=50 times, BUSY=1 with the other core busy
	@$(BIN)/conformance steady --runs $(or $(RUNS),50) $(if $(BUSY),--busy) \
		$(SELECT) $(subst $(comma), ,$(DAEMON))

format: $(DEV) ## Format everything
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .
	@command -v gofmt >/dev/null && gofmt -w daemons/go || true

clean: ## Remove the virtual environment, build products and caches
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis daemons/*/.build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One install each, pinned; a second run costs one time stamp.
INSTALL = PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet \
	--disable-pip-version-check --editable

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed; PYTHON=… names another one' >&2; exit 2; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || \
		{ echo 'no virtual environment can be made: apt-get install python3-venv' >&2; exit 2; }
	@$(INSTALL) .
	@touch $@

# What an extra of pyproject.toml brings: of one backend, or of all and the linters.
$(VENV)/.ready-%: $(READY)
	@$(INSTALL) '.[$*]'
	@touch $@
