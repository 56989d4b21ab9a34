# `make up` runs an ensemble on Kubernetes, `make test` checks everything; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install up down clean test check unit sim mutants peers e2e bench build generate format engine cluster image load deploy

# The project's own Node and tools come first; what the machine has may be years older.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

kind := e2e/kind
# With TAP=file the node:test runner also writes its results there, and .ci/parts counts them.
reporters = $(if $(TAP),--test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination=$(TAP))
# TESTS='src/server/zab/**/*.test.ts' runs some of a part's tests.
node_test = node --test $(reporters)

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

test: install ## every part, cheapest first, until one fails
	@.ci/parts check unit sim peers e2e

check: install ## format, types, lint, layers, dead code, generated files
	@TAP='$(TAP)' .ci/check

unit: install ## the tests beside the code [TESTS=glob]
	@$(node_test) $(if $(TESTS),'$(TESTS)','src/**/*.test.ts')

sim: install ## simulated clusters with faults [SEED=n replays one life]
	@TAP='$(TAP)' node src/simulation/main.ts $(if $(SEED),--seed=$(SEED))

mutants: install ## sows known flaws into the server; the simulator must catch each [ONLY=text]
	@node src/simulation/mutants/main.ts $(if $(ONLY),--only='$(ONLY)')

peers: install ## against Apache ZooKeeper and the clients of others [TESTS=glob]
	@e2e/peers/install.sh
	@$(node_test) --test-concurrency=1 $(if $(TESTS),'$(TESTS)','e2e/peers/**/*.test.ts')

e2e: cluster load deploy ## on a kind cluster, against the image [TESTS=glob]
	@$(kind)/helm.sh
	@$(kind)/with-tools.sh $(node_test) --test-concurrency=1 $(if $(TESTS),'$(TESTS)','e2e/suites/**/*.test.ts')

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

load: image ## the images, in the cluster's nodes (the tests' client and S3 server included)
	@$(kind)/build-client-image.sh
	@$(kind)/build-s3-image.sh
	@CONTEXT='$(CONTEXT)' $(kind)/load-images.sh zabkeeper:dev zabkeeper-e2e-client:dev zabkeeper-e2e-s3:dev
