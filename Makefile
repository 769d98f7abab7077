PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPED := $(VENV)/.developed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2

.PHONY: install develop demo dry-run docs test cover branches mutate soak lives bench study lint format lock sbom clean

# What the product needs to run.
install: $(INSTALLED)

# And what its tests, linters and benchmarks need.
develop: $(DEVELOPED)

# Remade whenever the dependencies change. What is installed has the hashes of requirements/; torch has
# none there, because the machine has a build of its own, for its processor or its GPU. The freqtrade
# command needs the adapters' package, so the repository itself is installed in place.
$(INSTALLED): pyproject.toml constraints.txt requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@echo "Installing freqtrade, torch and dualwindow into $(VENV), some 2.5 GB with a GPU's libraries:"
	@echo "about 3 minutes on a fast line, a quarter of an hour on a slow one. Nothing else is changed."
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --require-hashes --requirement requirements/run.txt
	$(PIP) --constraint constraints.txt torch
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $(INSTALLED)
	@echo "Installed. Try: make demo, or: source $(BIN)/activate && dualwindow --help"

$(DEVELOPED): $(INSTALLED) requirements/develop.txt
	@echo "Adding the developers' tools to $(VENV), some 100 MB: about a minute."
	$(PIP) --require-hashes --requirement requirements/develop.txt
	touch $(DEVELOPED)

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

# After `make cover`: the branches alone, which CI holds at 95 %.
branches: develop
	mkdir -p build
	$(BIN)/coverage json --quiet --fail-under=0 -o build/coverage.json
	$(BIN)/python .ci/branches.py build/coverage.json

# Small faults in the decision core, of which the tests must notice 85 %; goes on where it was
# interrupted, and tries survivors again after the tests have changed. GROUPS="labels split" for some,
# SAMPLE=50 for so many of each. An hour or two on one core.
mutate: develop
	$(BIN)/python -m tests.mutation $(GROUPS) $(if $(SAMPLE),--sample $(SAMPLE))

# Seven hours of a live bot, retrained every hour, in some eight minutes (libfaketime).
soak: develop
	$(BIN)/python -m pytest -m soak -s tests/soak

# Whole lives of a bot, decided by seeds, on all cores; N=10000 takes a night.
N ?= 1000
FIRST ?= 0
lives: develop
	$(BIN)/python -m tests.lives --first $(FIRST) --count $(N)

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

# After a change of the dependencies: their files' hashes, and the list of all that is in the product
# (CycloneDX) for whoever looks after vulnerabilities.
lock: develop
	$(BIN)/uv pip compile pyproject.toml --constraint constraints.txt --quiet --no-header --output-file requirements/run.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev --constraint constraints.txt --quiet --no-header --output-file requirements/develop.txt

sbom: develop
	mkdir -p build
	{ cat requirements/run.txt; grep "^torch==" constraints.txt; } | $(BIN)/cyclonedx-py requirements - --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* src/*.egg-info
