# make run · make test: each is enough on a machine that has Swift and Python and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PROGRAM := .build/release/par-lifecycle
EXAMPLES := hello handlers streaming
PACKAGES := $(EXAMPLES:%=examples/%.apkg)
# One test of many: make end-to-end PYTEST="-k drain"
PYTEST ?=

.PHONY: help run build test swift-test compiled-tests run-compiled-tests host-test end-to-end reliability page-test \
	flood fuzz explore mutate account account-supervisor kill-supervisor soak check \
	format examples bench bench-fetch bench-grpc bench-proxy bench-memory bench-supervisor bench-trace \
	spec docs verify claims tsan clean \
	install deploy-test systemd-test image-test \
	system host test-environment bench-environment deploy-environment

help: ## what there is to call
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: build examples/hello.apkg ## build all and serve examples/hello on 127.0.0.1:8080
	@echo "http://127.0.0.1:8080/agents/hello/ui/  (Ctrl-C drains and stops)"
	AGENT_APP_ID=hello BIND_ADDRESS=127.0.0.1 exec $(PROGRAM) run examples/hello.apkg

build: host ## the program, .build/release/par-lifecycle, and its agent host's environment
	@swift build -c release --static-swift-stdlib --product par-lifecycle

# What waits more than it computes goes side by side.
test: check compiled-tests ## everything that tests
	@$(MAKE) --no-print-directory -O -j 3 build run-compiled-tests host-test
	$(MAKE) --no-print-directory end-to-end
	$(MAKE) --no-print-directory -O -j 3 reliability deploy-test page-test

swift-test: system ## the tests of the Swift targets
	@swift test --disable-xctest

compiled-tests: system
	@swift build --build-tests --disable-xctest

# What swift test does once it has built; but that keeps the folder locked for other builds.
run-compiled-tests:
	@.build/debug/par-lifecyclePackageTests.xctest --testing-library swift-testing

host-test: host test-environment ## the tests of the agent host
	@if [ -d Tests/AgentHost ]; then .build/test-venv/bin/python -m pytest -q -n 3 Tests/AgentHost; fi

end-to-end: build test-environment examples ## the built program against real packages
	@.build/test-venv/bin/python -m pytest -q -n 3 Tests/EndToEnd \
		--ignore Tests/EndToEnd/test_reliability.py --ignore Tests/EndToEnd/test_supervisor_page.py $(PYTEST)

# One story in one browser, told in its order.
page-test: build test-environment ## the supervisor's page in a browser
	@.build/test-venv/bin/python -m pytest -q Tests/EndToEnd/test_supervisor_page.py $(PYTEST)

# In one process, which plays several cells at once by itself.
reliability: build test-environment examples ## the matrix of states and faults, docs/reliability.md
	@.build/test-venv/bin/python -m pytest -q Tests/EndToEnd/test_reliability.py $(PYTEST)

flood: build test-environment ## floods of both HTTPs, FLOOD_SECONDS each, and a good client's figures beside them
	@FLOOD_SECONDS=$${FLOOD_SECONDS:-5} .build/test-venv/bin/python -m pytest -q -s \
		Tests/EndToEnd/test_http1_floods.py Tests/EndToEnd/test_http2_floods.py $(PYTEST)

fuzz: system ## the parsers of HTTP/1.1 and of the event log under libFuzzer and the address sanitizer, FUZZ_SECONDS (30) each
	@Tests/Fuzz/run

explore: system ## the supervisor's machine, further than make test does
	PAR_EXPLORE=1 swift test --disable-xctest --filter SupervisionReachabilityTests

mutate: system ## damages of real logs (LOGS, a folder of PAR_KEEP_LOGS) that trace notices, kind by kind
	PAR_KEPT_LOGS=$(LOGS) swift test --disable-xctest --filter CorruptionTests

account: build test-environment ## what becomes of requests over restarts, reloads and service restarts
	@.build/test-venv/bin/python bench/account $(ACCOUNT)

account-supervisor: build test-environment ## what becomes of requests to a fleet: rolling changes, kills, the drain
	@.build/test-venv/bin/python bench/account-supervisor $(ACCOUNT)

kill-supervisor: build test-environment ## SIGKILL of the supervisor, SUPERVISOR_KILLS (50) times: what is left, what comes back
	@SUPERVISOR_KILLS=$${SUPERVISOR_KILLS:-50} .build/test-venv/bin/python -m pytest -q -s \
		Tests/EndToEnd/test_supervisor_killed.py $(PYTEST)

soak: build test-environment ## whether anything grows over SOAK_REQUESTS (10000000) and SOAK_RESTARTS (10000)
	@.build/test-venv/bin/python bench/soak

check: system ## format and boundaries
	@swift format lint --strict --recursive Sources Tests Package.swift
	scripts/boundaries

format: ## writes every Swift file anew in the repository's format
	@swift format --in-place --recursive Sources Tests Package.swift

examples: $(PACKAGES) ## the example packages, by pixell-kit

bench: build examples ## boot figures beside their goals
	@.build/test-venv/bin/python bench/boot

bench-fetch: build ## downloads beside curl and aws s3 cp
	@.build/test-venv/bin/python bench/fetch

bench-grpc: build ## gRPC calls beside nginx: time, CPU, memory (needs nginx, nghttp2-server, nghttp2-client)
	@.build/test-venv/bin/python bench/grpc

spec: system ## writes spec/lifecycle.json, its fingerprint, the model and the diagram anew from the machine
	@swift build --product par-lifecycle
	scripts/generate-spec .build/debug/par-lifecycle

docs: system ## writes the tables of docs/configuration.md and docs/trace.md anew from the program
	@swift build --product par-lifecycle
	scripts/generate-configuration .build/debug/par-lifecycle
	scripts/generate-promises .build/debug/par-lifecycle

bench-proxy: build ## proxied requests beside nginx and HAProxy, and uvicorn behind us (needs nginx, haproxy, gcc)
	@.build/test-venv/bin/python bench/proxy

bench-supervisor: build ## the way through the supervisor beside nginx, its second hop, fleets (needs nginx, gcc)
	@.build/test-venv/bin/python bench/supervisor

bench-memory: build ## memory of connections and streams, wake-ups when idle (needs gcc)
	@.build/test-venv/bin/python bench/memory

verify: ## spin proves what spec/lifecycle.pml claims, and refuses models that are wrong on purpose
	@scripts/system-libraries spin gcc
	scripts/verify-model spec/lifecycle.pml

claims: ## the claims alone, in a minute
	@scripts/system-libraries spin gcc
	scripts/verify-model spec/lifecycle.pml --claims

bench-trace: build bench-environment ## checking a large log beside jq, orjson and wc, BENCH_SIZE bytes (needs gcc, jq)
	@.build/test-venv/bin/python bench/trace

tsan: system ## the data plane's, the controller's and trace's tests under the thread sanitizer
	@swift test --disable-xctest --sanitize=thread --scratch-path .build-tsan \
		--filter 'DataPlaneTests|ControllerTests|SystemTests|TraceTests'

install: build ## installs beneath DESTDIR and PREFIX (/usr/local), with the systemd units
	@scripts/install-par $(PROGRAM)

deploy-test: build deploy-environment ## the deployment scripts against AWS stand-ins, and what docs say of them
	@.build/deploy-venv/bin/python -m pytest -q -n 2 --dist loadgroup Tests/Deploy $(PYTEST)

systemd-test: build examples deploy-environment ## the units under a real systemd (root, debootstrap, systemd-nspawn)
	@.build/deploy-venv/bin/python -m pytest -q Tests/Deploy/heavy/test_systemd.py $(PYTEST)

image-test: build examples deploy-environment ## the image's contents as PID 1 (root, debootstrap, buildah)
	@.build/deploy-venv/bin/python -m pytest -q Tests/Deploy/heavy/test_image.py $(PYTEST)

clean: ## removes everything that make made
	@rm -rf .build .build-tsan .build-fuzz agent-host/.venv $(PACKAGES)

# --- what the above stand on; each does nothing when it is there already ---

system:
	@scripts/system-libraries

host: system
	@scripts/python-environment agent-host/.venv agent-host/requirements.txt uv

test-environment: host
	@scripts/python-environment .build/test-venv Tests/requirements.txt agent-host/requirements.txt \
		scripts/kit-requirements.txt

bench-environment:
	@scripts/python-environment .build/bench-venv bench/requirements.txt

deploy-environment:
	@scripts/python-environment .build/deploy-venv Tests/Deploy/requirements.txt

bench bench-fetch bench-grpc bench-proxy bench-memory bench-supervisor bench-trace: test-environment

define example
examples/$(1).apkg: $(shell find examples/$(1) -type f -not -path '*/__pycache__/*') \
	scripts/kit-requirements.txt | host
	@scripts/build-example examples/$(1) $$@
endef
$(foreach name,$(EXAMPLES),$(eval $(call example,$(name))))
