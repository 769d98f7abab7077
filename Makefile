PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: install demo dry-run test cover soak bench study lint format clean

install: $(STAMP)

# Remade whenever the dependencies change. The freqtrade command needs the adapters' package, so the
# repository itself is installed in place.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

demo: install
	$(BIN)/python -m demo.run

# Live until Ctrl-C, on a synthetic market; SPEED=20 lets 20 minutes pass in one (libfaketime).
SPEED ?= 1
dry-run: install
	$(BIN)/python -m demo.dry_run --speed $(SPEED)

# COVER=1 counts lines and branches on the way, and fails below the figure in pyproject.toml.
test: install
	$(BIN)/python -m pytest $(if $(COVER),--cov) -n $(WORKERS) --dist loadgroup

cover:
	$(MAKE) test COVER=1

# Seven hours of a live bot, retrained every hour, in some eight minutes (libfaketime).
soak: install
	$(BIN)/python -m pytest -m soak -s tests/soak

# Every stage beside its baseline; some 15 minutes on 2 cores, and nothing else should run.
bench: install
	$(BIN)/python -m benchmarks

# What the network finds where something is known to be there, or not, and on real candles; goes on
# where it was interrupted. Hours on 2 cores.
study: install
	$(BIN)/python -m studies
	$(BIN)/python -m studies.pictures

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/yamllint --strict .
	$(BIN)/validate-pyproject pyproject.toml

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* src/*.egg-info
