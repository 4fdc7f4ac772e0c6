PYTHON ?= python3
VENV   ?= .venv
PORT   ?= $(or $(S2CONVSCN_PORT),8000)
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test check serve test-slow chaos format clean

demo: $(READY)        ## cluster a real image set over HTTP, from nothing to pictures
	$(BIN)/s2convscn demo

test: $(READY)        ## the test suite
	$(BIN)/python -m pytest -m "not slow and not chaos"

check: $(READY)       ## lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: $(READY)       ## API, one worker and broker in the foreground; Ctrl-C stops all
	$(BIN)/s2convscn serve --port $(PORT)

test-slow: $(READY)   ## the paper's image sets over HTTP; S2CONVSCN_BENCH_DATA names their folder
	$(BIN)/python -m pytest -m slow -s --timeout=7200

chaos: $(READY)       ## kill trainer, worker and broker in mid-training
	$(BIN)/python -m pytest -m chaos -s --timeout=1800

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[api,worker,dev]'
	touch $(READY)
