# Everything a newcomer or a machine does here. Each target sets up what it needs by itself: Python
# 3.11 or newer and a network are enough (uv is used when there is one, and fetched when not).

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check search recovery soak audit fuzz bench bench-peers evaluate deploy-files clean
SHELL := /bin/sh

KILLS ?= 50
MINUTES ?= 30
EVENTS ?= 20000
ROUNDS ?= 10
SEED ?= 7

VENV := .venv
READY := $(VENV)/.ready
PEERS := $(VENV)/peers
EVALUATION := $(VENV)/evaluation
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
export UV_PROJECT_ENVIRONMENT := $(VENV)

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(READY)  ## Set up .venv, as every other target does by itself

demo: $(READY)  ## Run the whole pipeline on a local Kafka for about two minutes
	@$(VENV)/bin/freezeline demo

up: $(READY)  ## Run a local Kafka and the workers until Ctrl-C, and keep their data
	@$(VENV)/bin/freezeline up

test: $(READY)  ## Run all tests, on a real Kafka
	@$(VENV)/bin/python -m pytest -n 2 --dist loadfile

check: $(READY)  ## Check format, lint, types, layers and the repository's own rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --strict pipeline agents
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/python -m pytest tests/tidy tests/contracts -q

search: $(READY)  ## Try the properties on other examples than `make test` does: ROUNDS=10 SEED=7
	@for round in $$(seq $(ROUNDS)); do \
	  seed=$$(($(SEED) * 1000 + round)); echo "seed $$seed"; \
	  $(VENV)/bin/python -m pytest -q -n 2 -m hypothesis --hypothesis-profile=search --hypothesis-seed=$$seed \
	    tests/pipeline || exit 1; \
	done

recovery: $(READY)  ## Kill, stop and starve everything under load, KILLS=50 SEED=7, and compare with replay
	@$(VENV)/bin/python -m tests.recovery --kills $(KILLS) --seed $(SEED)

soak: $(READY)  ## Run a constant load with small faults, MINUTES=30 SEED=7: nothing may grow; draws soak.png
	@$(VENV)/bin/python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

audit: $(READY)  ## Look at what is shipped and run: hashes, licences, reproducible build, SBOM, known weaknesses
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/python -m tests.supply_chain

fuzz: $(READY)  ## Send hostile events of many kinds, EVENTS=20000 SEED=7, and account for every one
	@$(VENV)/bin/python -m tests.fuzz --events $(EVENTS) --seed $(SEED)

bench: $(READY)  ## Measure everything but other stream processors, one after the other (over an hour)
	@$(VENV)/bin/python -m benchmarks

# In an environment of its own: what other stream processors need must not hold back the product's.
bench-peers: $(READY)  ## Measure other stream processors beside the product
	@UV=$$(command -v uv || echo $(VENV)/bin/uv); \
	UV_PROJECT_ENVIRONMENT=$(PEERS) "$$UV" sync --quiet --locked --compile-bytecode --no-dev --extra peers --python $(VENV)/bin/python
	@$(PEERS)/bin/python -m benchmarks.peers --json

deploy-files: $(READY)  ## Write anew what in deploy/ is derived from topics.yaml and the metrics
	$(VENV)/bin/freezeline topics export --format strimzi --tls --principals deploy/strimzi/principals.yaml > deploy/strimzi/kafka.yaml
	$(VENV)/bin/python deploy/grafana/build.py

# Other labelled data and another matcher need packages that nothing else needs.
evaluate: $(READY)  ## Measure clusters and holds on labelled data, beside Splink; writes evaluation/ (half an hour)
	@UV=$$(command -v uv || echo $(VENV)/bin/uv); \
	UV_PROJECT_ENVIRONMENT=$(EVALUATION) "$$UV" sync --quiet --locked --compile-bytecode --no-dev --extra evaluate --extra splink --python $(VENV)/bin/python
	@$(EVALUATION)/bin/python -m evaluation

clean:  ## Remove what these targets made, but no data
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is made last: a set-up that was interrupted is done again. Without uv a venv gets one by
# pip; where uv has no wheel for the machine, pip itself installs, without the lock. Everything is
# compiled now: a worker that starts should not do it, and may not be allowed to keep it.
$(READY): pyproject.toml uv.lock
	@set -e; \
	python=; \
	for name in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    python=$$(command -v "$$name"); break; \
	  fi; \
	done; \
	if command -v uv >/dev/null 2>&1; then \
	  echo "Setting up $(VENV) with uv …"; \
	  uv sync --quiet --locked --compile-bytecode --extra local --python "$${python:->=3.11}"; \
	elif [ -z "$$python" ]; then \
	  echo "Freezeline needs Python 3.11 or newer, and found none: install it, or uv, and try again." >&2; \
	  exit 1; \
	else \
	  echo "Setting up $(VENV) with $$python …"; \
	  "$(VENV)/bin/python" -m pip --version >/dev/null 2>&1 || { \
	    "$$python" -m venv --clear $(VENV) || { \
	      echo "$$python -m venv failed: on Debian and Ubuntu, install python3-venv." >&2; exit 1; }; \
	  }; \
	  if "$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9'; then \
	    "$(VENV)/bin/uv" sync --quiet --locked --compile-bytecode --extra local --inexact --python "$(VENV)/bin/python"; \
	  else \
	    "$(VENV)/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'; \
	    "$(VENV)/bin/python" -m pip install --quiet --editable '.[local]' --group dev; \
	  fi; \
	fi; \
	touch $(READY)
