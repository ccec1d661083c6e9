# irkit: `make` or `make help` lists what there is. Everything lives in .venv; nothing outside this folder is touched
# (but for python3-venv, which root on Debian and Ubuntu gets installed when it is missing).
# Works with GNU make 3.81 (macOS) and newer.

VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
PYTEST := $(PY) -m pytest
ARGS   ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo stop test test-agents test-long bench check format clean

help: ## this list
	@echo "irkit: a kill switch for AI coding agents"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "habits:"
	@echo "  first look          make demo"
	@echo "  before a commit     make test"
	@echo "  one test            $(PYTEST) tests/drill -k decoy"
	@echo "  keep the demo home  make demo ARGS=--keep"
	@echo "  another Python      make test PYTHON=python3.12"
	@echo "  another index       PIP_INDEX_URL=… make test   (pip's own settings are respected)"

demo: $(VENV)/.installed ## a decoy agent, a real burst, a real stop; under 30 s, nothing is left behind
	@$(BIN)/irkit demo $(ARGS)

stop: ## irkit-stop.pyz: latches, freezes and kills with nothing installed but Python
	@$(or $(PYTHON),python3) scripts/build_stop.py dist/irkit-stop.pyz

test: check ## what CI runs: lint, format, types, import contracts, tests
	@scripts/test_tools.sh
	$(PYTEST) -q -n auto -m "not agents and not long" $(ARGS)

check: $(VENV)/.dev ## lint, format, types and import contracts, no tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-agents: $(VENV)/.dev ## real Claude Code and Codex from npm, offline against a scripted model
	@$(PY) scripts/install_agents.py || echo "agents: the tests that need the missing ones will skip" >&2
	$(PYTEST) -q -m agents tests/e2e $(ARGS)

test-long: $(VENV)/.dev ## what needs minutes
	$(PYTEST) -q -n auto -m long --timeout 1800 $(ARGS)

bench: $(VENV)/.dev ## measure, and write docs/BENCHMARKS.md
	$(PY) -m bench $(ARGS)

format: $(VENV)/.dev ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv, caches and build results
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): $(VENV)/.installed

$(VENV)/.installed: pyproject.toml scripts/bootstrap.sh
	@PYTHON="$(PYTHON)" scripts/bootstrap.sh $(VENV)
	@touch $@

$(VENV)/.dev: pyproject.toml scripts/bootstrap.sh
	@PYTHON="$(PYTHON)" scripts/bootstrap.sh $(VENV) --group dev
	@touch $@ $(VENV)/.installed
