# Execos. Everything a developer, a server or CI does is a target here; `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PY := .venv/bin/python
SCRATCH := $(CURDIR)/.venv/.cache/tmp
PYTEST := mkdir -p $(SCRATCH) && TMPDIR=$(SCRATCH) $(PY) -m pytest
SERVICES := identity sales work billing notifications reporting
PACKAGES := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml gateway/pyproject.toml deploy/local/pyproject.toml)
TYPED := $(wildcard libs services gateway deploy/local tests bench tools)
# On 2 cores: some tests wait for a broker, a server or a timer.
WORKERS ?= 3
PARALLEL := -n $(WORKERS) --dist worksteal

# A run leaves nothing outside .venv and .data: every cache of every tool lives in .venv/.cache.
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.venv/.cache/pycache
export UV_CACHE_DIR ?= $(CURDIR)/.venv/.cache/uv
export HYPOTHESIS_STORAGE_DIRECTORY ?= $(CURDIR)/.venv/.cache/hypothesis

# ------------------------------------------------------------------------------------------------ the platform

.PHONY: help
help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^# -+ / {sub(/^# -+ /, ""); printf "\n%s\n", $$0} \
		/^[a-z][a-zA-Z0-9_%-]*:.*## / {sub(/%/, "<package>", $$1); printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: install ## start everything and wait until it is ready (DETACH=1 returns then, PROFILE=test for tests)
	@$(PY) -m local up $(if $(DETACH),--detach) $(if $(PROFILE),--profile $(PROFILE))

.PHONY: down
down: install ## stop everything; the data stays
	@$(PY) -m local down

.PHONY: reset
reset: install ## stop everything and delete all data under .data
	@$(PY) -m local reset

.PHONY: status
status: install ## what runs, where, and whether it is ready
	@$(PY) -m local status

.PHONY: seed
seed: install ## demo organisations, users and rows in the running platform (idempotent)
	@$(PY) -m local seed

.PHONY: demo
demo: install ## one journey through the gateway: lead, deal, delivery, invoice, payment, health score
	@$(PY) -m local demo

.PHONY: backup
backup: install ## every database at one point, with the secrets, to .data/backups
	@$(PY) -m local backup

.PHONY: restore
restore: install ## the newest backup in the place of the stopped platform (AT=2026-11-28T12:00:00Z: not after)
	@$(PY) -m local restore $(if $(AT),--at $(AT))

# ---------------------------------------------------------------------------------------------------- install

.PHONY: install
install: .venv/.installed ## .venv from requirements.lock; costs nothing when nothing changed

.venv/.installed: requirements.lock tools/install.py $(PACKAGES)
	@$(PYTHON) tools/install.py

.PHONY: lock
lock: install ## resolve requirements.lock anew (UPGRADE=1 moves every version forward)
	@$(PY) tools/lock.py $(if $(UPGRADE),--upgrade)

# ------------------------------------------------------------------------------------------------------ check

CHECKS := check-types check-openapi check-protos check-gateway check-ruff check-format check-imports check-house \
	check-lock check-settings check-permissions

.PHONY: check
check: install ## every guard that needs no running platform, two at a time
	@$(MAKE) -j2 -k -O $(CHECKS) && echo "check: all green" \
		|| { echo "check: failed, the lines with *** above name what" >&2; exit 1; }

.PHONY: $(CHECKS)
check-ruff: install ## ruff, every rule but a short list with reasons
	@$(PY) -m ruff check --quiet --output-format concise

check-format: install ## ruff format
	@$(PY) -m ruff format --check --quiet --output-format concise || { printf "\nnot formatted: run \`make fmt\`\n"; exit 1; }

check-types: install ## mypy --strict over everything
	@$(PY) -m mypy --no-error-summary $(TYPED)

check-imports: install ## layers inside a service, strangers between services, a chassis without business
	@said=$$(.venv/bin/lint-imports --cache-dir .venv/.cache/imports --no-logo) || { echo "$$said"; exit 1; }

check-house: install ## the rules of this house (tools/house)
	@$(PY) -m tools.house_lints

check-lock: install ## requirements.lock fits the pyproject.toml files, without addresses
	@$(PY) tools/lock.py --check

check-protos: install ## protos: lint, breaking changes, drift of generated code
	@$(PY) libs/contracts/generate.py check

check-openapi: install ## OpenAPI: drift of committed documents, breaking changes
	@$(PY) -m tools.openapi check

check-gateway: install ## Envoy validates the configuration of every environment
	@$(PY) -m gateway validate

check-settings: install ## .env.example names every variable that a service reads
	@$(PY) -m tools.env_example

check-permissions: install ## docs/permissions.md is what the doors and the role table say
	@$(PY) -m tests.contract.permissions --check

.PHONY: fmt
fmt: install ## format, and repair what ruff can repair
	@$(PY) -m ruff check --fix --quiet || true
	@$(PY) -m ruff format --quiet

# ------------------------------------------------------------------------------------------------------- test

.PHONY: test
test: install ## all tests: everything in parallel, then the journeys through the gateway
	@$(PYTEST) $(PARALLEL) --ignore=tests/e2e; first=$$?; \
		if [ -d tests/e2e ]; then $(PYTEST) tests/e2e; second=$$?; else second=0; fi; \
		exit $$((first > second ? first : second))

.PHONY: test-%
test-%: install ## one package alone, for example test-sales, test-chassis, test-gateway, test-local
	@paths="$(wildcard services/$*/tests libs/$*/tests $*/tests deploy/$*/tests)"; \
		if [ -z "$$paths" ]; then echo "no tests of $*" >&2; exit 1; fi; $(PYTEST) $$paths

.PHONY: contract
contract: install ## what holds between services: contracts, permissions, tenants, migrations
	@$(PYTEST) $(PARALLEL) tests/contract

.PHONY: e2e
e2e: install ## journeys through Envoy over the embedded stack, with processes killed in the middle
	@$(PYTEST) tests/e2e

.PHONY: fuzz
fuzz: install ## many generated requests against every OpenAPI document (EXAMPLES=500)
	@EXECOS_FUZZ_EXAMPLES=$(or $(EXAMPLES),500) $(PYTEST) $(PARALLEL) -m fuzz --timeout=0 tests/contract

.PHONY: coverage
coverage: install ## branch coverage of the chassis, at least 95 %, and the lines that are left
	@$(PY) -m coverage run -m pytest libs/chassis/tests && $(PY) -m coverage report

.PHONY: bench
bench: install ## load and cost against the floors of the same run, saved to bench/results
	@$(PY) -m bench

# -------------------------------------------------------------------------------------------- generated, schema

.PHONY: protos
protos: install ## generate libs/contracts from protos (ACCEPT=1 makes them the new promise)
	@$(PY) libs/contracts/generate.py $(if $(ACCEPT),--accept-baseline)

.PHONY: openapi
openapi: install ## write every service's OpenAPI document and the gateway's (ACCEPT=1: the new promise)
	@$(PY) -m tools.openapi write $(if $(ACCEPT),--accept-baseline)

.PHONY: permissions
permissions: install ## write docs/permissions.md from the doors and the role table
	@$(PY) -m tests.contract.permissions

.PHONY: migrate
migrate: install ## bring every schema of the running platform to its head
	@$(PY) -m local migrate

.PHONY: migration
migration: install ## a new migration from the models: SERVICE=sales NAME="add lead source"
	@test -n "$(SERVICE)" && test -n "$(NAME)" || { echo 'say SERVICE=… NAME="…"' >&2; exit 1; }
	@$(PY) -m tools.migration $(SERVICE) "$(NAME)"
