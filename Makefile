# Everything runs in .venv, which the first command makes. Paths are relative: the clone may lie in a folder with blanks in its name.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-mitmproxy test-agents node differential honesty soak soak-live lint format bench clean
PYTHON := .venv/bin/python
READY := .venv/.ready
NODE := tests/e2e/node/node_modules/.ready

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1	/'

demo: $(READY) ## broken streams into the real SDKs, without and with Resplice: a table
	@$(PYTHON) examples/demo.py $(ARGS)

test: $(READY) $(NODE) ## the whole test suite; ARGS="-k name" for a part of it, WORKERS=0 for one test after the other
	@$(PYTHON) -m pytest -n $(or $(WORKERS),3) --dist worksteal $(ARGS)

test-mitmproxy: $(READY) ## the proxy's tests against another mitmproxy, VERSION=12.0 (its newest patch), in an environment of its own
	@rm -rf out/mitmproxy-$(VERSION) && $(PYTHON) -m venv out/mitmproxy-$(VERSION)
	@out/mitmproxy-$(VERSION)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@out/mitmproxy-$(VERSION)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group test 'mitmproxy==$(VERSION).*'
	@out/mitmproxy-$(VERSION)/bin/python -c 'import sys; from mitmproxy import version; print("mitmproxy", version.VERSION, "Python", sys.version.split()[0])'
	@out/mitmproxy-$(VERSION)/bin/python -m pytest $(or $(TESTS),tests/unit/proxy tests/e2e/test_proxy.py tests/e2e/test_lifecycle.py) $(ARGS)

test-agents: $(READY) ## coding agents from npm, through HTTPS interception, without Resplice and with it: writes docs/agents.md
	@$(PYTHON) -m pytest -m agents tests/agents $(ARGS)

node: $(NODE) ## install the Node SDKs that the differential tests drive, if Node is present

differential: $(READY) $(NODE) ## every fault to every SDK, without and with Resplice: writes docs/differential.md
	@$(PYTHON) tests/e2e/matrix.py docs/differential.md

honesty: $(READY) ## healthy streams damaged at every byte, read without Resplice and with it; ARGS="--every 17", "--show made-wrong", --help
	@PYTHONPATH=tests/properties $(PYTHON) -m honesty $(ARGS)

soak: $(READY) ## look for streams that break an invariant, ROUNDS=20 times with new random ones
	@for round in $$(seq $(or $(ROUNDS),20)); do \
		RESPLICE_PROPERTIES=soak $(PYTHON) -m pytest tests/properties tests/unit/session/test_reader.py tests/unit/session/test_fail_open.py -k "random or never_ends_more_complete or at_any_call or bytes_whatever or model_says or known_shapes" || exit 1; \
	done

soak-live: $(READY) ## single bytes against a heartbeat for SECONDS=60, streams that last MINUTES=10
	@SOAK_SECONDS=$(or $(SECONDS),60) SOAK_MINUTES=$(or $(MINUTES),10) $(PYTHON) -m pytest -s -m soak tests/soak $(ARGS)

lint: $(READY) ## ruff and mypy --strict
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

format: $(READY) ## lay out the code, write the generated parts of the README
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m resplice.cli.docs README.md docs/*.md

bench: $(READY) ## measure speed
	@$(PYTHON) bench/run.py $(ARGS)

clean: ## remove .venv and everything that was generated
	@rm -rf .venv out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf addons/*.egg-info

# python3 comes first: where pyenv, asdf or mise is in use, .python-version selects it.
define FIND_PYTHON
for candidate in python3 python3.14 python3.13 python3.12 python; do \
	if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
		echo "$$candidate"; exit 0; \
	fi; \
done
endef

define NO_PYTHON
Resplice needs Python 3.12 or newer with its venv module, and found none as python3, python3.14, python3.13 or python3.12.
  Debian, Ubuntu:  sudo apt install python3 python3-venv
  Fedora:          sudo dnf install python3.13
  macOS:           brew install python@3.13
  anywhere:        https://docs.astral.sh/uv/ and then: uv python install 3.13
endef
export NO_PYTHON

$(READY): pyproject.toml
	@if ! $(PYTHON) -c 'import pip, sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
		python=$$($(FIND_PYTHON)); \
		if [ -z "$$python" ]; then printf '%s\n' "$$NO_PYTHON" >&2; exit 1; fi; \
		echo "Making .venv with $$("$$python" --version)"; \
		rm -rf .venv && "$$python" -m venv .venv; \
	fi
	@echo "Installing Resplice, and the SDKs and tools that its demo and tests use, into .venv"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

# The tests say so and go on without them where Node is absent.
$(NODE): tests/e2e/node/package.json tests/e2e/node/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing the Node SDKs into tests/e2e/node"; \
		npm --prefix tests/e2e/node ci --no-progress --loglevel=error >/dev/null && touch $@ \
			|| echo "The Node SDKs could not be installed: they are left out"; \
	else \
		echo "Node is not installed: its SDKs are left out"; \
	fi
