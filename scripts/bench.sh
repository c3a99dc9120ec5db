#!/usr/bin/env bash
# Takes the figures of BENCHMARKS.md: planning, startup, apply, noop (all, or those named).
. "$(dirname "$0")/environment.sh"
cargo bench --locked -p enact --bench figures -- "$@"
