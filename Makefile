# Every target sets up what it needs under .cache/ first.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test unit lint

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Install what running and testing needs into .cache/venv
	@sh tests/tools/bootstrap.sh run test

unit: setup ## Unit tests only
	@.cache/venv/bin/python -m pytest tests/unit -n 2 -q
