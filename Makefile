# Thin on purpose: every target is one line that calls cargo, which does the work and says what it does.

.PHONY: help demo test lint e2e bench crds
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z0-9]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: ## a local Kubernetes, the operator, a Kafka cluster, and a client that writes and reads
	cargo e2e demo

test: ## everything: format, lints, unit tests, charts, then every suite on a fresh local cluster
	cargo e2e test --check

lint: ## format and lints only
	cargo fmt --all --check && cargo clippy --workspace --all-targets -- --deny warnings

e2e: ## the suites on a fresh local cluster; one of them: make e2e SUITE=first-light
	cargo e2e test $(SUITE)

bench: ## measurements, one "name value unit" line each; one group: make bench SUITE=first-light
	cargo e2e bench $(SUITE)

crds: ## write crds/ and docs/reference.md anew from the Rust types
	cargo run --quiet --bin productionkafka -- crd --dir crds && cargo run --quiet --bin productionkafka -- crd --reference docs/reference.md
