# Every target works from a fresh checkout with Python 3.11 or later, venv and pip. The tests start MariaDB, Spark (Java), Prometheus and
# Chromium, which .ci/run installs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test check services site prove bench clean-venv

help:
	@echo "make demo    install eltflow and run the flights example end to end on DuckDB"
	@echo "make test    install what is needed, then check and run every test"
	@echo "make services   the servers that tests start, each in an environment of its own under .services/"
	@echo "make check   the fast part: lint, types, import contracts, unit tests"
	@echo "make site    build the program of the docs site from docs_site/ into the package"
	@echo "make prove   the long proofs"

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("eltflow needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.developed: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

demo: $(STAMP)
	@rm -rf demo && mkdir demo && cp -R examples/flights demo/flights
	@echo '$$ eltflow build --project-dir demo/flights'
	@$(BIN)/eltflow build --project-dir demo/flights
	@echo '$$ eltflow docs generate --project-dir demo/flights'
	@$(BIN)/eltflow docs generate --project-dir demo/flights

check: $(VENV)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=adapters $(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not prove" tests/unit

services: $(VENV)/.developed
	$(BIN)/python tests/services/make.py

test: check services
	$(BIN)/pytest -n 2 --dist loadgroup -m "not prove" tests

site: $(VENV)/.developed
	$(BIN)/python tests/services/make.py node
	$(BIN)/python tests/services/build_site.py

prove: $(VENV)/.developed services
	$(BIN)/pytest -n 2 -m prove tests

bench: $(VENV)/.developed
	$(BIN)/python -m bench.peers
	$(BIN)/python -m bench.measure

clean-venv:
	rm -rf $(VENV)
