# Two commands need no set-up but python3, python3-venv and make: "make demo" and
# "make test". "make" lists the targets, each with its comment that begins with ##.

PYTHON ?= python3
# The program itself: pyenv's own "python3.12" runs only where that version is chosen.
INTERPRETER = $(or $(shell $(PYTHON) -c "import sys; print(sys.executable)" 2>/dev/null || \
	ls $$(pyenv root 2>/dev/null)/versions/*/bin/$(PYTHON) 2>/dev/null | tail -n 1),$(PYTHON))
PORT ?= 8000
SECONDS ?= 60
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check
QUICKLY = $(if $(QUICK),--quick)

# Two recipes that install at the same time would disturb each other.
.NOTPARALLEL:
.PHONY: help demo demo-server test test-all programs check lint types properties fuzz bench \
	timing soak deployment screenshot dist audit tools clean

help:
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

# This installs an extra of setup.py, again only when that file changes. The venv is
# whole once it has pip.
$(INSTALLED)-%: setup.py
	@$(ANNOUNCE)
	@test -x $(BIN)/pip || $(INTERPRETER) -m venv $(VENV)
	$(PIP_INSTALL) $(QUIET) --editable ".[$*]" $(BESIDE)
	@touch $@

ANNOUNCE = :
QUIET = --quiet
# It needs a newer Django than the lowest, so it is in no extra.
$(INSTALLED)-test-all $(INSTALLED)-soak: BESIDE = django-tasks-db

# A sentence about the port comes before the installation. make adds no error of its own
# to it, and none to Ctrl+C while the demo is served.
demo: export PORT := $(PORT)
demo: ## serve the demo on http://127.0.0.1:8000/ (PORT=8001: on another port)
	@trap 'exit 0' INT; $(PYTHON) example/demo/ports.py || exit $$(($$? - 1)); \
	$(MAKE) --no-print-directory demo-server

demo-server: $(INSTALLED)-demo
	@$(BIN)/python example/manage.py serve

# A text for newcomers to read meanwhile, and the output of pip.
$(INSTALLED)-demo: ANNOUNCE = cat example/installing.txt
$(INSTALLED)-demo: QUIET =

test: $(INSTALLED)-test ## run the tests that need nothing else installed
	$(BIN)/python -m pytest -n auto --dist loadfile -p no:rerunfailures
	@echo "Left out: PostgreSQL, Redis, nginx, Varnish, Chromium, other frameworks," \
		"servers, load, builds, the demo, the tools. All of it: make test-all"

# Three at a time: some mostly wait for servers.
# Debian has some programs in a directory of root's PATH alone.
test-all: export PATH := $(PATH):/usr/sbin
test-all: programs $(INSTALLED)-test-all ## run all tests, with coverage; names the programs that are missing
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 3 --dist loadfile -m ""
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Before the installation, which takes longer.
programs:
	@$(PYTHON) -m tests.integration.programs

check: lint types ## run the linter and the type checker

lint: $(INSTALLED)-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)-lint
	$(BIN)/mypy

PROPERTIES := tests/core/test_properties.py tests/core/test_mutations.py tests/core/test_differential.py

properties: $(INSTALLED)-test ## search long for values and requests that break a rule
	$(BIN)/python -m pytest --hypothesis-profile thorough $(PROPERTIES)

# Where there is no wheel, the command says how to build one.
$(INSTALLED)-fuzz: $(INSTALLED)-test setup.py
	$(PIP_INSTALL) --quiet --only-binary atheris --editable ".[fuzz]" && touch $@ || true

fuzz: $(INSTALLED)-fuzz ## the same, guided by coverage (SECONDS=60: how long)
	$(BIN)/python -m tools.fuzz --seconds $(SECONDS)

# The venv only runs the command: what is measured is installed for the Python named.
bench: $(INSTALLED)-bench ## measure, beside other libraries (PYTHON=python3.12, QUICK=1: run through)
	$(BIN)/python -m tools.benchmarks --python $(INTERPRETER) $(QUICKLY)

timing: $(INSTALLED)-timing ## measure whether response times give anything away (QUICK=1: likewise)
	$(BIN)/python -m tools.benchmarks.timing $(QUICKLY)

soak: $(INSTALLED)-soak ## put real servers under load and faults (QUICK=1: in two minutes)
	$(BIN)/python -m tools.soak $(QUICKLY)

deployment: $(INSTALLED)-soak ## kill mirrors and workers behind nginx (QUICK=1: once each)
	$(BIN)/python -m tools.soak.deployment $(QUICKLY)

screenshot: $(INSTALLED)-test-all ## take the README's pictures of the demo
	$(BIN)/python -m example.tests.screenshot

# The time of what was committed last, so that anybody can build the same bytes.
dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
dist: $(INSTALLED)-release ## build the release, and check it
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

audit: $(INSTALLED)-release ## look for known vulnerabilities of the installed packages
	$(BIN)/python .ci/audit.py

EXTRAS := test-all,lint,release,bench,timing,soak
tools: ## install the packages of all these commands at once
	@test -x $(BIN)/pip || $(INTERPRETER) -m venv $(VENV)
	$(PIP_INSTALL) --quiet --editable ".[$(EXTRAS)]" django-tasks-db
	@touch $(INSTALLED)-test $(INSTALLED)-test-all $(INSTALLED)-lint $(INSTALLED)-release \
		$(INSTALLED)-bench $(INSTALLED)-timing $(INSTALLED)-soak
	@$(MAKE) --no-print-directory $(INSTALLED)-fuzz

clean: ## remove all that the commands above have made
	rm -rf $(VENV) .tox build dist *.egg-info .coverage* example/var tools/benchmarks/.envs \
		.hypothesis tools/fuzz/crashes
	find . -name __pycache__ -prune -exec rm -rf {} +
