# Shortcuts; every recipe is a script or a cargo command that works without just.

# Plan and apply the example against the local Konnect
demo:
    scripts/demo.sh

# Every check
test:
    scripts/test.sh

# The text scenarios only
scenarios:
    cargo test -p enact --test it -- scenarios --nocapture

# The laws and their planted faults only
laws:
    cargo test -p enact-engine --test it

# The figures of BENCHMARKS.md
bench:
    scripts/bench.sh

# A Kubernetes cluster for end-to-end tests: up, down, status, verify, e2e (the executor on it), or image NAME:TAG BINARY
cluster action *arguments:
    scripts/cluster/{{action}}.sh {{arguments}}

# The Helm chart, and the alerts
chart:
    scripts/chart.sh
    scripts/monitoring.sh

# JSON Schemas, manifests and chart, and the command-line reference
generate:
    scripts/generate.sh

# One static binary for distribution
release:
    scripts/release.sh
