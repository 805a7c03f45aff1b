# make run · make test · make check · make bench. Each first sets up what it needs; a second time nothing is installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHROMIUM := $(wildcard /usr/bin/chromium)

export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: run setup test test-rest test-browser check bench readme resolve clean

run: $(VENV)/app.stamp
	$(BIN)/python app.py

setup: $(VENV)/dev.stamp

# Both halves at once keep two cores busy.
test: $(VENV)/dev.stamp
	$(if $(CHROMIUM),,@echo "No /usr/bin/chromium here: the browser tests are left out.")
	@+$(MAKE) --no-print-directory --jobs=2 test-rest $(if $(CHROMIUM),test-browser)

test-rest: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "not browser"

test-browser: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m browser

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/app.stamp
	$(BIN)/python -m playground bench

readme: $(VENV)/app.stamp
	$(BIN)/python -m playground.knobs README.md
	$(BIN)/python -m playground.settings README.md

# Whether a Space can install this: Python 3.12, Gradio as the README's head says, the oldest and newest torch of ZeroGPU.
GRADIO = $(shell sed -n 's/^sdk_version: //p' README.md)
resolve: $(VENV)/app.stamp
	for torch in 2.8 2.11; do $(BIN)/python -m pip install --dry-run --quiet --ignore-installed --only-binary=:all: \
		--python-version 3.12 --target $(VENV)/nowhere -r requirements.txt \
		"torch==$$torch.*" "gradio[oauth,mcp]==$(GRADIO)" spaces || exit 1; echo "resolved with torch $$torch"; done

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# A stamp is written after all is installed, so that an interrupted set-up is taken up again.
$(VENV)/app.stamp: requirements.txt constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/app.stamp
	$(BIN)/python -m pip install -r requirements-dev.txt -c constraints.txt
	@touch $@
