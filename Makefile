# One command a task. Every target makes the virtual environment first when it is missing.
#
# Variables: SCALE=mini|real|paper  SEEDS=n  JOBS=n  EPOCHS=n  EXECUTOR=local|ray|ray:HOST:PORT  PYTHON=python3.11
# Data for SCALE=real: MATREPRO_DATA=/path/to/data, which `make data` fills

PYTHON ?= python3
SCALE ?= mini
JOBS ?= 1
MUTANTS ?= 10000
# ENGINE is the former name of EXECUTOR.
EXECUTOR ?= $(ENGINE)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := '.[baselines,explain,dev]'
OPTIONS := --scale $(SCALE) --jobs $(JOBS) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(EXECUTOR),--executor $(EXECUTOR))

.DEFAULT_GOAL := help
.PHONY: help setup first test test-real fuzz lint docs notebooks bench check data tables report clean reproduce-all reproduce-finder reproduce-diffcomp reproduce-esnet reproduce-grand

help:  ## this list
	@grep -hE '^[a-z%0-9<>-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/; s/-%/-<table>/; s/table%/table<n>/' | expand -t 34
	@echo
	@echo "variables: SCALE=$(SCALE) (mini, real, paper)  SEEDS=$(SEEDS)  JOBS=$(JOBS)  EPOCHS=$(EPOCHS)  EXECUTOR=$(EXECUTOR)  MATREPRO_DATA=$(MATREPRO_DATA)"

setup: $(READY)  ## make the virtual environment

$(READY): setup.cfg constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed; name one with PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@# uv needs a sixth of pip's time, but does not read pip's configuration; where it fails, pip installs. Without bytecode
	@# every start compiles TensorFlow again, 5 s, where PYTHONDONTWRITEBYTECODE is set.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv && \
	    $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e $(PACKAGES) || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e $(PACKAGES)
	@touch $@

first: $(READY)  ## train, plot and compare in 5 minutes, environment included
	$(BIN)/matrepro first

test: $(READY)  ## the fast tests, 5 to 15 minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not real and not slow'

test-real: $(READY)  ## the tests that need MATREPRO_DATA, and the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'real or slow'

fuzz: $(READY)  ## read 10,000 damaged copies of a file with every reader, written to docs/robustness.md
	$(BIN)/python -m tests.robustness.run --mutants $(MUTANTS) --output docs/robustness.md

lint: $(READY)  ## style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)  ## the documentation as a site, build/docs/index.html
	$(BIN)/python -c 'import furo, myst_parser' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -c docs . build/docs

notebooks: $(READY)  ## execute the notebooks of docs/notebooks again, 6 minutes
	$(BIN)/python docs/run_notebooks.py docs/notebooks/*.ipynb

bench: $(READY)  ## speed and memory against named references, written to benchmarks/results.md
	$(BIN)/python -m benchmarks

data: $(READY)  ## fetch the published data into the data directory; with MP_API_KEY also what the papers ask the Materials Project
	$(BIN)/matrepro data get all

check: $(READY)  ## recompute the committed results, retrain one small run per model, check all against their bands
	$(BIN)/matrepro check --jobs $(JOBS)

tables: $(READY)  ## print every table from the stored predictions, and write the table files again
	$(BIN)/matrepro tables

report: $(READY)  ## the same facts with plots as one HTML page, report.html
	$(BIN)/matrepro report

reproduce-profitnet: $(READY)  ## all tables of PROFiT-Net
	$(BIN)/matrepro reproduce profitnet $(OPTIONS)

reproduce-profitnet-%: $(READY)  ## one of them: figure3, table-s8, large-scale, table-s11
	$(BIN)/matrepro reproduce profitnet $* $(OPTIONS)

reproduce-finder: $(READY)  ## all tables of Finder
	$(BIN)/matrepro reproduce finder $(OPTIONS)

reproduce-finder-%: $(READY)  ## one of them: table1 ... table4, figure3, figure6, matbench-formula, ...
	$(BIN)/matrepro reproduce finder $* $(OPTIONS)

reproduce-diffcomp: $(READY)  ## all tables of composition + diffraction
	$(BIN)/matrepro reproduce diffcomp $(OPTIONS)

reproduce-diffcomp-%: $(READY)  ## one of them: figure4, figure4-grouped, table1, table-s2, figure-s2, figure-s6, elpasolite, ...
	$(BIN)/matrepro reproduce diffcomp $* $(OPTIONS)

reproduce-esnet: $(READY)  ## all tables of ESNet
	$(BIN)/matrepro reproduce esnet $(OPTIONS)

reproduce-esnet-%: $(READY)  ## one of them: table1, table1-structures, table1-random, figure1b, figure4, figure5, ...
	$(BIN)/matrepro reproduce esnet $* $(OPTIONS)

reproduce-grand: $(READY)  ## every model of the suite on the same tasks
	$(BIN)/matrepro reproduce grand $(OPTIONS)

reproduce-table%: $(READY)  ## that table of every paper that has one
	$(BIN)/matrepro reproduce all table$* $(OPTIONS)

reproduce-all: $(READY)  ## every table of every paper
	$(BIN)/matrepro reproduce all $(OPTIONS)

clean:  ## remove the environment and what tests leave behind
	rm -rf $(VENV) .pytest_cache .ruff_cache *.egg-info
