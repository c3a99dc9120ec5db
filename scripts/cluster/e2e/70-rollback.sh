#!/usr/bin/env bash
# The way back: an execution built from rollbackInfo restores what was; and values of a Secret stand nowhere.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
# e2e-granted is named for ConfigMaps and Secrets by 00-install.sh, so it stays.
space="e2e-granted"
k delete kex,deployments,secrets --all --wait=true >/dev/null 2>&1
k delete configmap settings --ignore-not-found >/dev/null
no_old_jobs

# back NAME FROM: a new execution of just what rollbackInfo says.
back() {
  k get kex "$2" -o json | jq --arg name "$1" '.status.rollbackInfo as $back | {apiVersion, kind,
    metadata: {name: $name, namespace: .metadata.namespace},
    spec: {action: $back.action, parameters: $back.parameters, targetResource: $back.targetResource}}' |
    kubectl create -f - >/dev/null
  completed "$1"
}
image_of() { k get deployment app -o 'jsonpath={.spec.template.spec.containers[0].image}'; }

web app 2
rolled_out app
ask image UpdateImage Deployment app '{container: web, image: "web:2"}'
completed image
is "the image" web:2 image_of
back image-back image
is "the image after the way back" web:1 image_of
scale up app 4
completed up
back up-back up
is "the replicas after the way back" 2 replicas app
ok "UpdateImage and ScaleDeployment are taken back by an execution built from rollbackInfo"

k create configmap settings --from-literal=level=info --from-literal=kept=yes >/dev/null
before=$(k get configmap settings -o 'jsonpath={.data}')
ask patch PatchConfigMap ConfigMap settings "{patch: '{\"data\":{\"level\":\"debug\",\"added\":\"1\"}}'}"
completed patch
is "the patched map" '{"added":"1","kept":"yes","level":"debug"}' k get configmap settings -o 'jsonpath={.data}'
back patch-back patch
is "the map after the way back" "$before" k get configmap settings -o 'jsonpath={.data}'
ok "PatchConfigMap is taken back, with the key that it added"

# The audit log keeps what other runs did.
was="e2e-before-$$-$RANDOM" will="e2e-after-$$-$RANDOM"
k create secret generic token --from-literal=key="$was" >/dev/null
encoded() { printf %s "$1" | base64; }
value() { k get secret token -o 'jsonpath={.data.key}' | base64 -d; }
k create secret generic change --from-literal=patch="{\"data\":{\"key\":\"$(encoded "$will")\"}}" >/dev/null
ask secret PatchSecret Secret token '{patchSecretRef: change/patch}'
completed secret
is "the value of the secret" "$will" value
[ -n "$(status secret rollbackInfo.snapshotRef)" ] || fail "no snapshot is named"
{
  k get kex secret -o json
  k get events -o json
  kubectl -n "$system" get events -o json
  controllers -o name | xargs -n 1 "$client" --kubeconfig "$config" -n "$system" logs
  of secret pods | jq -r '.[].metadata.name' | xargs "$client" --kubeconfig "$config" -n "$system" logs
} >"$work/everything"
# nowhere FILE: none of the two values, in no form.
nowhere() {
  local each
  for each in "$was" "$will"; do
    ! grep -qF -e "$each" -e "$(encoded "$each")" "$1" || fail "the value $each is in $2"
  done
}
nowhere "$work/everything" "the execution, events or a log"
ok "PatchSecret by reference: the values are not in the execution, the events, the controller's log or the Job's"
nowhere "$logs/audit.log" "the audit log"
ok "nor in the audit log, which has the bodies of Jobs"

snapshot=$(status secret rollbackInfo.snapshotRef)
back_patch=$(kubectl -n "$system" get secret "$snapshot" -o 'jsonpath={.data.patch}' | base64 -d)
k get kex secret -o json | jq --arg patch "$back_patch" '.status.rollbackInfo as $back | {apiVersion, kind,
  metadata: {name: "secret-back", namespace: .metadata.namespace},
  spec: {action: $back.action, parameters: ($back.parameters + {patch: $patch}), targetResource: $back.targetResource}}' |
  kubectl create -f - >/dev/null
completed secret-back
is "the value after the way back" "$was" value
k delete kex secret --wait=true --timeout=60s >/dev/null
refused NotFound kubectl -n "$system" get secret "$snapshot"
ok "PatchSecret is taken back with what was kept for it, which goes with its execution"

scale more app 3
completed more
k scale deployment app --replicas=1 >/dev/null
k get kex more -o json | jq '.status.rollbackInfo as $back | {apiVersion, kind,
  metadata: {name: "more-back", namespace: .metadata.namespace},
  spec: {action: $back.action, parameters: $back.parameters, targetResource: $back.targetResource}}' |
  kubectl create -f - >/dev/null
failed more-back TargetChanged
is "the replicas that somebody else set" 1 replicas app
ok "what somebody else has changed since is not taken back"
k delete kex,deployments --all --wait=false >/dev/null
