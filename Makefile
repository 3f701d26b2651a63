# Racktwin. `make help` lists the targets; the logic is in scripts/local_stack (Python).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first Python that is new enough makes the virtual environment; everything else runs in it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
DEMO := $(RUN) -m local_stack --stack demo
TEST := $(RUN) -m local_stack --stack test
SOURCES := services operators ml-models scripts tests

##@ The main job
.PHONY: demo demo-status demo-stop demo-clean
demo: setup ## From nothing to live twins with predictions; again: mends what is not healthy
	@$(DEMO) demo

demo-status: setup ## What is there; with -s and JSON=1 one JSON line
	@$(DEMO) demo-status $(if $(JSON),--json)

demo-stop: setup ## Stop everything, keep the data
	@$(DEMO) down

demo-clean: setup ## Stop everything and delete the demo's data
	@$(DEMO) clean

##@ Tests
.PHONY: test lint unit contract e2e fuzz test-faults
test: setup ## Set-up, lint and all tests, on a stack of its own
	@$(TEST) test

lint: setup ## Format, lint, types, layers
	@$(TEST) test lint

unit: setup ## Fast tests without network
	@$(TEST) test unit

contract: setup ## What other systems may rely on, against the running stack (DITTO_URL: another Ditto)
	@$(TEST) test contract

e2e: setup ## One file per promise, against the running stack
	@$(TEST) test e2e

fuzz: setup ## Property tests with new random examples, TIMES (20) as many as usual; prints its seed (SEED=… repeats it)
	@$(RUN) -m pytest tests/unit -m hypothesis --fuzz $(or $(TIMES),20) --timeout 1800 $(if $(SEED),--hypothesis-seed $(SEED))

test-faults: setup ## Everything that can die, dies while numbered readings flow; none may be lost (15 min, a stack of its own)
	@$(RUN) -m tests.faults

##@ Models and figures
.PHONY: train bench-mainjob bench-pipeline
train: setup ## Train the inlet-temperature model: on the demo's history if there is enough, else simulated
	@$(DEMO) train $(if $(OUT),--out $(OUT))

bench-mainjob: setup ## Latencies and counts of the example site over 60 s; the last line is JSON
	@$(RUN) -m bench.mainjob

.PHONY: bench-operator
bench-operator: setup ## The operator with RACKS racks (10,000) on a stack of its own; the last line is JSON
	@$(RUN) -m bench.operator $(if $(RACKS),--racks $(RACKS))

bench-pipeline: setup ## 25,000 readings/s over 60 s to InfluxDB and twins, beside the usual loop; the last line is JSON
	@$(RUN) -m bench.pipeline

.PHONY: check-charts check-dashboards
check-charts: setup ## Charts: lint, unit tests, a live API server's schemas; each profile installed, upgraded, rolled back, and one upgraded from the version before (4 min); the last line is JSON
	@$(RUN) -m check_charts

check-dashboards: setup ## On the running demo: a real Grafana loads pages and rules, Chromium looks at every page, each rule's fault is made and told of (20 min on a demo of ten; first use builds Grafana); the last line is JSON
	@$(RUN) -m dashboards.check

.PHONY: soak bench-physics
soak: setup ## 25,000 readings/s for ten minutes: how much the memory of our processes grows; the last line is JSON
	@$(RUN) -m bench.pipeline --only kafka --seconds 600

.PHONY: bench-server-twin
bench-server-twin: setup ## This machine loaded by a schedule, and how well its twin knows it (4 min, a quiet machine); the last line is JSON
	@$(RUN) -m bench.server_twin $(if $(PHASES),--phases $(PHASES)) $(if $(KEEP),--keep $(KEEP))

bench-physics: setup ## The room model's speed, balances and calibration; the last line is JSON
	@$(RUN) -m bench.physics

.PHONY: bench-models bench-retrain bench-disks bench-sensor-alerts
bench-models: setup ## The model runner from Kafka to Kafka beside the usual loop, and how good the models are on unseen plants
	@$(RUN) -m bench.models

bench-retrain: setup ## A drifted plant found, retrained, promoted and better, without a hand
	@$(RUN) -m bench.retrain

bench-disks: setup ## How many failing disks are found, how long before, and how often a good one is suspected (simulated fleets)
	@$(RUN) -m training.disks

bench-sensor-alerts: setup ## The alert of a faulty sensor against labelled faults: told, repeated, ended too soon, how long after (2 min; simulated plants)
	@$(RUN) -m bench.sensor_alerts

.PHONY: bench-optimiser demo-feedback check-console
bench-optimiser: setup ## What optimal cooling saves, how fast it is found, whether anything unsafe passes; the last line is JSON
	@$(RUN) -m bench.optimiser

demo-feedback: setup ## On the running demo: a cooling unit fails, and the room is brought back; prints the timeline
	@$(RUN) -m bench.demo_feedback

check-console: setup ## On the running demo: every view in a real browser, accessibility, speed; the last line is JSON
	@$(RUN) -m check_console $(if $(STACK),--stack $(STACK))

.PHONY: check-collectors
check-collectors: setup ## Every collector against a real peer, through Hono into InfluxDB, with Hono away for a minute (6 min, a stack of its own); the last line is JSON
	@$(RUN) -m tests.collectors

##@ A real cluster (root, Linux)
CLUSTER_RUN := $(RUN) -m cluster
.PHONY: cluster cluster-stop cluster-clean cluster-test
cluster: setup ## Two real nodes without Docker, and the example site on them (CLUSTER=kind: with Docker and kind)
	@$(CLUSTER_RUN) $(if $(filter kind,$(CLUSTER)),kind up,up)

cluster-stop: setup ## Stop the cluster, keep its data; shows that nothing is left on the host
	@$(CLUSTER_RUN) $(if $(filter kind,$(CLUSTER)),kind down,down)

cluster-clean: setup ## Stop the cluster and delete its data
	@$(CLUSTER_RUN) clean

cluster-test: setup ## Install, helm test, pods and a node killed, upgrade, uninstall, on fresh nodes; the last line is JSON
	@$(CLUSTER_RUN) --name test test

##@ Upkeep
.PHONY: setup generate lock clean
setup: ## The virtual environment from requirements.lock (nothing to do when it is current)
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@PYTHONPATH=scripts $(PYTHON) -m local_stack.toolchain.python $(VENV)

generate: setup ## Write what is generated: CRDs, Thing Models, dashboards, the chart's values schema, OpenAPI documents
	@$(RUN) -m rack_operator.crds --write
	@$(RUN) -m definitions.generate --write
	@$(RUN) -m dashboards.generate --write
	@$(RUN) -m check_charts.schema --write
	@$(RUN) -m api_docs --write

lock: setup ## Pin all dependencies, with hashes and without URLs, in requirements.lock
	@$(RUN) -m uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --all-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## Remove caches of tools and the virtual environment; builds and data stay in RACKTWIN_HOME
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## This text
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
