# `make check` and `make test` do everything on a machine that has Python (3.10 or later) and make.
# Versions are pinned in requirements/. A stamp file says that an environment is complete, so that
# nothing is installed twice.

PYTHON ?= python3
VENV   := .venv
TRUTH  := .venv-truth
MATRIX := .venv-matrix
BACKENDS := .venv-backends
BENCH  := .venv-bench
REAL   := .real-code
BIN    := $(VENV)/bin
PIP    := --quiet --disable-pip-version-check --no-input
SHELL  := /bin/sh

.PHONY: check test lint truth truth-matrix truth-backends bench docs vsix test-editors screenshots recordings clean help
.DEFAULT_GOAL := help

help:
	@echo 'make check   check the programs in docs/examples'
	@echo 'make test    run the tests'
	@echo 'make lint    ruff, and mypy in strict mode'
	@echo 'make truth   compare what the rules say with real Keras (installs TensorFlow)'
	@echo 'make truth-matrix  the same under several versions of Keras, one after the other (7 GB, an hour)'
	@echo 'make truth-backends  a sample of the same on JAX and PyTorch (installs both)'
	@echo 'make bench   measure speed against other tools (installs TensorFlow)'
	@echo 'make vsix    package the extension for VS Code; TARGET=linux-x64: for one platform'
	@echo 'make test-editors  run the tests in real editors (installs them; needs Debian)'
	@echo 'make screenshots  take the pictures of VS Code anew that the documentation shows'
	@echo 'make recordings  write down anew what these editors say of themselves'
	@echo 'make docs    write the pages of the rules, and draw the picture'
	@echo 'make clean   remove everything that these made'

# The findings are what this is for, so the exit status 1 of "there are findings" is no failure here.
check: $(VENV)/run.stamp
	@$(BIN)/kerascope check docs/examples; status=$$?; \
	if [ $$status -gt 1 ]; then exit $$status; fi; \
	if [ $$status -eq 1 ]; then echo; echo 'These programs have defects on purpose: kerascope ended with status 1, "findings".'; fi

test: $(VENV)/test.stamp $(REAL)/stamp
	$(BIN)/python -m pytest -n auto --ignore=tests/truth --ignore=tests/benchmarks --ignore=tests/editors $(ARGS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

truth: $(TRUTH)/stamp
	$(TRUTH)/bin/python -m pytest tests/truth $(ARGS)

# Of the older TensorFlows, some need Python 3.11: make truth-matrix PYTHON=python3.11
VERSIONS := $(sort $(basename $(notdir $(wildcard requirements/truth-matrix/*.txt))))
truth-matrix: $(TRUTH)/stamp $(VERSIONS:%=$(MATRIX)/%/stamp)
	$(TRUTH)/bin/python -m tests.truth.matrix $(VERSIONS:%=$(MATRIX)/%) $(TRUTH) $(ARGS)

truth-backends: $(VENV)/test.stamp $(BACKENDS)/stamp
	KERASCOPE_TRUTH_JAX=$(CURDIR)/$(BACKENDS)/bin/python KERASCOPE_TRUTH_TORCH=$(CURDIR)/$(BACKENDS)/bin/python \
		$(BIN)/python -m pytest tests/truth/test_backends.py tests/truth/probe/test_measurements.py -k backends $(ARGS)

bench: $(VENV)/run.stamp $(REAL)/stamp $(BENCH)/stamp $(TRUTH)/stamp
	$(BIN)/python -m tests.benchmarks --peers $(BENCH)/bin --packages $(TRUTH) --real-code $(REAL) $(ARGS)

docs: $(VENV)/run.stamp
	$(BIN)/python docs/generate_rule_pages.py
	$(BIN)/python docs/draw_picture.py

TARGET ?= all
VSIX    = dist/kerascope$(if $(filter all,$(TARGET)),,-$(TARGET)).vsix
# What is packed is what .vscodeignore and bundle.py name: there is nothing to scan for secrets, which takes minutes.
# Every file gets the time of the last commit, so that the same commit always makes the same package.
vsix: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
vsix: $(VENV)/run.stamp vscode-extension/node_modules/stamp
	$(BIN)/python vscode-extension/bundle.py --target $(TARGET)
	@mkdir -p dist
	cd vscode-extension && npx vsce package --allow-package-all-secrets --allow-package-env-file \
		$(if $(filter all,$(TARGET)),,--target $(TARGET)) --out ../$(VSIX)

vscode-extension/node_modules/stamp: vscode-extension/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo 'Packaging the extension needs Node.js 20 or later, with npm.' >&2; exit 1; }
	cd vscode-extension && npm ci --silent
	@touch $@

EDITORS := .editors
EDITOR_TESTS := tests/editors
# Real Keras, for the build check in the editors: that of the truth tests, or of the environment that is named.
KERASCOPE_TRUTH_PYTHON ?= $(CURDIR)/$(TRUTH)/bin/python
# A window of an editor now and then comes up wrong by itself: a test that fails is run once more, in a new one, and told.
RERUN := -p rerunfailures --reruns 1 -raR
# Packaged for this machine alone, which is quicker; TARGET=all: the package for every platform.
test-editors screenshots recordings: TARGET = linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
test-editors: $(EDITORS)/stamp $(VENV)/test.stamp $(if $(filter $(CURDIR)/%,$(KERASCOPE_TRUTH_PYTHON)),$(TRUTH)/stamp) vsix
	KERASCOPE_TRUTH_PYTHON=$(KERASCOPE_TRUTH_PYTHON) KERASCOPE_VSIX=$(VSIX) $(BIN)/python -m pytest $(EDITOR_TESTS) $(RERUN) $(ARGS)

# The tests leave them in .editors/screenshots; the extension has those that pages show, with fewer colours.
screenshots: EDITOR_TESTS = tests/editors/test_vscode.py
screenshots: test-editors
	tests/editors/keep-screenshots $(EDITORS)/screenshots vscode-extension/images

# What the editors say of themselves to a server, for the tests that speak as they do.
recordings: export KERASCOPE_RECORD = $(CURDIR)/tests/lsp/recorded
recordings: ARGS = -k "finding or command"
recordings: test-editors

$(EDITORS)/stamp: tests/editors/install tests/editors/install-from-debian tests/editors/install-vscode | $(VENV)/run.stamp
	PYTHON=$(BIN)/python tests/editors/install $(EDITORS)
	@touch $@

clean:
	rm -rf $(VENV) $(TRUTH) $(MATRIX) $(BACKENDS) $(BENCH) $(REAL) build dist .kerascope_cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .editors vscode-extension/bundled vscode-extension/out vscode-extension/node_modules
	find server tests -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf server/*.egg-info

# An environment is made from nothing whenever its pins change, so that it holds no more than them.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	@.ci/environment '$(PYTHON)' $(VENV)
	$(BIN)/python -m pip install $(PIP) -r requirements/run.txt
	$(BIN)/python -m pip install $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements/test.txt
	$(BIN)/python -m pip install $(PIP) -r requirements/test.txt
	@touch $@

$(TRUTH)/stamp: requirements/run.txt requirements/test.txt requirements/truth.txt pyproject.toml
	@.ci/environment '$(PYTHON)' $(TRUTH)
	$(TRUTH)/bin/python -m pip install $(PIP) -r requirements/truth.txt
	$(TRUTH)/bin/python -m pip install $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(MATRIX)/%/stamp: requirements/truth-matrix/%.txt
	@mkdir -p $(MATRIX)
	@.ci/environment '$(PYTHON)' $(MATRIX)/$*
	$(MATRIX)/$*/bin/python -m pip install $(PIP) -r $<
	@touch $@

$(BACKENDS)/stamp: requirements/truth-backends.txt
	@.ci/environment '$(PYTHON)' $(BACKENDS)
	$(BACKENDS)/bin/python -m pip install $(PIP) -r $<
	@touch $@

$(BENCH)/stamp: requirements/bench.txt
	@.ci/environment '$(PYTHON)' $(BENCH)
	$(BENCH)/bin/python -m pip install $(PIP) -r requirements/bench.txt
	@touch $@

# Real programs to check whole: only unpacked, neither installed with what they need nor ever imported. The wheels
# are those for one system and Python, whatever runs here: tensorflow-addons has none for Python 3.12 and later.
WHEELS := --only-binary :all: --implementation cp --python-version 3.11 --platform manylinux_2_17_x86_64
$(REAL)/stamp: requirements/real-code.txt $(VENV)/run.stamp
	@rm -rf $(REAL)
	$(BIN)/python -m pip install $(PIP) --no-deps --no-compile --ignore-requires-python $(WHEELS) --target $(REAL) -r requirements/real-code.txt
	@touch $@
