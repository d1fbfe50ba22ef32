# Headwater's front door. Each target is a line or two over `cargo xtask`; `make help` lists them.
XTASK = cargo xtask

.DEFAULT_GOAL := help
.PHONY: help prerequisites demo test bench audit fuzz sim soak dist

help: ## Shows this list.
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

prerequisites: ## Checks for Rust, a C compiler, Python, Node and Go, and says how to get what is missing.
	@command -v cargo >/dev/null || { echo "Rust is missing: install 1.90 or newer from https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: 'apt install build-essential', gcc or clang"; exit 1; }
	@$(XTASK) check-tools

demo: prerequisites ## Shows the engine at work on real data, in under a minute.
	@cargo run --quiet --release --package headwater-cli -- demo

test: prerequisites ## Runs everything: lints, tests in every language, examples, packages.
	@$(XTASK) test

bench: prerequisites ## Measures side by side with the peers and prints ratios.
	@$(XTASK) bench

audit: prerequisites ## Checks licences, advisories and sources of the dependencies.
	@$(XTASK) audit

fuzz: prerequisites ## Runs each fuzzer for a minute.
	@$(XTASK) fuzz

sim: prerequisites ## Runs the deterministic simulation over more seeds than `make test` does.
	@$(XTASK) sim

soak: prerequisites ## Runs the long crash and endurance tests.
	@$(XTASK) soak

dist: prerequisites ## Leaves a Python wheel and source package, an npm package and a C archive in dist/.
	@$(XTASK) dist
