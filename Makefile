# Each target first installs its requirements under .cache/.
.DEFAULT_GOAL := help
.PHONY: help check lint-quick setup slow demo demo-down registry-demo registry-demo-down test test-long molecule testbed-status testbed-down lint sanity unit fuzz browser differential integration faults package benchmark docs hooks

PYTHON := .cache/venv/bin/python
PYTEST := $(PYTHON) -m pytest -q
# The number of Swarms at once, also on two cores: tests on a Swarm wait most of the time.
BEDS := 4
# Tests that share a Swarm of their own stay together; the longest begin first (tests/integration/durations.txt).
ORDER := --dist loadgroup --no-loadscope-reorder

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Install the requirements of runs and tests into .cache/venv
	@sh tests/tools/bootstrap.sh run test

demo: ## The quick start: the guest book on a private Swarm (or the one of DOCKER_HOST), a minute or two the first time
	@python3 tests/testbed demo

demo-down: ## Remove what demo created
	@python3 tests/testbed demo-down

registry-demo: ## A registry of services (examples/registry) on a private Swarm, phase by phase
	@python3 tests/testbed registry-demo

registry-demo-down: ## Remove what registry-demo created
	@python3 tests/testbed registry-demo-down

test: ## All tests except the longest: lint, unit, differential, docs and package beside integration and faults
	@sh tests/tools/test.sh

test-long: setup cores ## The integration tests on three nodes and on every Engine version
	@sh tests/tools/long.sh

check: ## While you work: the quick steps of lint beside the quick unit tests
	@sh tests/tools/bootstrap.sh run test docs
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint-quick unit

lint-quick: setup
	@sh tests/tools/lint.sh quick

lint: setup ## Formatters, linters, types and documentation
	@sh tests/tools/lint.sh

docs: ## Build the documentation site into .cache/docs/html; a warning is an error
	@sh tests/tools/docs.sh

hooks: setup ## Install the git hooks of .pre-commit-config.yaml
	@sh tests/tools/bootstrap.sh docs hooks
	@.cache/venv/bin/pre-commit install

cores: setup ## A small playbook with every supported ansible-core
	@sh tests/tools/cores.sh

sanity: setup ## ansible-test sanity over the built archive (STACKWRIGHT_CORES="2.16/3.11 2.21/3.13": with these)
	@sh tests/tools/sanity.sh

unit: setup ## The quick unit tests: no Engine, no network
	@sh tests/tools/run_tests.sh tests/unit -m "not slow"

slow: setup ## The other unit tests: generated inputs, runs killed at each call; and a little fuzzing
	@sh tests/tools/run_tests.sh tests/unit -n 2 -m slow
	@$(PYTEST) -n 2 tests/fuzz

fuzz: setup ## 50,000 corrupted Compose files and 2,000 corrupted answers of each kind (an hour; STACKWRIGHT_FUZZ=N, STACKWRIGHT_FUZZ_SEED=N)
	@STACKWRIGHT_FUZZ=$${STACKWRIGHT_FUZZ:-full} nice $(PYTEST) tests/fuzz

browser: ## The report in a real browser: no request, no error, WCAG AA, screenshots in .cache/browser
	@sh tests/tools/browser.sh
	@$(PYTEST) tests/browser

differential: setup ## Compare our results with those of Docker's own tools
	@sh tests/tools/fetch_compose.sh >/dev/null || echo "differential: without docker-compose, its tests are skipped"
	@$(PYTEST) -n 2 tests/differential

molecule: ## The roles and playbooks on a Swarm of three nodes, as Molecule scenarios
	@sh tests/tools/molecule.sh

testbed-status: ## Show the running test Swarms
	@python3 tests/testbed status

testbed-down: ## Remove the test Swarms of all runs from this checkout
	@python3 tests/testbed down --all

integration: setup ## The integration tests, on Swarms of one node
	@sh tests/tools/run_tests.sh tests/integration -n $(BEDS) $(ORDER) --durations=80

faults: setup ## Deployments with a fault at every Engine call, and many at once
	@sh tests/tools/run_tests.sh tests/faults -n 3 $(ORDER) --durations=5

package: setup ## Build the collection, install it and use it from there
	@sh tests/tools/package.sh

benchmark: setup ## Times and counts, as ratios; see docs/benchmark.md
	@sh tests/tools/compare_venv.sh
	@$(PYTHON) tests/benchmark/compile_time.py
	@$(PYTHON) tests/benchmark/engine_share.py
	@$(PYTHON) tests/benchmark/plays.py
	@$(PYTHON) tests/benchmark/role.py
	@$(PYTHON) tests/benchmark/many.py
	@$(PYTHON) tests/benchmark/registry_play.py
	@$(PYTHON) tests/benchmark/registry_time.py
	@$(PYTHON) tests/benchmark/takeover.py
	@$(PYTHON) tests/benchmark/return_delay.py
