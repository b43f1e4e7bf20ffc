# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# One scenario, or empty for all of them: make molecule SCENARIO=default
SCENARIO ?=
# What `make test` runs, in this order.
PARTS ?= lint unit property rules sanity build integration molecule
# Arguments for pytest: make unit ARGS='-k retention'
ARGS ?=
# bench/ledger.py is run by `make bench-ledger`.
BENCHES := $(patsubst bench/%.py,bench-%,$(filter-out bench/_%,$(wildcard bench/*.py)))

## Everyday

.PHONY: setup demo test commune allocate clean help
setup: ## Install what this machine lacks (apt, .venv); a second run is instant
	@tests/tooling/setup

venv: # what needs no machine needs no podman either
	@tests/tooling/setup --venv

demo: setup ## Two servers, one workstation, a real backup and a real restore
	@tests/testbed/demo

test: setup ## Every check that CI runs, side by side, with the time of each part
	@tests/tooling/run_parts $(PARTS)

commune: venv ## Write the first file of a commune, from a few questions; ARGS='--help' lists the options
	@roles/agent/files/ccpp-backup commune $(ARGS)

allocate: venv ## Give addresses to communes that have none; RELEASE=slug gives back those of one that left
	@ansible-playbook -i localhost, playbooks/allocate.yml $(if $(RELEASE),-e release=$(RELEASE))

clean: ## Remove the machines, networks, mounts and caches that demo and test made
	@tests/testbed/clean
	rm -rf .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .ansible

help: ## This list
	@awk -F':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make bench-NAME   A measurement: $(or $(BENCHES:bench-%=%),none yet)"

## Parts of make test

.PHONY: venv lint unit property property-long rules browser sanity build molecule resume-campaign integration mutation hardening
lint: venv ## ansible-lint, yamllint, ruff, mypy, shellcheck, and what no linter knows of this tree
	@tests/tooling/lint

unit: venv ## Unit tests with the coverage gate; ARGS='-k retention' picks some, without the gate
	@pytest tests/unit $(or $(ARGS),--cov)

property: venv ## Tests with made-up input, against oracles; HYPOTHESIS_PROFILE=quick or long for fewer or more cases
	@pytest tests/property tests/fuzz $(ARGS)

property-long: venv ## The same with a million cases instead of 20 000, and new ones each time: hours
	@HYPOTHESIS_PROFILE=long pytest tests/property tests/fuzz $(ARGS)

rules: ## The alert rules, by promtool and made-up time
	@tests/tooling/alert_rules

browser: venv ## The pages in a real Chromium, looked at by axe-core (on Debian; not among the parts of make test)
	@tests/tooling/browser $(ARGS)

demo-twice: setup ## The demonstration on machines never touched before, once more on the same, and away with them
	@tests/testbed/testbed destroy demo
	@tests/testbed/demo
	@tests/testbed/demo
	@tests/testbed/testbed destroy demo

sanity: venv ## ansible-test sanity, on a real collection tree outside this one
	@tests/tooling/sanity

build: venv ## Build the collection, install the archive elsewhere, use it there
	@tests/tooling/build

molecule: setup ## Roles and playbooks on real machines; SCENARIO=default picks one; WHOLE=1 runs long tests, too
	@tests/tooling/molecule $(SCENARIO)

resume-campaign: setup ## An onboarding killed at ten random points and gone on with each time; CUTS=n, SEED=n repeats one
	@tests/tooling/resume_campaign

integration: setup ## The command against real repositories, on a Debian 13 machine
	@tests/tooling/integration $(ARGS)

mutation: venv ## How many deliberate mistakes in retention and calendar their tests find; takes a quarter of an hour
	@tests/mutation/run

hardening: setup ## What lynis, OpenSCAP, nmap and testssl.sh say of servers untouched and set up; half an hour
	@MOLECULE_GLOB='molecule/*/molecule.yml' molecule converge --scenario-name security
	@tests/testbed/hardening
	@tests/testbed/testbed destroy security

## Upkeep

.PHONY: format docs changelog constraints
format: venv ## Format and sort the imports of the Python code
	@ruff check --fix-only --quiet . && ruff format .

docs: venv ## Write again what is generated: the roles' READMEs, the table of flows
	@python tests/tooling/role_readmes.py
	@python tests/tooling/flow_table.py

changelog: venv ## Gather changelogs/fragments/ into CHANGELOG.md, for the version in galaxy.yml
	@antsibull-changelog release --refresh --reload-plugins

constraints: venv ## Write .config/constraints.txt from what .venv holds
	@{ head -1 .config/constraints.txt; pip freeze --exclude ansible --exclude ansible-core; } > .config/constraints.new
	@mv .config/constraints.new .config/constraints.txt

bench-%: venv
	@python bench/$*.py $(ARGS)
