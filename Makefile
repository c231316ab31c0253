# Each target works as the only command after a clone: it makes .venv, installs what it needs and runs.
# PYTHON=python3.12 make test   takes another interpreter.
# What is installed stands in requirements/, with hashes; `make lock` renews it.

SHELL := /bin/sh
BIN := .venv/bin
PLUGINS := $(notdir $(patsubst %/__init__.py,%,$(wildcard plugins/usr_*/__init__.py)))
# Programs that tests run and that no Python package brings (program names; scripts/programs.sh knows their packages).
TEST_PROGRAMS := chromium strace setpriv unshare mount hostname ssh sshd ssh-keygen rsync flock jq openssl busybox
# Three for two cores: tests wait for locks, for other processes, and for what is slow on purpose.
WORKERS := 3
# Without byte code each Python that a test starts, and each worker at its start, compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo quick test test-newest test-oldest test-sync-faults test-whole torture-model torture-map lint manifests bench bench-quick readers wheel-test lock clean runtime dev torch programs

help:
	@echo "make demo         the main job on real sequences, each step explained"
	@echo "make test         lint, every test, the documentation's examples, the built wheel"
	@echo "make quick        lint, types, and the tests of what differs from main (under a minute)"
	@echo "make test-PACKAGE the tests of one package of the core or one plugin: make test-sync"
	@echo "make test-newest  every test, with the newest versions that pyproject.toml admits"
	@echo "make test-oldest  every test, with the oldest"
	@echo "make test-sync-faults  every fault of sync at every point, and 1 GB (20 minutes)"
	@echo "make test-whole   the tests of which every run has a sample only: faults, full disks, generated views (an hour)"
	@echo "make torture-model  10,000 random sequences of changes against a model (an hour or more)"
	@echo "make torture-map  fifty runs of usr map of each kind of accident, and a driver that dies at every step (an hour)"
	@echo "make lint         ruff, mypy --strict, import-linter, the figures of the layout, the parsed manifests"
	@echo "make manifests    write the parsed manifests of the built-in plugins again, after a change of one"
	@echo "make bench        the figures of benchmarks/, and whether they reach their targets (an hour or more)"
	@echo "make bench-quick  the same jobs on small data (minutes)"
	@echo "make readers      the table of docs/reading-elsewhere.md, from running other readers (minutes)"
	@echo "make wheel-test   only the test of the built wheel"
	@echo "make torch        add PyTorch to .venv, for the test of examples/embed (200 MB and more to load)"
	@echo "make lock         renew requirements/: the versions that are installed, with hashes"
	@echo "make clean        remove .venv and what tools left"

demo: runtime
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/demo.sh

# CI has every test; PyTorch is too large to load it for everybody who runs the others.
test: dev programs $(if $(CI),torch)
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n $(WORKERS)

quick: dev
	@$(MAKE) --no-print-directory lint
	@tests=$$($(BIN)/python scripts/changed_tests.py main) && \
	if [ -n "$$tests" ]; then $(BIN)/python -m pytest -q -x -n $(WORKERS) -m "not slow and not whole_matrix" $$tests; fi

# The folders of that name below tests/: of the core, of the store, of a plugin.
test-%: dev programs
	$(BIN)/python -m pytest -n $(WORKERS) $(wildcard tests/usr_core/$* tests/usr_core/store/$* tests/usr_core/store/*/$* tests/plugins/usr_$* tests/$*)

test-newest test-oldest: test-%: programs
	@sh scripts/bootstrap.sh $*
	.venv-$*/bin/python -m pytest -n $(WORKERS) -m "not whole_matrix and not locked and not torch"

test-sync-faults: dev programs
	$(BIN)/python -m pytest -n $(WORKERS) -m "whole_matrix or not whole_matrix" tests/usr_core/sync/faults

test-whole: dev programs
	$(BIN)/python -m pytest -n $(WORKERS) -m whole_matrix

torture-model: dev
	USR_MODEL_EXAMPLES=$${USR_MODEL_EXAMPLES:-10000} $(BIN)/python -m pytest -n $(WORKERS) tests/usr_core/dataset/test_model.py

torture-map: dev
	USR_MAP_RUNS=$${USR_MAP_RUNS:-50} $(BIN)/python -m pytest -n $(WORKERS) tests/usr_core/runs/test_torture.py

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p usr_core $(addprefix -p ,$(PLUGINS))
	$(BIN)/lint-imports
	$(BIN)/python scripts/layout.py
	$(BIN)/python scripts/builtin_manifests.py --check

manifests: dev
	$(BIN)/python scripts/builtin_manifests.py

bench: dev
	$(BIN)/python -m benchmarks

bench-quick: dev
	$(BIN)/python -m benchmarks --quick --results benchmarks/results/quick

readers: dev
	$(BIN)/python scripts/readers.py

wheel-test: dev
	$(BIN)/python -m pytest tests/packaging/test_wheel.py

lock:
	@sh scripts/lock.sh

runtime:
	@sh scripts/bootstrap.sh runtime

dev:
	@sh scripts/bootstrap.sh dev

torch: dev
	@sh scripts/bootstrap.sh torch

programs:
	@sh scripts/programs.sh $(TEST_PROGRAMS)

clean:
	rm -rf .venv .venv-newest .venv-oldest build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
