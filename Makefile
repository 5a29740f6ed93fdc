# What it is for: every job a developer has with gradientd, on a machine that has Python 3.11 or newer, make and nothing else.
# What it refuses: to touch the machine beyond this folder; .ci/run is what installs servers.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# A stamp for each set of extras: `$(WITH)demo,test` is a .venv that holds .[demo,test].
WITH := $(VENV)/with-

DEMO_EXTRAS := binary,demo
TEST_EXTRAS := binary,completion,demo,hashes,test
LINT_EXTRAS := $(TEST_EXTRAS),lint
BENCH_EXTRAS := binary,demo,bench

# What Kubernetes itself does not know, and KEDA does.
KEDA := etc/kubernetes/scaledobject.yml etc/kubernetes/triggerauthentication.yml

# Passed on to what a goal runs: make test ARGS='-k lease', make demo ARGS=~/Pictures
ARGS ?=
# Which Python makes .venv; empty takes the newest that is there.
PYTHON ?=
IMAGE ?= gradientd

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test chaos hostile soak bench lint wheel image clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(WITH)$(DEMO_EXTRAS) ## send pictures through real servers and write a page of the results (ARGS="FILES OR FOLDER")
	$(BIN)/gradientd demo $(ARGS)

test: $(WITH)$(TEST_EXTRAS) ## run the tests, real servers included (ARGS="-k lease -x")
	$(BIN)/python -m pytest $(ARGS)

chaos: $(WITH)$(TEST_EXTRAS) ## kill, cut and freeze real processes at random, then look for losses (ARGS="--seed 1 2 --seconds 600")
	$(BIN)/python -m tests.chaos $(ARGS)

hostile: $(WITH)$(TEST_EXTRAS) ## decode pictures that are built to do harm, then seeded mutations (ARGS="--minutes 60 --seed 1000")
	$(BIN)/python -m tests.hostile $(ARGS)

soak: $(WITH)$(TEST_EXTRAS) ## send 20 000 small jobs through one process and see what it still holds (ARGS="--jobs 100000")
	$(BIN)/python -m tests.soak $(ARGS)

bench: $(WITH)$(BENCH_EXTRAS) ## measure beside peers and write docs/performance.md (ARGS="--pictures FOLDER kernel quality")
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(WITH)$(LINT_EXTRAS) ## ruff, mypy, import-linter, and what checks the Dockerfile, the shell and etc/
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck .ci/run
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec etc/compose.yml
	$(BIN)/check-jsonschema --schemafile tests/packaging/keda.schema.json $(KEDA)
	$(BIN)/kubernetes-validate --strict $(filter-out $(KEDA) %/kustomization.yml,$(wildcard etc/kubernetes/*.yml))

wheel: $(WITH)$(TEST_EXTRAS) ## build the wheel and the sdist into dist/
	$(BIN)/python -m build

image: ## build the container image (IMAGE=name:tag)
	docker build --tag $(IMAGE) .

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) build dist *.egg-info gradientd-demo.html
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools warns of every editable install, in ten lines that a newcomer would take for an error.
$(WITH)%: setup.cfg setup.py $(VENV)/created
	PYTHONWARNINGS=ignore $(PIP) install --quiet --editable '.[$*]'
	@touch $@

$(VENV)/created:
	@no_venv=; \
	for python in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python); do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    $$python -c 'import ensurepip, venv' 2>/dev/null || { no_venv=$$python; continue; }; \
	    echo "$$python -m venv $(VENV)"; \
	    $$python -m venv --clear $(VENV) && $(PIP) install --quiet --upgrade pip && touch $@; exit; \
	done; \
	if [ "$$no_venv" ]; then echo "$$no_venv has no venv module: on Debian and Ubuntu, apt install python3-venv." >&2; \
	else echo "gradientd needs Python 3.11 or newer, and none was found: make PYTHON=/path/to/python3 names one." >&2; \
	fi; exit 1
