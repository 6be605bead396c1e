# The doors for people: everything else is `headwater`, see `make` and `.venv/bin/headwater --help`.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
UV_VERSION := 0.13.9
BIN := .venv/bin
STAMP := .venv/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up down install test test-fast check lock

help: ## show this text
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: install ## set up on first use, then start the whole stack; make up ARGS="--detach"
	@$(BIN)/headwater up $(ARGS)

down: install ## stop the stack, every job with a savepoint
	@$(BIN)/headwater down $(ARGS)

install: $(STAMP) ## set up .venv only

test: install ## run all tests, on real engines
	@$(BIN)/pytest -n 2 $(ARGS)

test-fast: install ## run the tests that need no Java
	@$(BIN)/pytest tests/unit -n auto $(ARGS)

check: install ## lint, format, types, import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

lock: install ## pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --upgrade --universal --generate-hashes -q pyproject.toml --group dev -p 3.11 -o requirements.lock

# Only a complete set-up writes the stamp; an interrupted one is done again, with what has arrived kept by uv.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "Headwater needs Python 3.11; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "  next:  install Python 3.11, or name it: make $(or $(MAKECMDGOALS),up) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "Making .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "Installing the pinned packages (about 1.5 GB on disk)"
	@{ $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		&& $(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.lock \
		&& $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; } || { \
		echo "Installing the Python packages failed; the lines above say why." >&2; \
		echo "  left:  .venv is incomplete; what has arrived is kept" >&2; \
		echo "  next:  connect this machine to a package registry (only the first set-up needs it), then: make install" >&2; \
		exit 1; }
	@touch $(STAMP)
