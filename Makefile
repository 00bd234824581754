# What CI runs, a person can run with one word. `make help` lists the words.

SWIFT_FLAGS := -c release
BIN := .build/release
VENV := .build/venv
# Debian's names: the compiler and linker find these libraries by pkg-config, the program loads them at run time.
PACKAGES := libcurl4-openssl-dev libsqlite3-dev libjansson-dev libzstd-dev libsnappy-dev zlib1g-dev libpcre2-dev libyaml-dev \
            libxxhash-dev pkg-config python3-venv

.PHONY: help deps build test unit interop peers moto s3-tests conformance demo serve check bench simulate fuzz install uninstall deb deb-deps docs reference clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## install the Debian packages that are missing (needs root)
	@missing=""; for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; fi

build: deps  ## build the programs
	swift build $(SWIFT_FLAGS)

test: unit interop  ## run every test

unit: deps  ## run the Swift tests
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build

interop: build deb-deps $(VENV)/ready .build/stores/ready  ## run the tests that drive the server with other people's clients
	@$(MAKE) --no-print-directory peers || echo "not every S3 server could be installed: the tests that need them are skipped"
	$(VENV)/bin/python -m pytest -q Tests/Interop

peers: .build/stores/ready  ## install the S3 servers that tests run against (Ceph's from Debian: needs root)
	@$(MAKE) --no-print-directory deps PACKAGES="radosgw ceph-mon ceph-osd ceph-common iproute2 openssl"

.build/stores/ready: Tests/Interop/requirements-stores.txt
	python3 -m venv .build/stores
	.build/stores/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

$(VENV)/ready: Tests/Interop/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r Tests/Interop/requirements.txt
	touch $@

# The tests are those of the release that requirements-moto.txt names.
moto: .build/moto/ready  ## get moto's tests and moto itself, which some of them also call
.build/moto/ready: Tests/Interop/requirements-moto.txt
	rm -rf .build/moto
	git clone -q --depth 1 --branch 5.2.3 https://github.com/getmoto/moto .build/moto/repository
	mkdir .build/moto/source
	cp -r .build/moto/repository/tests .build/moto/repository/setup.cfg .build/moto/repository/pyproject.toml .build/moto/source
	python3 -m venv .build/moto/venv
	.build/moto/venv/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

S3_TESTS := 8f0ae7b404a3a2fcf7038bf1e6bf29544fe9b6a3
s3-tests: .build/s3-tests/ready  ## get the tests of S3 that Ceph's developers keep
.build/s3-tests/ready: Tests/Interop/requirements-s3-tests.txt
	rm -rf .build/s3-tests
	git init -q .build/s3-tests/source
	git -C .build/s3-tests/source fetch -q --depth 1 https://github.com/ceph/s3-tests $(S3_TESTS)
	git -C .build/s3-tests/source checkout -q FETCH_HEAD
	python3 -m venv .build/s3-tests/venv
	.build/s3-tests/venv/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

conformance: build $(VENV)/ready  ## run the published suites that are beside the checkout
	@rm -f .build/conformance.txt
	@$(MAKE) --no-print-directory moto || echo "moto could not be fetched: its tests are skipped"
	@$(MAKE) --no-print-directory s3-tests || echo "s3-tests could not be fetched: they are skipped"
	$(VENV)/bin/python -m pytest -q Tests/Interop/test_conformance.py Tests/Interop/test_moto.py Tests/Interop/test_s3_tests.py
	@cat .build/conformance.txt 2>/dev/null || echo "no suites found in ../shared/suites"

demo: build  ## the whole thing on made-up data
	$(BIN)/millrace demo

serve: build  ## the server on ./millrace-data
	$(BIN)/millrace serve

check: deps  ## warnings as errors, and the fast tests
	swift build $(SWIFT_FLAGS) --build-tests -Xswiftc -warnings-as-errors
	swift test $(SWIFT_FLAGS) --skip-build --filter 'TidyTests|SupportTests|JSONModelTests'

SEED ?= 1
SEEDS ?= 1
simulate: deps  ## the workflow engine on simulated time, with crashes: SEED=1 SEEDS=1000, or ARGS= of a failure
	swift build $(SWIFT_FLAGS) --product simulate
	$(BIN)/simulate $(if $(ARGS),$(ARGS),--seed $(SEED) --seeds $(SEEDS))

FUZZ_SECONDS ?= 60
fuzz: build $(VENV)/ready  ## nasty expressions, definitions, inputs and requests: FUZZ_SECONDS=60 of each kind
	$(VENV)/bin/python Tests/Interop/fuzz.py --seconds $(FUZZ_SECONDS)

bench: build $(VENV)/ready .build/stores/ready  ## compare with peers; prints ratios
	$(VENV)/bin/python Benchmarks/run.py
	$(VENV)/bin/python Benchmarks/workflow.py
	$(VENV)/bin/python Benchmarks/objects.py

install:  ## install what was built; PREFIX (/usr/local) and DESTDIR as usual
	packaging/install.sh install

uninstall:  ## remove what was installed; configuration that was changed and data stay
	packaging/install.sh uninstall

deb: build deb-deps  ## make a Debian package in .build
	packaging/deb.sh .build

deb-deps:
	@$(MAKE) --no-print-directory deps PACKAGES="dpkg-dev binutils mandoc systemd"

reference: build $(VENV)/ready  ## write docs/cli.md, docs/api.md and what operations take from programs and models
	packaging/manual.py $(BIN)/millrace markdown > .build/cli.md && mv .build/cli.md docs/cli.md
	$(VENV)/bin/python packaging/operations.py $(BIN)/millrace > .build/api.md && mv .build/api.md docs/api.md
	$(VENV)/bin/python packaging/shapes.py > .build/shapes.swift && mv .build/shapes.swift Sources/StatesLanguage/ServiceShapes.swift

docs: $(VENV)/ready  ## make the documentation as a site of plain HTML in .build/site
	$(VENV)/bin/python packaging/website.py .build/site

clean:  ## remove what was built
	rm -rf .build
