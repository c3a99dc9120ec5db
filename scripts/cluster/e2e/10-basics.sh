#!/usr/bin/env bash
# What every installation should do: dry run, the ten actions but those on what must be granted, policy, admission.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
fresh e2e-basics

jobs() { kubectl get jobs -A --no-headers 2>/dev/null | wc -l; }
web untouched
rolled_out untouched
before=$(jobs)
scale dry untouched 3 ', dryRun: true'
completed dry
[ "$(jobs)" = "$before" ] || fail "a dry run made a Job"
is "what a dry run leaves" 1 replicas untouched
ok "a dry run completes without a Job and changes nothing"

web app
scale up app 3
completed up
is "the number of replicas that are there" 3 k get deployment app -o 'jsonpath={.status.availableReplicas}'
is "the account of the Job" kubernetes-executor-scale-deployment kubectl -n "$system" get job "$(status up jobName)" \
  -o 'jsonpath={.spec.template.spec.serviceAccountName}'
ok "a deployment is scaled by a Job of its own account, and three replicas are there"

scale back app 1
completed back
ask restart RestartDeployment Deployment app '{}'
completed restart
ask status RolloutStatus Deployment app '{}'
completed status
ok "scaled back, restarted, and looked at"

pod=$(k get pods -l app=app --field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}')
ask pod DeletePod Pod "$pod" '{gracePeriodSeconds: "1"}'
completed pod
refused NotFound k get pod "$pod"
ok "a pod is deleted by its uid"

ask map PatchConfigMap ConfigMap kube-root-ca.crt "{patch: '{\"data\":{\"x\":\"y\"}}'}"
failed map RBACNotReady
ok "what no namespace was named for is not done"

k label deployment app critical=true >/dev/null
scale zero app 0
failed zero PolicyDenied
says scale-to-zero "$(status zero policyViolations)"
ask unknown Reboot Node node-1 '{}'
failed unknown UnknownAction
ok "policy denies on live labels, and an unknown action is refused in the status"

refused "does not change" k patch kex up --type=merge -p '{"spec":{"timeout":"10s"}}'
ok "a spec does not change"

refused "only the executor makes Jobs here" kubectl -n "$system" create job evil --image=busybox:1 -- true
ok "nobody but the controller makes Jobs in its namespace"

# Too long for an argument of a program, so the shell itself writes it.
note=$(head -c 263000 /dev/zero | tr '\0' x)
large=$(execution large ScaleDeployment Deployment app '{replicas: "2"}')
printf '%s\n' "${large/metadata: \{/metadata: \{annotations: \{note: $note\}, }" >"$work/large"
refused "metadata.annotations: Too long" kubectl create -f "$work/large"
ok "annotations that are too large are refused by the API server, and nothing is done"

k create role asks --verb=create,get --resource=kubernetesexecutions.kubernetesexecution.kubernaut.io >/dev/null
k create rolebinding asks --role=asks --serviceaccount="$space:default" >/dev/null
execution lowly ScaleDeployment Deployment app '{replicas: "3"}' >"$work/lowly"
refused "you may not do ScaleDeployment yourself" \
  kubectl --as="system:serviceaccount:$space:default" create -f "$work/lowly"
ok "whoever may not do it himself may not have it done"
forget
