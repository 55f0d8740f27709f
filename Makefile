# Two commands set everything up: "make demo" and "make test".

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
SERVERS := $(VENV)/.servers

.PHONY: help demo test bench soak lint types check clean

help:
	@echo "make demo    serve the demo on http://127.0.0.1:$(PORT)/"
	@echo "make test    run the tests, with coverage"
	@echo "make bench   measure, beside other libraries (QUICK=1: just run through)"
	@echo "make soak    load and faults on real servers (QUICK=1: in two minutes)"
	@echo "make check   lint and types"

# Again only when the dependencies change.
$(READY): setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@

$(TOOLS): $(READY) setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[lint]"
	touch $@

$(SERVERS): $(READY) setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[soak]"
	touch $@

demo: $(READY)
	PORT=$(PORT) $(BIN)/python example/manage.py migrate --verbosity 0
	@echo "The demo is on http://127.0.0.1:$(PORT)/ until Ctrl+C"
	PORT=$(PORT) $(BIN)/python example/manage.py runserver --noreload 127.0.0.1:$(PORT)

test: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# QUICK=1 only shows that it runs through, and keeps the last full run's results.
bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

# QUICK=1 does less of everything, and keeps the last full run's results.
soak: $(SERVERS)
	$(BIN)/python -m soak $(if $(QUICK),--quick)

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TOOLS)
	$(BIN)/mypy

check: lint types

clean:
	rm -rf $(VENV) .tox build dist *.egg-info .coverage* example/var benchmarks/.envs
