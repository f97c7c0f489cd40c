# Every way of working on decisionloop starts here, from nothing but Python 3.11+ and git.

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help install demo test check docs serve bench soak torture lock supply audit clean

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(BIN)/.installed ## Make the environment in .venv, every package checked by its hash

demo: $(BIN)/.installed ## Replay the bundled credit data through the whole loop and tell its story
	$(BIN)/decisionloop demo

test: $(BIN)/.installed ## Run the whole suite, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -q -n 4 --dist loadgroup --no-loadscope-reorder

check: $(BIN)/.installed ## Lint, format, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(BIN)/.installed ## Build the pages of docs/ as a site into site/, and check every link
	$(BIN)/mkdocs build --strict --quiet

supply: $(BIN)/.installed ## Bill of materials (sbom.json), licences, and known vulnerabilities of what is locked
	$(BIN)/python -m supply bill sbom.json
	$(BIN)/python -m supply licences
	$(BIN)/python -m supply audit

audit: $(BIN)/.installed ## Known vulnerabilities of what is locked; says so where nobody can be asked
	$(BIN)/python -m supply audit --or-say-so

serve: $(BIN)/.installed ## Start a local Prefect server, a worker, every deployment and automation, webhooks if configured
	$(BIN)/decisionloop serve

bench: $(BIN)/.installed ## Measure what is claimed
	$(BIN)/python -m benchmarks

MINUTES ?= 30
soak: $(BIN)/.installed ## Decide one at a time for MINUTES (30), and tell whether memory grows
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

torture: $(BIN)/.installed ## Kill the loop at 200 random points, draw new examples, and run what is exhaustive
	$(BIN)/python -m pytest -q tests/crash --kills 200 -m ""
	$(BIN)/python -m pytest -q tests/release tests/ledger/test_release_lives.py -m "" --hypothesis-profile=torture
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m hypothesis --hypothesis-profile random
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m exhaustive --ignore tests/crash

lock: $(BIN)/uv ## Resolve requirements.lock afresh
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --all-extras -q \
		-o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate -q \
		--extra postgres --extra fast --extra dask --extra s3 -c requirements.lock -o requirements-run.lock pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate -q \
		-o requirements-uv.lock requirements-uv.in

clean: ## Remove the environment and everything that runs have written
	rm -rf .venv .decisionloop

$(BIN)/uv: requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "decisionloop needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

$(BIN)/.installed: $(BIN)/uv requirements.lock pyproject.toml
	@# Byte code once, for every process that imports: where Python may not write any, each would compile for half a minute.
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q decisionloop expectations flows tasks
	@# Some seconds once, so that no process compiles before its first score.
	@$(BIN)/python -c 'from decisionloop.predict.scorer.engine import compile_kernels; compile_kernels()'
	@touch $@
