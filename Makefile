# Everything here works on a fresh clone: the environment sets itself up in .venv.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ROUNDS ?= 20
JOBS   ?= 1

# Every test that starts a process would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint lab docs soak clean

demo: $(VENV)/.demo            ## run the flights workflow and show what came out
	$(BIN)/lyftnb demo demo

test: $(VENV)/.dev             ## run all tests, JOBS files at a time
	$(BIN)/python -m pytest $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadfile)

lint: $(VENV)/.dev             ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lab: $(VENV)/.lab              ## open JupyterLab on the first notebook
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_first_steps.ipynb

docs: $(VENV)/.dev             ## write the generated pages anew
	$(BIN)/python docs/generate.py

soak: $(VENV)/.dev             ## kill and random tests, ROUNDS times, each with other dice
	@for round in $$(seq $(ROUNDS)); do \
	  echo "round $$round of $(ROUNDS)"; \
	  HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q tests/crash tests/stateful tests/flows \
	    --hypothesis-seed=$$round || exit 1; \
	done

clean:                         ## remove the demo and what tools left behind
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lyftnb needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras; a change of pyproject.toml installs again.
$(VENV)/.demo: EXTRAS = demo
$(VENV)/.dev:  EXTRAS = demo,dev
$(VENV)/.lab:  EXTRAS = demo,lab
$(VENV)/.demo $(VENV)/.dev $(VENV)/.lab: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	@touch $@
