#!/usr/bin/env bash
# The executor on a real cluster: e2e.sh. Brings the cluster up, puts the program into an image, applies the manifests, and
# checks what only a real API server, kubelet and scheduler can show. Prints a line for each check; ends with 1 at the first that
# does not hold. What it made stays for looking at; `down.sh` takes all of it away.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck disable=SC1091
eval "$("$root/scripts/cluster/up.sh")"

space=kubernetes-executor-system
image=kubernetes-executor:v1.0.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { echo "ok: $*"; }
fail() {
  echo "does not hold: $*" >&2
  kubectl get kex,jobs,pods -A >&2
  exit 1
}

execution() { # NAME NAMESPACE ACTION KIND TARGET PARAMETERS [FURTHER FIELDS]
  printf 'apiVersion: kubernetesexecution.kubernaut.io/v1alpha1\nkind: KubernetesExecution\nmetadata: {name: %s, namespace: %s}\n' "$1" "$2"
  printf 'spec: {action: %s, parameters: %s, targetResource: {kind: %s, name: %s}%s}\n' "$3" "$6" "$4" "$5" "${7:-}"
}
ask() { execution "$@" | kubectl apply -f - >"$work/applied"; }
phase() { kubectl -n "${2:-default}" get kex "$1" -o 'jsonpath={.status.phase}/{.status.failureReason}'; }
completed() { kubectl wait --for=condition=Completed "kex/$1" --timeout=90s >"$work/waited" 2>&1 || fail "$1 is $(phase "$1")"; }
failed() { # NAME NAMESPACE REASON
  kubectl -n "$2" wait --for=condition=Failed "kex/$1" --timeout=60s >"$work/waited" 2>&1 || fail "$1 is $(phase "$1" "$2")"
  [ "$(phase "$1" "$2")" = "Failed/$3" ] || fail "$1 is $(phase "$1" "$2"), not Failed/$3"
}

cargo build --quiet --locked -p enact --manifest-path "$root/Cargo.toml"
install "${CARGO_TARGET_DIR:-$root/target}/debug/enact" "$work/enact"
strip "$work/enact"
"$root/scripts/cluster/image.sh" "$image" "$work/enact" "$work/enact:/manager" >"$work/image"
"$work/enact" schema manifests | kubectl apply -f - >"$work/applied"
kubectl -n "$space" rollout restart deployment kubernetes-executor >"$work/applied"
kubectl -n "$space" rollout status deployment kubernetes-executor --timeout=120s >"$work/rolled" || fail "the controller does not get ready"
ok "$("$work/enact" --version): 2/2 ready, called /manager, in a namespace with pod security restricted"

kubectl delete kex --all -A --wait=true >"$work/deleted" 2>&1
kubectl delete deployment test-app --ignore-not-found >"$work/deleted"
kubectl create deployment test-app --image=busybox:1 --replicas=1 -- /bin/sleep 3600 >"$work/applied"
kubectl rollout status deployment test-app --timeout=60s >"$work/rolled" || fail "the deployment to treat does not run"

jobs() { kubectl get jobs -A --no-headers 2>/dev/null | wc -l; }
before=$(jobs)
ask smoke-test default ScaleDeployment Deployment test-app '{replicas: "3"}' ', dryRun: true'
completed smoke-test
[ "$(jobs)" = "$before" ] || fail "a dry run made a Job"
[ "$(kubectl get deployment test-app -o 'jsonpath={.spec.replicas}')" = 1 ] || fail "a dry run changed its target"
ok "a dry run completes without a Job and changes nothing"

ask test-scale default ScaleDeployment Deployment test-app '{replicas: "3"}'
completed test-scale
[ "$(kubectl get deployment test-app -o 'jsonpath={.status.availableReplicas}')" = 3 ] || fail "there are not three replicas"
ok "a deployment is scaled by a Job of its own account, and three replicas are there"

ask back default ScaleDeployment Deployment test-app '{replicas: "1"}'
completed back
ask restart default RestartDeployment Deployment test-app '{}'
completed restart
ask status default RolloutStatus Deployment test-app '{}'
completed status
ok "scaled back, restarted, and looked at"

pod=$(kubectl get pods -l app=test-app --field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}')
ask pod default DeletePod Pod "$pod" '{gracePeriodSeconds: "1"}'
completed pod
ok "a pod is deleted by its uid"

ask cordon default CordonNode Node node-2 '{}'
completed cordon
ask drain default DrainNode Node node-2 '{timeout: "60"}'
completed drain
ask uncordon default UncordonNode Node node-2 '{}'
completed uncordon
[ -z "$(kubectl get node node-2 -o 'jsonpath={.spec.unschedulable}')" ] || fail "node-2 is still cordoned"
ok "a node is cordoned, drained and uncordoned"

ask map default PatchConfigMap ConfigMap kube-root-ca.crt "{patch: '{\"data\":{\"x\":\"y\"}}'}"
failed map default RBACNotReady
ok "what no namespace was named for is not done"

kubectl label deployment test-app critical=true --overwrite >"$work/applied"
ask zero default ScaleDeployment Deployment test-app '{replicas: "0"}'
failed zero default PolicyDenied
kubectl get kex zero -o 'jsonpath={.status.policyViolations}' | grep -q scale-to-zero || fail "the violation is not named"
ask unknown default Reboot Node node-1 '{}'
failed unknown default UnknownAction
ok "policy denies on live labels, and an unknown action is refused in the status"

if kubectl patch kex test-scale --type=merge -p '{"spec":{"timeout":"10s"}}' >"$work/patched" 2>&1; then fail "a spec was changed"; fi
grep -q "does not change" "$work/patched" || fail "another reason: $(cat "$work/patched")"
ok "a spec does not change"

if kubectl -n "$space" create job evil --image=busybox:1 -- true >"$work/evil" 2>&1; then fail "somebody else made a Job"; fi
grep -q "only the executor makes Jobs here" "$work/evil" || fail "another reason: $(cat "$work/evil")"
ok "nobody but the controller makes Jobs in its namespace"

kubectl create role kexer --verb=create,get --resource=kubernetesexecutions.kubernetesexecution.kubernaut.io --dry-run=client -o yaml | kubectl apply -f - >"$work/applied"
kubectl create rolebinding kexer --role=kexer --serviceaccount=default:default --dry-run=client -o yaml | kubectl apply -f - >"$work/applied"
if execution lowly default ScaleDeployment Deployment test-app '{replicas: "3"}' |
  kubectl --as=system:serviceaccount:default:default create -f - >"$work/lowly" 2>&1; then fail "the executor lent its rights"; fi
grep -q "you may not do ScaleDeployment yourself" "$work/lowly" || fail "another reason: $(cat "$work/lowly")"
ok "whoever may not do it himself may not have it done"

leader=$(kubectl -n "$space" get lease kubernetesexecution.kubernaut.io -o 'jsonpath={.spec.holderIdentity}')
ask killed default ScaleDeployment Deployment test-app '{replicas: "2"}'
kubectl -n "$space" delete pod "$leader" --grace-period=0 --force >"$work/killed" 2>&1
completed killed
[ "$(kubectl get jobs -n "$space" -l kubernaut.ai/execution=killed --no-headers | wc -l)" = 1 ] || fail "not one Job"
ok "the leader is killed while it works; the other one goes on, with one Job"
echo "all of it holds"
