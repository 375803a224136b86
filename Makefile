# make up       set Phin up and run it here, at first with a demo shop; Ctrl-C ends it
# make install  set Phin up: .venv with the phin command
# make test     set up what the tests need, and run them
# make check    lint, form and types, and the tests of the flows
# make chaos    kill and break everything while 20,000 mails go out, and count (docs/chaos.md)
# make fuzz     let a fuzzer try the readers of others' texts (make fuzz SECONDS=600 READERS="flow template")
# make lock     renew the lists of packages with their hashes (make lock UPGRADE=1: take the newest of each)
# make audit    ask the advisories of the Python package index about every locked package
# make clean    remove what was set up and what it kept (.venv, var)

# the first Python of at least 3.11; another one: make PYTHON=/path/to/python3
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $(name))))
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := install -qq --no-build-isolation --require-hashes --requirement
PHIN := install -qq --no-build-isolation --no-deps --editable .
LOCK := $(VENV)/tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--system-certs $(if $(UPGRADE),--upgrade) --output-file
SOURCES := worker tests $(wildcard bench demo)

.DEFAULT_GOAL := up
.PHONY: up install test check chaos format fuzz lock audit clean
MAKEFLAGS += --no-print-directory

up: install
	@exec $(VENV)/bin/phin up --clock "-34 days" --first "phin demo --here"

install: $(VENV)/.installed

test: $(VENV)/.tested
	@exec $(VENV)/bin/pytest -n auto --dist worksteal $(ARGS)

check: $(VENV)/.tested
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/phin test --coverage --at-least 100%

chaos: $(VENV)/.tested
	@$(VENV)/bin/python -m tests.chaos $(ARGS)
	@$(if $(ARGS),:,exec $(VENV)/bin/python -m tests.chaos.hosts)

format: $(VENV)/.tested
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

fuzz: $(VENV)/.fuzzed
	@$(VENV)/bin/python -c 'import atheris' 2>/dev/null || { \
		echo "The fuzzer has no package for this machine; make test tries all that it ever found." >&2; exit 1; }
	@exec $(VENV)/bin/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(READERS)

# each list holds every package that pyproject.toml leads to, for every Python and system that Phin runs on
lock: $(VENV)/.tools
	@$(LOCK) requirements.lock pyproject.toml --group pyproject.toml:build
	@$(LOCK) requirements-dev.lock pyproject.toml --extra dev --group pyproject.toml:build --constraint requirements.lock
	@$(LOCK) .ci/fuzz.lock --group pyproject.toml:fuzz
	@$(LOCK) .ci/tools.lock --group pyproject.toml:tools

audit: $(VENV)/.tools
	@$(VENV)/bin/python .ci/audit $(ARGS)

clean:
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# once, and again when the list of packages changes; what is not in it, or differs by a byte, is not installed
$(VENV)/.installed: pyproject.toml requirements.lock $(VENV)/.made
	@echo "Installing Phin into $(VENV) (about a minute) …"
	@$(PIP) $(INSTALL) requirements.lock
	@$(PIP) $(PHIN)
	@touch $@

$(VENV)/.tested: pyproject.toml requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need (about a minute) …"
	@$(PIP) $(INSTALL) requirements-dev.lock
	@touch $@

$(VENV)/.fuzzed: .ci/fuzz.lock $(VENV)/.tested
	@$(PIP) $(INSTALL) .ci/fuzz.lock
	@touch $@

# tools of their own, apart from what Phin and its tests run with
$(VENV)/.tools: .ci/tools.lock $(VENV)/.made
	@$(PYTHON) -m venv $(VENV)/tools
	@$(VENV)/tools/bin/python -m pip --disable-pip-version-check $(INSTALL) .ci/tools.lock
	@touch $@

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Phin needs Python 3.11 or newer, and none was found. Bring it with:" >&2; \
		echo "    sudo apt-get install python3 python3-venv" >&2; \
		echo "or name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python ($(PYTHON)) has no venv module. Bring it with this one command, then run make again:" >&2; \
		echo "    sudo apt-get install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; \
		exit 1; \
	}
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@
