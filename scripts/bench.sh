#!/usr/bin/env bash
# Takes the figures of BENCHMARKS.md. Without arguments all of them; else `figures` (planning, startup, apply, noop) or
# `policy` (one, plan, reload, workers, tests) or `runbook` (steps, peers, check, start) or
# `executor` (idle, intake, many, failover), and after it those that are named. ENACT_BINARY names a program for `runbook` to measure
# instead of the one that is built for it: the static one of scripts/release.sh.
. "$(dirname "$0")/environment.sh"
group=${1:-}
[ $# -gt 0 ] && shift
case "$group" in
  "") cargo bench --locked -p enact --bench figures && cargo bench --locked -p enact --bench policy && cargo bench --locked -p enact --bench runbook && cargo bench --locked -p enact --bench executor ;;
  figures | policy | runbook | executor) cargo bench --locked -p enact --bench "$group" -- "$@" ;;
  *) cargo bench --locked -p enact --bench figures -- "$group" "$@" ;;
esac
