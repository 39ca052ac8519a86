# make book   sets everything up, executes what is not yet known, builds the site
# make test   sets everything up, runs the tests
# make bench  sets everything up, measures the speed on this machine
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SITE   := book/_build/html
# Test processes, each with one thread; a file stays in one process, long files come first. There is
# one more than cores, up to four: a process that waits for a browser or a child leaves its core idle.
PYTEST ?= -n $(shell expr $(CORES) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Cores this process may use: two processes with two threads each on two cores are ten times
# slower than one, so the number is fixed here once for torch, NumPy and every notebook kernel.
CORES := $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
export OMP_NUM_THREADS ?= $(CORES)

.DEFAULT_GOAL := help
.PHONY: moved help install execute book test test-narrow bench audit vulnerabilities mutate lint \
  screenshots clean distclean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: $(STAMP) ## create .venv with everything pinned in requirements.lock

# The environment in a checkout that was moved or copied starts and imports the old one.
MOVED := $(shell test ! -e $(STAMP) || \
  grep -qsxF "$(CURDIR)" $(VENV)/lib/python*/site-packages/__editable__*.pth || echo moved)

$(STAMP): requirements.lock pyproject.toml $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another interpreter, for example: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot create environments (Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(if $(MOVED),--clear) $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

execute: $(STAMP) ## execute the notebooks whose pages are not up to date
	$(BIN)/infomax execute

book: execute ## build the site into book/_build/html, any warning is an error
	$(BIN)/jupyter-book build book -W -n --keep-going
	@echo "Open $(SITE)/index.html"

test: $(STAMP) ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST)

# The replay of the pages, and the numbers of layer, training and measures; not files and arrays.
NARROW := tests/test_replay.py tests/model tests/training tests/measures \
  --ignore=tests/training/test_compiled_cache.py --ignore=tests/model/test_data.py \
  --ignore=tests/model/test_spec.py

test-narrow: $(STAMP) ## replay and numerics again, under the oldest instructions of x86
	OMP_NUM_THREADS=1 $(BIN)/python .ci/narrow.py $(BIN)/python -m pytest $(PYTEST) --dist worksteal $(NARROW)

bench: $(STAMP) ## measure speed and store it (SWEEP=1: 180 runs, too; BENCH=quick: only a trial)
	$(BIN)/python -m benchmarks $(if $(BENCH),--$(BENCH)) $(if $(SWEEP),--sweep)

audit: $(STAMP) ## compute a few stored results again, the same ones each time, and compare
	$(BIN)/infomax audit --sample 4 --seed 1 --minutes 2

mutate: $(STAMP) ## small changes of the code that no test notices (WHERE=file: of one file only)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[mutate]'
	OMP_NUM_THREADS=1 $(BIN)/python tests/mutate.py $(WHERE)

vulnerabilities: ## known ones of the versions in requirements.lock (needs pipx and the network)
	pipx run pip-audit==2.10.1 --no-deps --disable-pip --requirement requirements.lock

lint: $(STAMP) ## ruff, mypy, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

screenshots: book ## pictures of every page, light, dark and phone, into screenshots/
	$(BIN)/python tests/screenshots.py $(SITE) screenshots

clean: ## remove what was built (not .venv, not results)
	rm -rf book/_build reruns screenshots .pytest_cache .hypothesis .ruff_cache .mypy_cache .import_linter_cache build *.egg-info
	find infomax_lib paper benchmarks tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)
