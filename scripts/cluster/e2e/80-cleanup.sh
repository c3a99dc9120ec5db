#!/usr/bin/env bash
# Jobs that are over: kept for five minutes once the result is in the status, then gone, with their pods.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
fresh e2e-cleanup
web app
rolled_out app
scale up app 2
completed up
job=$(status up jobName)
lives() { kubectl -n "$system" get job "$job" -o 'jsonpath={.spec.ttlSecondsAfterFinished}'; }
is "how long a Job is kept" 300 lives
kubectl -n "$system" patch job "$job" --type=merge -p '{"spec":{"ttlSecondsAfterFinished":1}}' >/dev/null
is_gone() { [ -z "$(kubectl -n "$system" get jobs,pods -l kubernaut.ai/execution=up,job-name="$job" -o name)" ]; }
within 60 is_gone || fail "$job or its pods are still there"
is "how it ended" Completed/ phase up
is "what it says" true status up result.succeeded
ok "a Job is kept for 300 s after its result is in the status; it goes with its pods, and the result stays"
forget
