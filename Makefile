# Two commands set everything up: "make demo" and "make test".

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(INSTALLED)-test
TOOLS := $(INSTALLED)-lint
RELEASE := $(INSTALLED)-release
TIMING := $(INSTALLED)-timing
FUZZER := $(VENV)/.fuzzer
SERVERS := $(INSTALLED)-soak
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check
SECONDS ?= 60

.PHONY: help tools demo screenshot test properties fuzz bench timing soak deployment lint types check \
	dist audit clean demo-server

help:
	@echo "make demo    serve the demo on http://127.0.0.1:$(PORT)/ (PORT=8001: elsewhere)"
	@echo "make screenshot  take the README's pictures of the demo"
	@echo "make test    run the tests, with coverage"
	@echo "make properties  search long for values and requests that break a rule"
	@echo "make fuzz    the same, guided by coverage (SECONDS=60: how long)"
	@echo "make bench   measure, beside other libraries (QUICK=1: just run through)"
	@echo "make timing  measure what answers tell by their time (QUICK=1: likewise)"
	@echo "make soak    load and faults on real servers (QUICK=1: in two minutes)"
	@echo "make deployment  mirrors, workers, nginx, killed (QUICK=1: once each)"
	@echo "make check   lint and types"
	@echo "make dist    build what is released, and check it"
	@echo "make audit   ask for known vulnerabilities of what is installed"

# This installs an extra of setup.py, again only when that file changes. The venv is
# whole once it has pip.
$(INSTALLED)-%: setup.py
	@$(ANNOUNCE)
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(QUIET) --editable ".[$*]" $(BESIDE)
	touch $@

ANNOUNCE = :
QUIET = --quiet
# It needs a newer Django than the lowest, so it is in no extra.
$(READY): BESIDE = django-tasks-db
$(TOOLS) $(RELEASE) $(TIMING) $(SERVERS): $(READY)

# All that the targets below install, in one go, and then the fuzzer, which not every
# Python has.
tools: $(READY) setup.py
	$(PIP_INSTALL) --quiet --editable ".[lint,release,timing,soak]"
	touch $(TOOLS) $(RELEASE) $(TIMING) $(SERVERS)
	$(MAKE) $(FUZZER)

# A sentence about the port comes before the installation, and make adds no error of its
# own to it, nor to Ctrl+C.
demo: export PORT := $(PORT)
demo:
	@trap 'exit 0' INT; $(PYTHON) example/demo/ports.py || exit 0; \
	$(MAKE) --no-print-directory demo-server

demo-server: $(INSTALLED)-demo
	@$(BIN)/python example/manage.py serve

# Newcomers get something to read meanwhile, and see that it goes on.
$(INSTALLED)-demo: ANNOUNCE = cat example/installing.txt
$(INSTALLED)-demo: QUIET =

# Needs Debian's chromium and chromium-driver.
screenshot: $(READY)
	$(BIN)/python -m tests.integration.screenshot

test: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

PROPERTIES := tests/test_properties.py tests/test_mutations.py tests/test_differential.py

properties: $(READY)
	$(BIN)/python -m pytest --hypothesis-profile thorough $(PROPERTIES)

# Where there is no wheel, the command says what to do.
$(FUZZER): $(READY) setup.py
	$(PIP_INSTALL) --quiet --only-binary atheris --editable ".[fuzz]" && touch $@ || true

fuzz: $(FUZZER)
	$(BIN)/python -m fuzz --seconds $(SECONDS)

# QUICK=1 only shows that it runs through, and keeps the last full run's results.
bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

# QUICK=1 only shows that it runs through, and leaves docs/timing.md as it is.
timing: $(TIMING)
	$(BIN)/python -m benchmarks.timing $(if $(QUICK),--quick)

# QUICK=1 does less of everything, and keeps the last full run's results.
soak: $(SERVERS)
	$(BIN)/python -m soak $(if $(QUICK),--quick)

# QUICK=1 does each once, and keeps the last full run's results.
deployment: $(SERVERS)
	$(BIN)/python -m soak.deployment $(if $(QUICK),--quick)

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TOOLS)
	$(BIN)/mypy

check: lint types

# The time of what was committed last, so that anybody can build the same bytes.
dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
dist: $(RELEASE)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

audit: $(RELEASE)
	$(BIN)/python .ci/audit.py

clean:
	rm -rf $(VENV) .tox build dist *.egg-info .coverage* example/var benchmarks/.envs \
		.hypothesis fuzz/crashes
