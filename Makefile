# Two commands do everything on a fresh machine: `make up` and `make test`. Both install what they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= local

.PHONY: help setup engines hosts cluster up down static check test long lock generate clean demo-vsi demo-vsi-down demo-k8s

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 21

setup: $(VENV)/.installed ## Python packages, from the lock, in .venv

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, {sys.version.split()[0]} found; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

engines: setup ## Build or download what is missing in the cache of engines
	$(BIN)/obs engines build

hosts: setup ## Install and make what test hosts need, as root; without root their tests are skipped
	$(BIN)/python -m tests.hosts base

cluster: setup ## Install and build what a cluster for tests needs, as root; until then its tests are skipped
	$(BIN)/python -m tests.cluster

up: engines ## Set up, bring the stack to life on this machine and prove that it works
	$(BIN)/obs up $(STACK) --yes
	$(BIN)/obs verify $(STACK)

down: setup ## Take the stack on this machine down; its data stays
	$(BIN)/obs destroy $(STACK) --yes

static: setup ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

check: static ## Format, lint, types and the fast tests
	$(BIN)/pytest -n auto --dist loadfile -m 'not engine and not e2e'

test: engines hosts static ## Format, lint, types and all tests, real engines and a real cluster included
	$(BIN)/python -m tests.cluster.beside $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

long: engines hosts ## What takes too long for `make test`: deaths under load, a cohort of six, 51 changes; an hour, 16 GB
	OBS_TEST_DEATHS=1 $(BIN)/pytest -n 0 tests/e2e/test_0_servers_die.py
	OBS_TEST_COHORT=1 $(BIN)/pytest -n 0 tests/e2e/test_5_cohort.py
	OBS_TEST_CHANGES=17 $(BIN)/pytest -n 0 tests/engine/test_preview_is_up.py

demo-vsi: engines hosts ## Boot four plain servers here, bring the stack dev-vsi up on them and prove that it works
	$(BIN)/python -m tests.hosts.demo up

demo-vsi-down: setup ## Take the stack of demo-vsi down, and its servers away
	$(BIN)/python -m tests.hosts.demo down

demo-k8s: cluster ## Boot a Kubernetes node here, bring a stack cut down to fit up on it and prove that it works; Ctrl-C takes both down
	$(BIN)/python -m tests.cluster.demo

lock: ## Lock the Python packages anew
	test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' requirements/dev.in -o requirements/dev.txt

generate: setup ## Regenerate what is generated and committed: the JSON Schema and the goldens
	$(BIN)/python -m stacks.schema
	OBS_REGENERATE=1 $(BIN)/pytest tests/render

clean: ## Remove the virtual environment and caches of tools; not the engines, not a stack's state
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
