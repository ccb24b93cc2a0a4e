# Quorate. `make help` lists the targets; `make demo` and `make test` work on a fresh machine with Node 20, npm and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := node_modules/.bin
# The Node that the lockfile brings; every command below runs on it.
export PATH := $(CURDIR)/$(BIN):$(PATH)
PORT ?= 3000
STATE ?= .fleet
# Whose pages may use the fleet of `make fleet` from a browser, as QUORATE_CORS_ORIGIN says it; those of this machine's loopback, when empty.
CORS ?=
# Where a proxy in front of `make fleet` is reached (https://localhost:8443), so that people name it in their proofs.
PUBLIC_URL ?=
ONLY ?=
# Of `make soak`: what is drawn follows from SEED; for so many SECONDS; so many signings IN_FLIGHT; UNPROVEN=fail makes it a fault, and
# not a count, that no host of a key knows its epoch.
SEED ?=
SECONDS ?=
IN_FLIGHT ?=
UNPROVEN ?=
# Whose key service seals the roots of enclaves: aws, aws-cloudhsm, azure or google for an image, simulator for a local fleet.
HSM_PROVIDER ?=
# What the enclave in the image believes, and where it finds its key service; measured with it.
CONFIGURATION ?= infra/image/configuration$(if $(filter-out aws,$(HSM_PROVIDER)),.$(HSM_PROVIDER)).example.json
# Anything: record what the image measures in infra/image/measurements.json.
RECORD ?=
# Of `make pins`: anything, to move nothing and say what cannot be had; a folder to fill with all packages, for DEBIAN_MIRROR.
CHECK ?=
KEEP ?=
# Where `make sbom` writes.
SBOM ?= out/sbom
# Where CI wants the results of tests as JSON.
VITEST_REPORT ?=
report = $(if $(VITEST_REPORT),--reporter=default --reporter=json --outputFile.json=$(VITEST_REPORT))

.PHONY: help setup build packages sbom oci demo fleet eif pins reproduce test-nitro test check bench soak wasm format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

# Install scripts stay off: nothing here needs one, and better-sqlite3 brings its binary along.
node_modules/.package-lock.json: package-lock.json
	@echo "installing …"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

setup: node_modules/.package-lock.json ## Install what the lockfile names

build: setup ## Compile everything
	@echo "compiling …"
	@npm run --silent build

packages: build ## Pack the SDK and the command into out/, as npm installs them on another machine
	@mkdir -p out
	@npm pack --silent --ignore-scripts -w shared -w client-sdk --pack-destination out

# Of packages npm tells by the lockfile, with what their tests need: its `--omit dev` leaves out what others need for tests only.
# Of the image our own lists do.
sbom: build ## Write what of others is in image, gateway and SDK, as CycloneDX, into out/sbom (SBOM=folder)
	@mkdir -p $(SBOM)
	@node infra/image/dist/src/make-sbom.js > $(SBOM)/enclave-image.cdx.json
	@for one in gateway client-sdk; do npm sbom --package-lock-only --sbom-format cyclonedx -w $$one > $(SBOM)/$${one%-sdk}.cdx.json; done

oci: build ## Pack the gateway, and a whole simulated fleet, as OCI archives, without a container engine, into out/
	@node infra/image/dist/src/make-oci.js --top . --out out

demo: build ## The tour: make a key, sign, lose an enclave, sign again
	@exec node infra/local/dist/src/demo/main.js

fleet: build ## Run gateway, KMS stand-in and three enclaves on this machine (PORT=3000 STATE=.fleet CORS=origins PUBLIC_URL=address)
	@exec env PORT=$(PORT) STATE=$(STATE) CORS='$(CORS)' PUBLIC_URL='$(PUBLIC_URL)' HSM_PROVIDER=$(or $(HSM_PROVIDER),simulator) node infra/local/dist/src/fleet/main.js

eif: build ## Make the enclave image and its measurements, without Docker and nitro-cli (HSM_PROVIDER=name CONFIGURATION=file RECORD=1)
	@node infra/local/bundle.js enclave/src/main.ts infra/image/dist/application
	@node infra/image/dist/src/make-eif.js --application infra/image/dist/application \
	  --configuration $(CONFIGURATION) $(if $(HSM_PROVIDER),--provider $(HSM_PROVIDER)) $(if $(RECORD),--record) --out infra/image/dist/quorate.eif

# The WASM comes before the image that holds it.
pins: build ## Move all pinned packages to today's, rebuild and record the measurements (CHECK=1 only says what is stale; KEEP=folder)
	@node infra/image/dist/src/move-pins.js $(if $(CHECK),--check) $(if $(KEEP),--keep $(KEEP))
ifeq ($(CHECK),)
	@node shared/mpc/check-digest.js 2>/dev/null || sh shared/mpc/build.sh
	@$(MAKE) --no-print-directory eif RECORD=1
endif

reproduce: build ## Build image and WASM again in another folder, as another user, at another time, and compare with what is recorded
	@sh infra/image/reproduce.sh

test-nitro: build ## Boot our image in QEMU's Nitro machines, make a key there and sign (builds QEMU once; skips where it cannot)
	@vitest run --config infra/image/nitro/vitest.config.js --root . $(report)

test: build ## Run all tests
	@vitest run $(report)

check: build ## Format, lint, types, import directions, dead code, OpenAPI, WASM digest (a minute or two)
	@node .ci/check.js

bench: build ## Measure, print a table, write bench/results.json (ONLY=name for one)
	@ONLY=$(ONLY) node bench/dist/src/main.js

soak: build ## Sign for ten minutes while processes are killed and frozen, and give a verdict (SEED=text SECONDS=600 IN_FLIGHT=50 UNPROVEN=fail)
	@exec env SEED='$(SEED)' SECONDS='$(SECONDS)' IN_FLIGHT='$(IN_FLIGHT)' UNPROVEN='$(UNPROVEN)' node infra/e2e/dist/src/soak/main.js

wasm: setup ## Rebuild the cryptography from its Rust sources and say whether it is byte for byte the same
	@sh shared/mpc/build.sh --verify

format: setup ## Format the sources
	@prettier --write --log-level warn .

clean: ## Remove what was built and installed
	rm -rf node_modules out .fleet .wasm-toolchain */dist infra/*/dist shared/mpc/target
