# make up       set Phin up and run it here, at first with a demo shop; Ctrl-C ends it
# make install  set Phin up: .venv with the phin command
# make test     set up what the tests need, and run them
# make check    lint, form and types, and the tests of the flows
# make clean    remove what was set up and what it kept (.venv, var)

# the first Python of at least 3.11; another one: make PYTHON=/path/to/python3
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $(name))))
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
SOURCES := worker tests $(wildcard bench demo)

.DEFAULT_GOAL := up
.PHONY: up install test check format clean
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

format: $(VENV)/.tested
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# once, and again when the list of packages changes
$(VENV)/.installed: pyproject.toml $(VENV)/.made
	@echo "Installing Phin into $(VENV) (about a minute) …"
	@$(PIP) install -qq --editable .
	@touch $@

$(VENV)/.tested: pyproject.toml $(VENV)/.installed
	@echo "Installing what the tests need (about a minute) …"
	@$(PIP) install -qq --editable '.[dev]'
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
