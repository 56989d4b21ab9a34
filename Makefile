# `make up` runs an ensemble on Kubernetes, `make test` checks everything; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install up down clean test check unit sim mutants peers e2e e2e-prepare e2e-together e2e-alone e2e-timed bench build \
  generate format engine cluster image load deploy

# The project's own Node and tools come first; what the machine has may be years older.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# What Node has made of the sources is kept for the next process: a run of the tests starts hundreds.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/node

kind := e2e/kind
# With TAP=file the node:test runner also writes its results there, and .ci/parts counts them.
reporters = $(if $(TAP),--test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination=$(TAP))
# TESTS='src/server/zab/**/*.test.ts' runs some of a part's tests.
node_test = node --test $(reporters)

# How suites of e2e/suites run is in their names: *.alone.test.ts touch what all share, *.timed.test.ts measure, and every other one
# keeps to namespaces of its own and runs together with these.
suites := $(wildcard e2e/suites/*.test.ts)
alone := $(filter %.alone.test.ts,$(suites))
timed := $(filter %.timed.test.ts,$(suites))
together := $(filter-out $(alone) $(timed),$(suites))
# Namespaces of suites that run an operator of their own: the deployed one leaves them to it.
OWN_OPERATOR := e2e-api-faults,e2e-backup-crashes,e2e-operator-crashes
on_cluster = $(kind)/with-tools.sh $(node_test)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: node_modules/.package-lock.json ## installs the npm packages, Node itself among them
node_modules/.package-lock.json: package-lock.json package.json
	@$(kind)/npm-packages.sh

up: install ## everything until an ensemble is Ready on Kubernetes [CONTEXT=name] [IMAGE=name]
	@CONTEXT='$(CONTEXT)' IMAGE='$(IMAGE)' $(kind)/up.sh

down: ## removes everything that `make up` made [CONTEXT=name]
	@CONTEXT='$(CONTEXT)' IMAGE='$(IMAGE)' $(kind)/down.sh

clean: down ## the caches too: the compiled node image, npm packages
	@$(kind)/clean.sh

# Beside all the rest, fewer lives than `make sim` has by itself.
test: export SIM_LIVES := 200
# Suites that run alone wait more than they work, so they come first, beside what keeps both cores busy.
test: install ## every part, several at once, until one fails
	@.ci/parts 'check unit sim mutants peers' 'e2e-prepare e2e-alone e2e-together' -- e2e-timed

check: install ## format, types, lint, layers, dead code, generated files
	@TAP='$(TAP)' .ci/check

unit: install ## the tests beside the code [TESTS=glob]
	@$(node_test) $(if $(TESTS),'$(TESTS)','src/**/*.test.ts')

sim: install ## simulated clusters with faults [SEED=n replays one life] [LIVES=n] [FIRST=seed] [SCENARIO=text]
	@TAP='$(TAP)' node src/simulation/main.ts $(if $(SEED),--seed=$(SEED)) $(addprefix --lives=,$(or $(LIVES),$(SIM_LIVES))) \
	  $(if $(FIRST),--first=$(FIRST)) $(if $(SCENARIO),--scenario='$(SCENARIO)')

mutants: install ## sows known flaws into the server; each must be caught [ONLY=text] [LIVES=n] [SCENARIO=text]
	@TAP='$(TAP)' node src/simulation/mutants/main.ts $(if $(ONLY),--only='$(ONLY)') $(if $(LIVES),--lives=$(LIVES)) \
	  $(if $(SCENARIO),--scenario='$(SCENARIO)')

peers: install ## against Apache ZooKeeper and the clients of others [TESTS=glob]
	@e2e/peers/install.sh
	@$(node_test) --test-concurrency=1 $(if $(TESTS),'$(TESTS)','e2e/peers/**/*.test.ts')

e2e: e2e-prepare ## on a kind cluster, against the image [TESTS=glob]
	@$(if $(TESTS),$(on_cluster) --test-concurrency=1 '$(TESTS)',.ci/parts 'e2e-alone e2e-together e2e-timed')

e2e e2e-prepare e2e-alone: export IGNORE_NAMESPACES := $(OWN_OPERATOR)
e2e-prepare: cluster load deploy ## all that the suites need: the cluster, the images, the operator, helm
	@$(kind)/helm.sh

e2e-together: ## suites in namespaces of their own, three at a time
	@$(on_cluster) --test-concurrency=3 $(together)

e2e-alone: ## suites that touch what all share: nodes, the API server, the deployed operator
	@$(on_cluster) --test-concurrency=1 $(alone)

e2e-timed: ## suites that measure, on a machine that does nothing else
	@$(on_cluster) --test-concurrency=1 $(timed)

# Users have no such cache.
bench: export NODE_COMPILE_CACHE =
bench: install build ## side by side with Apache ZooKeeper [ONLY=part of a row's name]
	@e2e/peers/install.sh
	@BUNDLE=1 node e2e/bench/main.ts $(if $(ONLY),--only='$(ONLY)')

build: install ## bundles each program into one file of dist/
	@node src/build.ts

generate: install ## writes crds/ anew from src/api, and the Helm chart from config/
	@node src/operator/generate-crds.ts
	@node src/operator/generate-chart.ts

format: install ## formats what prettier knows
	@prettier --log-level=warn --write .

engine: ## a Docker engine that answers
	@$(kind)/docker-engine.sh

cluster: ## the kind cluster, without anything of ours in it
	@CONTEXT='$(CONTEXT)' $(kind)/cluster.sh

deploy: install ## the operator, in the cluster
	@CONTEXT='$(CONTEXT)' IMAGE='$(IMAGE)' $(kind)/deploy-operator.sh

image: install ## the image zabkeeper:dev
	@IMAGE='$(IMAGE)' $(kind)/build-image.sh

load: image ## the images, in the cluster's nodes (the version before this one, the tests' client and S3 server included)
	@$(kind)/previous-version.sh
	@$(kind)/build-client-image.sh
	@$(kind)/build-s3-image.sh
	@CONTEXT='$(CONTEXT)' $(kind)/load-images.sh zabkeeper:dev zabkeeper:previous zabkeeper-e2e-client:dev zabkeeper-e2e-s3:dev
