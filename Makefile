# Tollgate. `make help` lists what there is. A machine needs Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# 3.13 where it really runs (a version manager's shim may only pretend), else what python3 is.
PYTHON := $(shell for candidate in python3.13 python3 python; do $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$candidate; break; }; done)
# The files name everything there is to install: nothing is left to resolve, by however old a pip.
PIP := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
SAM := SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/sam

export PORT DATA SERVICES VERBOSE HTTP_UNAUTHORIZED EXPRESSION_MATCH TEMPLATE

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: dev
dev: .venv/ready .venv-ministack/ready ## run the whole stack on this machine (PORT=3000, DATA=DIR, SERVICES=HOST:PORT, VERBOSE=1)
	@exec .venv/bin/python -m dev

.PHONY: test
test: .venv/ready .venv-ministack/ready .venv-sam/ready $(if $(shell command -v node),.venv-cdk/ready) $(if $(shell command -v terraform),.venv-terraform/ready) ## run the tests
	.venv/bin/python -m pytest $(TESTS)

.PHONY: bench
bench: .venv/ready $(if $(shell command -v npm),.node/ready) ## measure: cold and warm, beside a conventional authorizer; cost; growth
	.venv/bin/python -m benchmarks $(ONLY)

.PHONY: fuzz
fuzz: .venv/ready ## judge 100,000 made-up tokens beside two other libraries
	FUZZ=100000 .venv/bin/python -m pytest tests/access/test_differential.py

.PHONY: dynamodb-local
dynamodb-local: .venv/ready .venv-ministack/ready .dynamodb-local/ready ## fetch and run AWS's DynamoDB Local (needs Java and Maven)
	@exec .venv/bin/python -m dev.dynamodb_local $(or $(PORT),8000)

.PHONY: test-dynamodb-local
test-dynamodb-local: .venv/ready .venv-ministack/ready .dynamodb-local/ready ## test store, gate and authorizer on DynamoDB Local
	.venv/bin/python -m pytest --dynamodb=local tests/store tests/access/test_gate.py tests/authorizer tests/races tests/key_admin/test_limits_api.py

BLACK_BOX := .venv/bin/python -m pytest tests/test_outcomes.py

.PHONY: test-stack
test-stack: .venv/ready .venv-ministack/ready .venv-sam/ready ## build, deploy into MiniStack, test that
	@python3.13 -c '' 2>/dev/null || { echo "test-stack cannot run: sam build needs python3.13, which is not here"; exit 1; }
	TOLLGATE_STACK=ministack $(BLACK_BOX) tests/examples/test_deployed.py tests/docs/test_deployed_guides.py

.PHONY: test-sam-local
test-sam-local: .venv/ready .venv-ministack/ready .venv-sam/ready ## test the built functions by `sam local` (needs Docker)
	SAM_LOCAL=1 .venv/bin/python -m pytest tests/deploy/test_sam_local.py

.PHONY: verify-stack
verify-stack: .venv/ready .venv-sam/ready ## test a stack in your AWS account, ask API Gateway its open points (STACK=name)
	@test -n "$(STACK)" || { echo "make verify-stack STACK=name"; exit 1; }
	TOLLGATE_STACK="$(STACK)" $(BLACK_BOX)
	.venv/bin/python -m dev.open_points "$(STACK)-open-points"

.PHONY: check
check: .venv/ready .venv-sam/ready $(if $(shell command -v npm),.node-web/ready) ## lint, types, imports, template
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@if [ -x .node-web/node_modules/.bin/tsc ]; then .node-web/node_modules/.bin/tsc --project dev/web; else echo "The types of the pages are not checked: TypeScript needs npm"; fi
	$(SAM) validate --lint --template template.yaml
	$(SAM) validate --lint --template dev/open_points/template.yaml

.PHONY: build
build: .venv-sam/ready ## build both functions as they are deployed, into .aws-sam/build
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(SAM) build

.PHONY: doctor
doctor: .venv/ready ## find mistakes in a template or a Terraform plan (TEMPLATE=…)
	@.venv/bin/python -m doctor "$$TEMPLATE"

.PHONY: vendor
vendor: .venv/ready ## renew the vendored files of the pages and their tests (needs npm)
	.venv/bin/python -m dev.vendor

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11
.PHONY: lock
lock: ## pin the dependencies anew, with hashes (needs uv)
	for part in authorizer:authorizer/requirements.txt key-admin:key_admin/requirements.txt ministack:dev/requirements-ministack.txt sam:dev/requirements-sam.txt cdk:dev/requirements-cdk.txt terraform:dev/requirements-terraform.txt; do \
	  $(COMPILE) --group "$${part%%:*}" --output-file "$${part#*:}"; \
	done
	$(COMPILE) pyproject.toml --group dev --output-file requirements-dev.txt # and what `tollgate` needs

.PHONY: cli-schema
cli-schema: .venv/ready ## make the JSON Schema of keys as code anew, from the models
	.venv/bin/python -m dev.cli_schema

.PHONY: clean
clean: ## remove environments, builds and caches
	rm -rf .venv .venv-ministack .venv-sam .venv-cdk .venv-terraform .node .node-web .dynamodb-local .aws-sam .dev .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

define environment
	@test -n "$(PYTHON)" || { echo "Tollgate needs Python 3.11 or newer"; exit 1; }
	@echo "Installing $(1) with $(PYTHON) …"
	@rm -rf $(1) && $(PYTHON) -m venv $(1) && $(1)/bin/python $(PIP) -r $(2)
	@touch $@
endef

.venv/ready: requirements-dev.txt
	$(call environment,.venv,$<)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . # tollgate

.venv-ministack/ready: dev/requirements-ministack.txt
	$(call environment,.venv-ministack,$<)

.venv-sam/ready: dev/requirements-sam.txt
	$(call environment,.venv-sam,$<)

.venv-cdk/ready: dev/requirements-cdk.txt
	$(call environment,.venv-cdk,$<)

.venv-terraform/ready: dev/requirements-terraform.txt
	$(call environment,.venv-terraform,$<)

# Only `make bench` wants it, and does without where it cannot be had.
.node/ready: benchmarks/node/package-lock.json
	@rm -rf .node && mkdir .node && cp benchmarks/node/package*.json .node
	@npm ci --prefix .node --silent --no-audit --no-fund || echo "aws-jwt-verify cannot be had: measuring without it"
	@touch $@

# Only `make check` wants it: TypeScript, and the types of what is vendored.
.node-web/ready: dev/web/package-lock.json
	@rm -rf .node-web && mkdir .node-web && cp dev/web/package*.json .node-web
	@npm ci --prefix .node-web --silent --no-audit --no-fund || echo "TypeScript cannot be had: the pages are not checked"
	@touch $@

.dynamodb-local/ready: dev/dynamodb-local/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "DynamoDB Local needs Java 17 and Maven"; exit 1; }
	@echo "Fetching DynamoDB Local …"
	@rm -rf .dynamodb-local
	@mvn -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/.dynamodb-local"
	@touch $@

# --- what `sam build` calls -----------------------------------------------------------------

# Wheels for the runtime and architecture that template.yaml names, whatever machine builds;
# only test-stack, which runs the functions on this machine, asks for its own.
MACHINE ?= aarch64
define package
	@python3.13 -c '' 2>/dev/null || { echo "sam build needs python3.13 to compile byte code for the runtime"; exit 1; }
	python3.13 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --require-hashes --no-deps --only-binary=:all: \
	  --platform manylinux2014_$(MACHINE) --platform manylinux_2_28_$(MACHINE) --platform manylinux_2_34_$(MACHINE) \
	  --python-version 3.13 --implementation cp --no-compile --target "$(ARTIFACTS_DIR)" -r $(1)/requirements.txt
	cp -r access store $(1) $(2) "$(ARTIFACTS_DIR)/"
	cd "$(ARTIFACTS_DIR)" && rm -rf bin cffi pycparser {authorizer,key_admin}/requirements.txt # of cffi only _cffi_backend is imported
	find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -rf {} +
	env -u PYTHONDONTWRITEBYTECODE python3.13 -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)"
endef

.PHONY: build-AuthorizerFunction build-KeyAdminFunction
build-AuthorizerFunction:
	$(call package,authorizer)
	rm -rf "$(ARTIFACTS_DIR)"/store/{admin,boto.py} "$(ARTIFACTS_DIR)"/store/__pycache__/boto.*

build-KeyAdminFunction:
	$(call package,key_admin,authorizer)
