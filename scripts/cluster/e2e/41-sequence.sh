#!/usr/bin/env bash
# Cordon, drain, remedy, uncordon: four objects, each made when the one before is Completed; and all at once, with dependsOn.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-sequence
kubectl uncordon node-2 >/dev/null
web app 2
rolled_out app

remedy='{container: web, image: "web:2"}'
unschedulable() { kubectl get node node-2 -o 'jsonpath={.spec.unschedulable}'; }
image_of() { k get deployment app -o 'jsonpath={.spec.template.spec.containers[0].image}'; }

ask cordon CordonNode Node node-2 '{reason: "a test"}'
completed cordon
is "the node after cordon" true unschedulable
ask drain DrainNode Node node-2 '{timeout: "60", podSelector: "app in (app)"}'
completed drain
is "the pods on the node after drain" "" k get pods -l app=app --field-selector=spec.nodeName=node-2 -o name
# With the only node that takes its pods cordoned nothing can roll out: the remedy is on another Deployment of the plan.
web other 0
rolled_out other
ask remedy UpdateImage Deployment other "$remedy"
completed remedy
ask uncordon UncordonNode Node node-2 "{onlyIfCordonedBy: \"$space/cordon/$(k get kex cordon -o 'jsonpath={.metadata.uid}')\"}"
completed uncordon
is "the node after uncordon" "" unschedulable
rolled_out app
ok "cordon, drain, remedy, uncordon: each is made when the one before is Completed"

after() { echo ", dependsOn: [{name: $1}]"; }
ask all-uncordon UncordonNode Node node-2 '{}' "$(after all-restart)"
ask all-restart RestartDeployment Deployment other '{}' "$(after all-drain)"
ask all-drain DrainNode Node node-2 '{timeout: "60", podSelector: "app in (app)"}' "$(after all-cordon)"
within 20 phase_is all-drain Validating || fail "all-drain is $(phase all-drain)"
is "the Jobs of what waits" 0 jobs_of all-drain
ask all-cordon CordonNode Node node-2 '{}'
for each in all-cordon all-drain all-restart all-uncordon; do completed "$each" 90; done
started() { for each in "$@"; do status "$each" executionStartTime; echo; done; }
started all-cordon all-drain all-restart all-uncordon >"$work/started"
sort -c "$work/started" || fail "they started in another order: $(cat "$work/started")"
is "the node in the end" "" unschedulable
ok "the same four made in reverse, with dependsOn: they are done in order"

scale broken nothing-there 1
failed broken TargetNotFound
ask after-broken RestartDeployment Deployment other '{}' "$(after broken)"
failed after-broken DependencyFailed
is "the Jobs after a failure" 0 jobs_of after-broken
ok "what depends on a failed one fails, without a Job"
forget
