#!/usr/bin/env bash
# Both replicas of the controller are killed while executions are at every phase: each ends as it should, with one Job.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-killed
# A webhook that nobody serves: the API server answers the creation of a Job with 500, and the controller tries again and again.
barrier() {
  kubectl apply -f - >/dev/null <<Y
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: e2e-no-jobs}
webhooks:
- name: no-jobs.enact.dev
  clientConfig: {url: "https://127.0.0.1:1/"}
  rules: [{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $system}}
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 1
Y
}
open_up() { kubectl delete validatingwebhookconfiguration e2e-no-jobs --ignore-not-found >/dev/null; switch_off; }
trap 'open_up; rm -rf "$work"' EXIT
has_finished() { k get kex "$1" -o 'jsonpath={.status.conditions[?(@.type=="JobFinished")].status}' | grep -q True; }

kubectl -n "$system" create configmap kubernetes-executor-conditions --dry-run=client -o yaml \
  --from-literal=e2e-late='package condition

allow if input.ready_pods >= 4
' | kubectl apply -f - >/dev/null
for each in working finishing; do web "$each" 1 'simulated/ready: "false"'; done
for each in pending validating deciding after; do web "$each"; done

# Each is brought to where it is to be, and held there.
scale working working 2
scale finishing finishing 2
scale after after 2 ', postConditions: [{type: late, rego: "configmap:e2e-late", timeout: 5m}]'
for each in working finishing; do running "$each"; done
within 60 has_finished after || fail "after does not finish: $(phase after)"
barrier
sleep 1
scale deciding deciding 2
within 20 phase_is deciding Running || fail "deciding is $(phase deciding)"
switch halt=true
scale validating validating 2
within 20 phase_is validating Validating || fail "validating is $(phase validating)"
is "the Jobs of deciding" 0 jobs_of deciding

# From outside, with no chance to say goodbye; then the pods too, so that no container is merely started again.
kill_controllers() {
  local each
  for each in $(controllers -o 'jsonpath={.items[*].status.containerStatuses[0].containerID}'); do
    kill -9 "$(containers task list | awk -v id="${each#containerd://}" '$1 == id {print $2}')"
  done
  controllers -o name | xargs "$client" --kubeconfig "$config" -n "$system" delete --grace-period=0 --force >/dev/null 2>&1
}
kill_controllers
killed=$SECONDS
scale pending pending 2
is "the phase of what nobody saw yet" / phase pending
make_ready finishing
k scale deployment after --replicas=4 >/dev/null
open_up
two_ready
within 60 phase_is pending Validating || within 1 phase_is pending Running || within 1 phase_is pending Completed ||
  fail "nobody took over: pending is $(phase pending), the leader is $(leader)"
ok "both replicas were killed; another leads after $((SECONDS - killed)) s"
make_ready working
for each in pending validating deciding working finishing after; do
  completed "$each" 120
  is "the Jobs of $each" 1 jobs_of "$each"
done
for each in pending validating deciding working finishing; do is "the replicas of $each" 2 replicas "$each"; done
ok "Pending, Validating, Running before its Job, with its Job, with a Job that ended meanwhile, waiting for a condition: all Completed"
ok "one Job each, and each target as it was asked for"

leader=$(leader)
web last 1 'simulated/ready: "false"'
scale last last 2
running last
kubectl -n "$system" delete pod "$leader" --grace-period=0 --force >/dev/null 2>&1
make_ready last
completed last 90
is "the Jobs of last" 1 jobs_of last
ok "the leader alone is deleted while it works; the other one goes on, with one Job"
forget
