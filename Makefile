# Every target sets up what it needs under .cache/ first.
.DEFAULT_GOAL := help
.PHONY: help check lint-quick setup slow demo demo-down registry-demo registry-demo-down test test-long molecule testbed-status testbed-down lint sanity unit fuzz browser differential integration faults package benchmark docs hooks

PYTHON := .cache/venv/bin/python
PYTEST := $(PYTHON) -m pytest -q
# Tests on a Swarm wait most of the time: so many Swarms at once, also on two cores.
BEDS := 4
# Tests of one Swarm's own stay together; what takes longest begins first (tests/integration/durations.txt).
ORDER := --dist loadgroup --no-loadscope-reorder

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Install what running and testing needs into .cache/venv
	@sh tests/tools/bootstrap.sh run test

demo: ## The quick start: the guest book on a private Swarm (or the one of DOCKER_HOST), a minute or two the first time
	@python3 tests/testbed demo

demo-down: ## Remove what demo made
	@python3 tests/testbed demo-down

registry-demo: ## A registry of services (examples/registry) on a private Swarm, phase by phase
	@python3 tests/testbed registry-demo

registry-demo-down: ## Remove what registry-demo made
	@python3 tests/testbed registry-demo-down

test: ## All of the tests but the longest: lint, unit, differential, docs and package beside integration and faults
	@sh tests/tools/test.sh

test-long: setup cores ## The integration tests on three nodes and on every engine
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

cores: setup ## The same small playbook with every ansible-core that is supported
	@sh tests/tools/cores.sh

sanity: setup ## ansible-test sanity over the built archive (STACKWRIGHT_CORES="2.16/3.11 2.21/3.13": with these)
	@sh tests/tools/sanity.sh

unit: setup ## The quick unit tests: no engine, no network
	@sh tests/tools/run_tests.sh tests/unit -m "not slow"

slow: setup ## The other unit tests: generated inputs, runs killed at each call; and a little fuzzing
	@sh tests/tools/run_tests.sh tests/unit -n 2 -m slow
	@$(PYTEST) -n 2 tests/fuzz

fuzz: setup ## 50,000 spoilt Compose files and 2,000 spoilt answers of each kind (an hour; STACKWRIGHT_FUZZ=N, STACKWRIGHT_FUZZ_SEED=N)
	@STACKWRIGHT_FUZZ=$${STACKWRIGHT_FUZZ:-full} nice $(PYTEST) tests/fuzz

browser: ## The report in a real browser: no request, no error, WCAG AA, screenshots in .cache/browser
	@sh tests/tools/browser.sh
	@$(PYTEST) tests/browser

differential: setup ## Our results against those of docker's own tools
	@sh tests/tools/fetch_compose.sh >/dev/null || echo "differential: without docker-compose, its tests are skipped"
	@$(PYTEST) -n 2 tests/differential

molecule: ## The roles and playbooks on a Swarm of three nodes, as Molecule scenarios
	@sh tests/tools/molecule.sh

testbed-status: ## Show the Swarms that tests have up
	@python3 tests/testbed status

testbed-down: ## Remove every test Swarm that any run from this checkout left
	@python3 tests/testbed down --all

integration: setup ## Against a real Swarm of one node
	@sh tests/tools/run_tests.sh tests/integration -n $(BEDS) $(ORDER) --durations=80

faults: setup ## A deployment disturbed at every call of the Engine, and many at once
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
