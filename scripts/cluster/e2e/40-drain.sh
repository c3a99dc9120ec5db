#!/usr/bin/env bash
# Draining a node with a pod of a DaemonSet, one with an emptyDir, one that nothing makes again, and two that a budget guards.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-drain
kubectl uncordon node-2 >/dev/null

web guarded 2
web scratch
k patch deployment scratch -p '{"spec":{"template":{"spec":{"volumes":[{"name":"scratch","emptyDir":{}}]}}}}' >/dev/null
place='nodeSelector: {simulated: "true"}, tolerations: [{key: simulated, operator: Exists}], terminationGracePeriodSeconds: 1'
k apply -f - >/dev/null <<Y
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {$place, containers: [{name: agent, image: "agent:1"}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec: {$place, containers: [{name: alone, image: "alone:1"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guard}
spec: {minAvailable: 2, selector: {matchLabels: {app: guarded}}}
Y
rolled_out guarded
rolled_out scratch
k rollout status daemonset agent --timeout=60s >/dev/null
k wait --for=condition=Ready pod/alone --timeout=60s >/dev/null
none_allowed() { [ "$(k get pdb guard -o 'jsonpath={.status.disruptionsAllowed}/{.status.currentHealthy}')" = 0/2 ]; }
within 20 none_allowed || fail "the budget is not there"
# A deployment is rolled out while the pod before it may still be on its way out.
one_scratch() { [ "$(k get pods -l app=scratch -o name | wc -l)" = 1 ]; }
within 20 one_scratch || fail "the pod of scratch that was replaced does not go"

# Those that stay are the same ones: name and uid.
there() { k get pods -o 'jsonpath={range .items[*]}{.metadata.name}={.metadata.uid} {end}'; }
before=$(there)
ask strict DrainNode Node node-2 '{ignoreDaemonsets: "false", timeout: "60"}'
failed strict ActionFailed
said=$(status strict message)
says "nothing was evicted" "$said"
says "DaemonSet-managed" "$said"
says "$space/agent-" "$said"
says "with local storage" "$said"
says "$space/scratch-" "$said"
says "that nothing makes again" "$said"
says "$space/alone" "$said"
silent_on "$space/guarded-" "$said"
is "what is there after a refused drain" "$before" there
is "whether the node stays cordoned" true kubectl get node node-2 -o 'jsonpath={.spec.unschedulable}'
ok "a drain that may not take one pod takes none, and names all of them by reason"

may='ignoreDaemonsets: "true", deleteEmptyDirData: "true", force: "true"'
ask blocked DrainNode Node node-2 "{$may, timeout: \"8\"}"
failed blocked DeadlineExceeded 90
said=$(status blocked message)
says "pods were evicted; the node stays cordoned" "$said"
says "$space/guarded-" "$said"
says "budgets that allow none: $space/guard" "$said"
refused NotFound k get pod alone
is "how many of the guarded are left" 2 bash -c "'$client' --kubeconfig '$config' -n $space get pods -l app=guarded \
  --field-selector=spec.nodeName=node-2 --no-headers | wc -l"
ok "a drain evicts what it may; at its time-out it names the budget that allows no disruption"

ask patient DrainNode Node node-2 "{$may, timeout: \"120\"}"
running patient
sleep 3
is "the phase while the budget forbids it" Running status patient
k patch pdb guard --type=merge -p '{"spec":{"minAvailable":0}}' >/dev/null
completed patient 60
is "what is left on the node" "DaemonSet " kubectl get pods -A --field-selector=spec.nodeName=node-2 \
  -o "jsonpath={range .items[?(@.metadata.namespace==\"$space\")]}{.metadata.ownerReferences[0].kind} {end}"
ok "a drain waits for a budget, and is done once it lets go; pods of the DaemonSet stay"

is "the way back of the one that cordoned" UncordonNode status strict rollbackInfo.action
is "the way back of the one that found it cordoned" "" status patient rollbackInfo.action
kubectl uncordon node-2 >/dev/null
rolled_out guarded
ok "what was evicted comes back when the node is uncordoned"
forget
