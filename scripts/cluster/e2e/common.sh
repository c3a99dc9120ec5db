# Sourced by the parts of the end-to-end suite: where the cluster is, and the words that the checks are written in. Each part
# works in a namespace of its own, which it makes anew, so that it can be run alone on a cluster that 00-install.sh prepared.
# shellcheck shell=bash disable=SC2034
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$e2e/../../.." && pwd)

system=kubernetes-executor-system
image=kubernetes-executor:v1.0.0
lease=kubernetesexecution.kubernaut.io
config=${KUBECONFIG:-$kubeconfig}
client=$bin/kubectl
[ -x "$client" ] || client=$(type -P kubectl) || die "there is no kubectl"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kubectl() { "$client" --kubeconfig "$config" "$@"; }
k() { kubectl --namespace "$space" "$@"; }

ok() { echo "ok: $*"; }
fail() {
  echo "does not hold: $*" >&2
  kubectl get kex,jobs,pods -A >&2 || true
  exit 1
}

# What only the project's own cluster has: its audit log, its simulated node, its processes.
own_cluster() {
  [ "$config" = "$kubeconfig" ] && [ -e "$run/whole" ] && return
  echo "skipped: ${0##*/} needs the project's own cluster"
  exit 0
}

# within SECONDS COMMAND…: it comes true in time.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >"$work/within" 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# is WHAT WANTED COMMAND…: the command prints just this.
is() {
  local what=$1 wanted=$2 found
  shift 2
  found=$("$@") || fail "$what: $* fails"
  [ "$found" = "$wanted" ] || fail "$what is '$found', not '$wanted'"
}
says() { grep -qF -- "$1" <<<"$2" || fail "'$1' is not in: $2"; }
silent_on() { ! grep -qF -- "$1" <<<"$2" || fail "'$1' is in: $2"; }

# refused WORDS COMMAND…: it fails, and says these words.
refused() {
  local words=$1 said
  shift
  if said=$("$@" 2>&1); then fail "was not refused: $*"; fi
  says "$words" "$said"
}

# Jobs of executions of an earlier run, which would be counted.
no_old_jobs() {
  kubectl -n "$system" get jobs -o json |
    jq -r --arg space "$space" '.items[].metadata | select(.annotations["kubernaut.ai/execution-namespace"] == $space).name' |
    xargs -r "$client" --kubeconfig "$config" -n "$system" delete job >/dev/null
}
# fresh NAMESPACE: an empty one, in which the part works.
fresh() {
  space=$1
  kubectl delete namespace "$space" --ignore-not-found --wait=true >/dev/null 2>&1
  no_old_jobs
  kubectl create namespace "$space" >/dev/null
}
# Not waited for: the next run does.
forget() { kubectl delete namespace "$space" --wait=false >/dev/null; }

# web NAME [REPLICAS [ANNOTATIONS]]: a Deployment whose pods the simulated node pretends to run.
web() {
  k apply -f - >/dev/null <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {app: $1}}
spec:
  replicas: ${2:-1}
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}, annotations: {${3:-}}}
    spec:
      nodeSelector: {simulated: "true"}
      tolerations: [{key: simulated, operator: Exists}]
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: "web:1"}]
Y
}
rolled_out() { k rollout status deployment "$1" --timeout=60s >/dev/null || fail "deployment $1 is not rolled out"; }
replicas() { k get deployment "$1" -o 'jsonpath={.spec.replicas}'; }
# make_ready NAME: pods that were told not to become ready do.
make_ready() { k annotate pods -l "app=$1" --overwrite simulated/ready=true >/dev/null; }

# execution NAME ACTION KIND TARGET PARAMETERS [FURTHER FIELDS]: prints it.
execution() {
  printf 'apiVersion: kubernetesexecution.kubernaut.io/v1alpha1\nkind: KubernetesExecution\n'
  printf 'metadata: {name: %s, namespace: %s}\n' "$1" "$space"
  printf 'spec: {action: %s, parameters: %s, targetResource: {kind: %s, name: "%s"}%s}\n' "$2" "$5" "$3" "$4" "${6:-}"
}
ask() { execution "$@" | kubectl create -f - >/dev/null; }
scale() { ask "$1" ScaleDeployment Deployment "$2" "{replicas: \"$3\"}" "${4:-}"; } # NAME TARGET REPLICAS [FURTHER FIELDS]

status() { k get kex "$1" -o "jsonpath={.status.${2:-phase}}"; }
# Phase and reason, as `Failed/PolicyDenied`.
phase() { k get kex "$1" -o 'jsonpath={.status.phase}/{.status.failureReason}'; }
# ended NAME SECONDS: either way.
ended() {
  local good bad
  k wait --for=condition=Completed "kex/$1" "--timeout=$2s" >/dev/null 2>&1 &
  good=$!
  k wait --for=condition=Failed "kex/$1" "--timeout=$2s" >/dev/null 2>&1 &
  bad=$!
  wait -n "$good" "$bad" || true
  kill "$good" "$bad" 2>/dev/null || true
  wait "$good" "$bad" 2>/dev/null || true
}
completed() { # NAME [SECONDS]
  ended "$1" "${2:-90}"
  [ "$(phase "$1")" = Completed/ ] || fail "$1 is $(phase "$1"): $(status "$1" message)"
}
failed() { # NAME REASON [SECONDS]
  ended "$1" "${3:-60}"
  [ "$(phase "$1")" = "Failed/$2" ] || fail "$1 is $(phase "$1"), not Failed/$2: $(status "$1" message)"
}
phase_is() { [ "$(status "$1")" = "$2" ]; }
# of NAME KIND: the Jobs or pods of an execution of this namespace. The label is the same for one of that name in another.
of() {
  kubectl -n "$system" get "$2" -l "kubernaut.ai/execution=$1" -o json |
    jq --arg space "$space" '.items | map(select(.metadata.annotations["kubernaut.ai/execution-namespace"] == $space))'
}
jobs_of() { of "$1" jobs | jq length; }
no_job() { [ "$(jobs_of "$1")" = 0 ]; }
at_work() { of "$1" pods | jq -e 'any(.[]; .status.phase == "Running")' >/dev/null; }
running() { within 60 at_work "$1" || fail "the Job of $1 does not run: $(phase "$1")"; }

leader() { kubectl -n "$system" get lease "$lease" -o 'jsonpath={.spec.holderIdentity}'; }
controllers() { kubectl -n "$system" get pods -l app=kubernetes-executor "$@"; }
two_ready() {
  kubectl -n "$system" rollout status deployment kubernetes-executor --timeout=120s >/dev/null || fail "the controller is not ready"
}
# settings KEY=VALUE…: of the switch that stops everything.
switch() {
  kubectl -n "$system" create configmap kubernetes-executor-control "${@/#/--from-literal=}" --dry-run=client -o yaml |
    kubectl apply -f - >/dev/null
}
switch_off() { kubectl -n "$system" delete configmap kubernetes-executor-control --ignore-not-found >/dev/null; }
