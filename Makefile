PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Of the developers' tools.
DEVELOPER_STAMP := $(VENV)/.developer
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2

.PHONY: install develop demo dry-run docs test cover soak bench study lint format clean

# What a user needs.
install: $(STAMP)

# Remade whenever the dependencies change. The freqtrade command needs the adapters' package, so the
# repository itself is installed in place.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing freqtrade, torch and dualwindow into $(VENV), some 2.5 GB with a GPU's libraries:"
	@echo "about 3 minutes on a fast line, a quarter of an hour on a slow one. Nothing else is changed."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $(STAMP)
	@echo "Installed. Try: make demo, or: source $(BIN)/activate && dualwindow --help"

# What tests and linters need besides.
develop: $(DEVELOPER_STAMP)

$(DEVELOPER_STAMP): $(STAMP)
	@echo "Adding the developers' tools to $(VENV), some 100 MB: about a minute."
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(DEVELOPER_STAMP)

demo: install
	$(BIN)/python -m demo.run

# Live until Ctrl-C, on a synthetic market; SPEED=20 lets 20 minutes pass in one (libfaketime).
SPEED ?= 1
dry-run: install
	$(BIN)/python -m demo.dry_run --speed $(SPEED)

# The site, in build/docs; warnings are errors, and nothing is fetched.
docs: develop
	$(BIN)/python -m sphinx -W -n --keep-going -q -c docs . build/docs
	@echo "open build/docs/index.html"

# COVER=1 counts lines and branches on the way, and fails below the figure in pyproject.toml.
test: develop
	$(BIN)/python -m pytest $(if $(COVER),--cov) -n $(WORKERS) --dist loadgroup

cover:
	$(MAKE) test COVER=1

# Seven hours of a live bot, retrained every hour, in some eight minutes (libfaketime).
soak: develop
	$(BIN)/python -m pytest -m soak -s tests/soak

# Every stage beside its baseline; some 15 minutes on 2 cores, and nothing else should run.
bench: develop
	$(BIN)/python -m benchmarks

# What the network finds where something is known to be there, or not, and on real candles; goes on
# where it was interrupted. Hours on 2 cores.
study: develop
	$(BIN)/python -m studies
	$(BIN)/python -m studies.pictures

lint: develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/yamllint --strict .
	$(BIN)/validate-pyproject pyproject.toml

format: develop
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* src/*.egg-info
