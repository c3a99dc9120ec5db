#!/usr/bin/env bash
# Objects that go away in mid-run: the owner of an execution, the execution itself, its Job.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-deleted
for each in owned gone lost; do web "$each" 1 'simulated/ready: "false"'; done

is_gone() { ! k get kex "$1" >/dev/null 2>&1; }

k create configmap workflow >/dev/null
uid=$(k get configmap workflow -o 'jsonpath={.metadata.uid}')
execution owned ScaleDeployment Deployment owned '{replicas: "3"}' |
  sed "s/^metadata: {/metadata: {ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: workflow, uid: $uid}], /" |
  kubectl create -f - >/dev/null
scale gone gone 3
scale lost lost 3
for each in owned gone lost; do running "$each"; done

k delete configmap workflow >/dev/null
k delete kex gone --wait=false >/dev/null
for each in owned gone; do
  within 60 is_gone "$each" || fail "$each hangs in its deletion"
done
for each in owned gone; do within 60 no_job "$each" || fail "the Job of $each still runs"; done
ok "the owner is deleted in mid-run: its execution goes, after its Job was stopped"
ok "an execution is deleted in mid-run: its Job is stopped, and it goes"
told() { k get events --field-selector=reason=Cancelled -o 'jsonpath={range .items[*]}{.regarding.name}{.involvedObject.name}: {.note}{.message}{"\n"}{end}'; }
says "gone: deleted while it ran" "$(told)"
ok "an event says that it may have been done in part"

# Scaled already; the Job only waits for the pods. Without it, what the target shows decides.
is "the replicas before its Job is lost" 3 replicas lost
kubectl -n "$system" delete job -l kubernaut.ai/execution=lost --wait=true >/dev/null
within 60 phase_is lost Completed || within 1 phase_is lost Failed || fail "lost stays $(phase lost)"
is "the Jobs of what was lost" 0 jobs_of lost
says "$(phase lost)" "Completed/ Failed/ExecutionLost"
ok "a Job that somebody deletes is not made again; the execution ends as $(phase lost)"
forget
