#!/usr/bin/env bash
# What the API server's audit log says of everything that was done so far: no target is written but by the account of an action, no
# Secret is read that was not granted, and a dry run makes no Job and writes nothing.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-audit
web tried
web scaled
rolled_out scaled
scale dry tried 3 ', dryRun: true'
scale real scaled 2
completed dry
completed real

audit() { python3 "$e2e/audit.py" "$logs/audit.log" e2e-granted "$@"; }
audit e2e-audit/dry=deployments/e2e-audit/tried e2e-basics/dry=deployments/e2e-basics/untouched \
  default/smoke-test=none/default/none default/dry-run-test=none/default/none >"$work/audit" 2>&1 || fail "$(cat "$work/audit")"
ok "audit log: nothing is written but by the accounts of the actions, each to what is its own: $(cat "$work/audit")"
ok "audit log: no Secret is read that was not granted, and dry runs made no Job and wrote nothing to their targets"

# The check can fail: for it, a real run is taken for a dry one.
refused "a Job for the dry run e2e-audit/real" audit e2e-audit/real=deployments/e2e-audit/scaled
refused "a write to the target of the dry run" audit e2e-audit/real=deployments/e2e-audit/scaled
ok "it would have been seen"
forget
