# Everything is here: `make help`. Needs Python 3.11 or newer and make, nothing else.
# uv is used where there is one, else venv and pip; npm of the system, else the one of a wheel.

.DEFAULT_GOAL := help
.PHONY: help run up down test check bench docs clean setup

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
NPM := $(or $(shell command -v npm 2>/dev/null),$(BIN)/npm)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Installers trust what this machine trusts, also in an empty environment.
CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt \
	/etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))
ifneq ($(CERTIFICATES),)
export SSL_CERT_FILE ?= $(CERTIFICATES)
export PIP_CERT ?= $(CERTIFICATES)
export NODE_EXTRA_CA_CERTS ?= $(CERTIFICATES)
endif

export ONLY
# Tests mostly wait; each worker has a stack of its own (1.5 GB).
WORKERS ?= 2

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: setup ## Everything on this machine, in the foreground; Ctrl-C stops it
	@$(BIN)/python -m deploy.local run

up: setup ## The same in the background; returns once everything answers
	@$(BIN)/python -m deploy.local up

down: setup ## Stop what `make up` started; the data stays
	@$(BIN)/python -m deploy.local down

test: setup ## Every test, on real PostgreSQL, Redis and Kafka; two files at a time (WORKERS=2)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup ## Lint, format, types, import rules, drift of what is generated
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.docs --check

bench: setup ## Measure against baselines into build/bench.json (ONLY=append,relay for some)
	@$(BIN)/python -m tests.benchmarks

docs: setup ## Write the event catalogue, the schemas and the API descriptions anew
	@$(BIN)/python -m deploy.docs

clean: ## Stop everything; remove data, builds and caches
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m deploy.local clean
	@rm -rf build dist node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache

setup: $(VENV)/.installed node_modules/.installed

$(BIN)/python:
	@[ -n "$(UV)$(PYTHON)" ] || { echo "make: Python 3.11 or newer is needed" >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(if $(UV),uv venv --quiet --python '>=3.11' $(VENV),$(PYTHON) -m venv $(VENV))

UV_INSTALL := uv pip install --quiet --compile-bytecode --python $(BIN)/python
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(if $(UV),$(UV_INSTALL),$(PIP_INSTALL))

$(VENV)/.installed: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing Python packages (once)"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.installed: package-lock.json $(VENV)/.installed
	@echo "Installing browser packages (once)"
	@PATH="$(abspath $(BIN)):$$PATH" $(NPM) ci --ignore-scripts --no-audit --no-fund \
		--no-update-notifier --loglevel error >/dev/null
	@touch $@
