# SPDX-License-Identifier: GPL-3.0-or-later
# make video PROMPT="CBABBC"    set up, then make the video (MODEL=, QUALITY=draft|preview|final, OUT= if wanted)
# make test                     set up, then lint, check types and run all tests
# make test-blender BPY=4.5.15  the Blender-side tests on another Blender
# make test-installed           the tests of the panel on the extension as Blender installs it from the zip
# make test-transformers TRANSFORMERS=4.57.6  the tracer's tests on another version of transformers
# make setup, lint, extension, clean
# Recipes use relative paths only, so a checkout path with spaces works.

PYTHON ?=
BPY ?= 4.5.15
TRANSFORMERS ?= 4.57.6
VENV := .venv/bin/python

# As typed: $(value) keeps make from expanding a dollar sign in them, and the shell sees them as environment only.
export FP_PROMPT := $(value PROMPT)
export FP_MODEL := $(value MODEL)
export FP_QUALITY := $(value QUALITY)
export FP_OUT := $(value OUT)
export FP_PYTHON := $(value PYTHON)
export FP_BPY := $(value BPY)
export FP_TRANSFORMERS := $(value TRANSFORMERS)
unexport PROMPT MODEL QUALITY OUT PYTHON BPY TRANSFORMERS

SET_UP = python=$$(sh scripts/find_python.sh 3.11 "$$FP_PYTHON") && "$$python" scripts/setup.py
# bpy up to 5.0 is made for Python 3.11, later ones for 3.13.
PYTHON_FOR_BPY = case "$$FP_BPY" in 4.* | 5.0.*) echo 3.11 ;; *) echo 3.13 ;; esac
# addon/ is the package forward_pass; mypy learns that from a link.
TYPES := .venv/types
LINT = $(VENV) -m ruff check . && $(VENV) -m ruff format --check . && \
  mkdir -p $(TYPES) && ln -sfn ../../addon $(TYPES)/forward_pass && \
  MYPYPATH=$(TYPES) $(VENV) -m mypy $(TYPES)/forward_pass scripts tests
# A worker for each core, which takes a few hundred megabytes; the slowest tests are named, as all of CI has to end in
# time.
PYTEST = -m pytest -n logical --maxprocesses=4 --durations=15 --durations-min=5
# What needs no Blender is the same on each of one Python, and `make test` runs it on 3.11.
PURE_TESTS = $(if $(filter 4.% 5.0.%,$(BPY)),,tests/core tests/process)
BLENDER_TESTS = $(PURE_TESTS) tests/scene tests/render tests/ui tests/test_extension.py

.PHONY: help setup video test lint extension test-blender test-installed test-transformers clean

help:
	@sed -n 's/^# make /make /p' Makefile

setup:
	@$(SET_UP)

video:
	@if [ -z "$$FP_PROMPT" ]; then \
	  echo 'There is no prompt. Write, for example: make video PROMPT="CBABBC"' >&2; exit 2; fi
	@$(SET_UP)
	@exec $(VENV) scripts/make_video.py $${FP_MODEL:+--model "$$FP_MODEL"} $${FP_QUALITY:+--quality "$$FP_QUALITY"} \
	  $${FP_OUT:+-o "$$FP_OUT"} -- "$$FP_PROMPT"

lint: setup
	@$(LINT)

# The tests run even where a linter complains, so that one look shows all.
test: setup
	@status=0; { $(LINT); } || status=1; $(VENV) $(PYTEST) || status=1; exit $$status

extension: setup
	@$(VENV) scripts/build_extension.py

test-blender:
	@python=$$(sh scripts/find_python.sh "$$($(PYTHON_FOR_BPY))" "$$FP_PYTHON") && \
	  "$$python" scripts/setup.py --bpy "$$FP_BPY"
	@".venv-$$FP_BPY/bin/python" $(PYTEST) $(BLENDER_TESTS)

test-installed: setup
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	  $(VENV) scripts/build_extension.py --output-dir "$$folder" && \
	  $(VENV) $(PYTEST) -p tests.installed --installed "$$folder"/forward_pass-*.zip tests/ui

test-transformers: setup
	@folder=$$($(VENV) scripts/add_transformers.py "$$FP_TRANSFORMERS") && \
	  PYTHONPATH="$$folder" $(VENV) $(PYTEST) tests/tracer

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find addon scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
