# Everything here works on a fresh clone: the environment sets itself up in .venv.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
NPM    ?= npm
ROUNDS ?= 20
JOBS   ?= 2

# The JupyterLab front end: what it is built of, and where it goes.
EXTENSIONS := $(shell find extensions -path '*/node_modules' -prune -o -path '*/lib' -prune -o -type f -print)
BUILT      := lyftnb/labextension/package.json

# What an editable install compiles.
NATIVE := $(wildcard lyftnb/native/*.[ch])
LINK       := $(VENV)/share/jupyter/labextensions/lyftnb

# A file at a time and in order: the long files come first, and the short ones even out the end.
PARALLEL := $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadfile --no-loadscope-reorder)

# Every test that starts a process would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint lab extensions docs soak chaos sanitize clean

demo: $(VENV)/.demo            ## run the flights workflow and show what came out
	$(BIN)/lyftnb demo demo

test: $(VENV)/.dev extensions  ## run all tests, JOBS files at a time (many wait for processes, so two halve the time)
	$(BIN)/python -m pytest $(PARALLEL)
	@$(MAKE) --no-print-directory test-extensions

lint: $(VENV)/.dev             ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory lint-extensions

lab: $(VENV)/.lab extensions   ## build what is stale, and open JupyterLab on the first notebook
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_first_steps.ipynb

# Without Node all but the canvas works; whoever builds is told what is missing.
extensions: | $(VENV)/bin/python  ## build the JupyterLab front end, and link it into the environment
	@if command -v $(NPM) >/dev/null; then \
	  $(MAKE) --no-print-directory $(BUILT) && mkdir -p $(dir $(LINK)) && ln -sfn $(CURDIR)/lyftnb/labextension $(LINK); \
	else echo "The canvas is not built: it takes Node 20 or newer, and npm was not found."; fi

.PHONY: test-extensions lint-extensions
test-extensions: $(VENV)/.dev
	@if command -v $(NPM) >/dev/null; then \
	  $(MAKE) --no-print-directory extensions/node_modules/.stamp && cd extensions && \
	  PYTHON=$(abspath $(BIN))/python $(NPM) test --silent; \
	else echo "The tests of extensions/ are skipped: they take Node, and npm was not found."; fi

lint-extensions: $(VENV)/.dev
	@if command -v $(NPM) >/dev/null; then \
	  $(MAKE) --no-print-directory extensions/node_modules/.stamp && cd extensions && $(NPM) run --silent check && \
	  PYTHON=$(abspath $(BIN))/python $(NPM) run --silent types -- --check; \
	else echo "extensions/ is not checked: that takes Node, and npm was not found."; fi

extensions/node_modules/.stamp: extensions/package-lock.json
	cd extensions && $(NPM) install
	@touch $@

$(BUILT): $(EXTENSIONS) extensions/node_modules/.stamp
	cd extensions && $(NPM) run build
	@touch $@

docs: $(VENV)/.dev             ## write the generated pages anew
	$(BIN)/python docs/generate.py

soak: $(VENV)/.dev             ## kill and random tests, ROUNDS times, each with other dice
	@for round in $$(seq $(ROUNDS)); do \
	  echo "round $$round of $(ROUNDS)"; \
	  HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q tests/crash tests/stateful tests/flows \
	    --hypothesis-seed=$$round || exit 1; \
	done

chaos: $(VENV)/.dev            ## ten minutes of kills and cuts under a running deployment
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q -s tests/crash/test_chaos.py

# Python itself is not built for it, so its own leaks and those of its libraries are not looked for.
SANITIZED := $(VENV)/sanitized.so
sanitize: $(VENV)/.dev         ## the compiled part under the sanitizers of addresses and undefined behaviour
	$(CC) -O1 -g -std=c11 -Wall -Wextra -Werror -fPIC -shared -fsanitize=address,undefined \
	  -fno-sanitize-recover=undefined -o $(SANITIZED) $(filter %.c,$(NATIVE))
	LYFTNB_NATIVE=$(abspath $(SANITIZED)) ASAN_OPTIONS=detect_leaks=0 HYPOTHESIS_PROFILE=soak \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	  $(BIN)/python -m pytest -q tests/unit/native

clean:                         ## remove the demo and what tools left behind
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lyftnb needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras; a change of pyproject.toml, or of what is compiled, installs again.
$(VENV)/.demo: EXTRAS = demo
$(VENV)/.dev:  EXTRAS = demo,dev
$(VENV)/.lab:  EXTRAS = demo,lab
$(VENV)/.demo $(VENV)/.dev $(VENV)/.lab: pyproject.toml $(NATIVE) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	@touch $@
