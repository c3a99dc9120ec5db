#!/usr/bin/env bash
# Conditions before and after, of the operator's ConfigMap: the four examples for scaling, and one that must go on to hold.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-conditions
kubectl -n "$system" create configmap kubernetes-executor-conditions --from-file="$e2e/conditions" --dry-run=client -o yaml |
  kubectl apply -f - >/dev/null

# one TYPE REQUIRED TIMEOUT [STABLE]
one() { printf '{type: %s, rego: "configmap:%s.rego", required: %s, timeout: %s%s}' "$1" "$1" "$2" "$3" "${4:+, stableFor: $4}"; }
before="preConditions: [$(one image_pull_secrets_valid true 10s), $(one node_selector_matches false 10s)]"
after="postConditions: [$(one no_crashloop_pods true 30s), $(one resource_usage_acceptable true 30s)]"
results() { status "$1" "validationResults.$2ConditionResults[*].passed"; }

web app
rolled_out app
scale fine app 3 ", $before, $after"
completed fine
is "the conditions before" "true true" results fine pre
# Without a metrics server nobody knows whether a pod is throttled, and what is not known is not false.
is "the conditions after" "true true" results fine post
ok "the four examples of scaling hold where they should"

k patch deployment app -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"not-there"}]}}}}' >/dev/null
rolled_out app
kubectl -n "$system" get rolebinding -o name >/dev/null
scale secretless app 2 ", $before"
failed secretless PreconditionFailed
says image_pull_secrets_valid "$(status secretless message)"
is "the Jobs after a condition that does not hold" 0 jobs_of secretless
is "the replicas" 3 replicas app
ok "a required condition before that does not hold stops it; nothing is done"

web nowhere 0
k patch deployment nowhere -p '{"spec":{"template":{"spec":{"nodeSelector":{"no":"such"}}}}}' >/dev/null
scale warned nowhere 0 ", $before"
completed warned
is "the conditions of what is only warned" "true false" results warned pre
warnings() { k get events --field-selector=reason=PreconditionWarning -o name | wc -l; }
is "the warnings" 1 warnings
ok "one that is not required is a warning"

k apply -f - >/dev/null <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: crashing}
spec:
  selector: {matchLabels: {app: crashing}}
  replicas: 0
  template:
    metadata: {labels: {app: crashing}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "busybox:1", command: [sh, -c, "sleep 3; exit 1"]}]
Y
scale flapping crashing 1 ", postConditions: [$(one no_crashloop_pods true 40s 20s)]"
failed flapping PostconditionFailed 120
says no_crashloop_pods "$(status flapping message)"
is "whether there is a way back" true status flapping rollbackInfo.available
ok "a pod that runs at first and then crashes again and again: stableFor sees it, and there is a way back"
forget
