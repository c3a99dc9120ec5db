# Sourced by verify.sh: what it checks, in the namespace $space. Each says what it saw.
# shellcheck shell=bash disable=SC2154

k() { kubectl --namespace "$space" "$@"; }

# refused WORDS COMMAND…: the command fails, and says these words.
refused() {
  local words=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "was not refused: $said"
    return 1
  fi
  echo "$said"
  grep -qF "$words" <<<"$said"
}

# soon COMMAND…: within 20 seconds.
soon() {
  local end=$((SECONDS + 20))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.5
  done
}

# job NAME EXTRA COMMAND: a Job of busybox; EXTRA is JSON that its spec gets as well.
job() {
  jq -n --arg name "$1" --argjson extra "$2" --arg command "$3" '
    {apiVersion: "batch/v1", kind: "Job", metadata: {name: $name}, spec: ({backoffLimit: 0, template: {spec: {
      restartPolicy: "Never", containers: [{name: "main", image: "busybox:1", command: ["sh", "-c", $command],
        resources: {limits: {memory: "32Mi"}}}]}}} + $extra)}' | k apply -f -
}

# last JOB FIELD: of the terminated container of its pod.
last() { k get pod -l "job-name=$1" -o "jsonpath={.items[0].status.containerStatuses[0].state.terminated.$2}"; }

job_completes() {
  job "done" '{}' 'echo from the log; echo -n from the job >/dev/termination-log' &&
    k wait --for=condition=Complete job/done --timeout=60s &&
    [ "$(k get pod -l job-name=done -o 'jsonpath={.items[0].spec.nodeName}')" = "$node" ]
}

termination_message() { [ "$(last "done" message)" = "from the job" ]; }
job_log() { k logs job/done | grep -qx 'from the log'; }

job_is_gone() {
  [ -e "$output.ttl" ] || { job brief '{"ttlSecondsAfterFinished": 1}' true && touch "$output.ttl"; }
  k get job brief 2>&1 | grep -q NotFound && rm -f "$output.ttl"
}

job_fails() {
  job fails '{}' 'exit 3' && k wait --for=condition=Failed job/fails --timeout=60s &&
    [ "$(last fails exitCode)" = 3 ]
}

out_of_memory() {
  job greedy '{}' 'tail /dev/zero' && k wait --for=condition=Failed job/greedy --timeout=60s &&
    [ "$(last greedy reason)" = OOMKilled ]
}

deployment_available() {
  k create deployment web --image=busybox:1 -- sleep 3600 &&
    k wait --for=condition=Available deployment/web --timeout=60s
}

pod_reaches_api() {
  # shellcheck disable=SC2016
  job asks '{}' 'cd /var/run/secrets/kubernetes.io/serviceaccount && wget --no-check-certificate -q -O- \
    --header "Authorization: Bearer $(cat token)" "https://$KUBERNETES_SERVICE_HOST/version"' &&
    k wait --for=condition=Complete job/asks --timeout=60s && k logs job/asks | grep -q gitVersion
}

# On the simulated node, with a label for the budget: simulated NAME [ARGUMENTS…].
simulated() {
  k run "$1" --image=none:1 --labels=app=simulated --overrides='{"spec": {"nodeSelector": {"simulated": "true"},
    "tolerations": [{"key": "simulated", "operator": "Exists"}]}}' "${@:2}"
}

ready() { k wait --for=condition=Ready "pod/$1" --timeout=30s; }
simulated_pod() { simulated one && ready one && k delete pod one --timeout=20s; }

simulated_exit() {
  simulated two --annotations=simulated/exit-code=3 --restart=Never &&
    k wait --for=jsonpath='{.status.phase}'=Failed pod/two --timeout=30s &&
    [ "$(k get pod two -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}')" = 3 ]
}

simulated_node() {
  kubectl annotate --overwrite node "$simulated" simulated/ready=false &&
    kubectl wait --for=condition=Ready=False "node/$simulated" --timeout=30s
  local result=$?
  kubectl annotate node "$simulated" simulated/ready-
  kubectl wait --for=condition=Ready "node/$simulated" --timeout=30s && return $result
}

image_runs() {
  local digest
  echo a file >"$output.file"
  digest=$("$here/image.sh" "$space:1" "$(type -P busybox)" "$output.file:/data/file" | cut -d' ' -f2) &&
    k run image --image="$digest" --restart=Never -- cat /data/file &&
    k wait --for=jsonpath='{.status.phase}'=Succeeded pod/image --timeout=30s && k logs image | grep -qx 'a file' &&
    k get pod image -o 'jsonpath={.status.containerStatuses[0].imageID}' | grep -F "$digest"
}

evict() {
  echo "{\"apiVersion\": \"policy/v1\", \"kind\": \"Eviction\", \"metadata\": {\"name\": \"$1\"}}" |
    k create --raw "/api/v1/namespaces/$space/pods/$1/eviction" -v "${2:-0}" -f -
}

eviction_refused() {
  k get pod guarded || { simulated guarded && ready guarded; }
  k get pdb guard || k create pdb guard --selector=app=simulated --min-available=1
  evict guarded 8 2>&1 | grep -E '429|disruption budget' | tee /dev/stderr | grep -q 429
}

eviction_done() {
  k delete --ignore-not-found pdb guard && evict guarded && k wait --for=delete pod/guarded --timeout=20s
}

policy_denies() {
  kubectl apply -f - <<Y
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: verify.test}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.metadata.name != 'forbidden'", message: "this name is forbidden"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: verify.test}
spec:
  policyName: verify.test
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $space}}}
Y
  refused "this name is forbidden" k create --dry-run=server configmap forbidden
}

crd() {
  kubectl apply -f - <<'Y'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: probes.verify.test}
spec:
  group: verify.test
  scope: Namespaced
  names: {plural: probes, singular: probe, kind: Probe}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {fixed: {type: string}}
            x-kubernetes-validations: [{rule: "self.fixed == oldSelf.fixed", message: "fixed is immutable"}]
Y
  kubectl wait --for=condition=Established crd/probes.verify.test --timeout=30s
}

probe() { echo "{apiVersion: verify.test/v1, kind: Probe, metadata: {name: one}, spec: {$1}}" | k apply -f -; }

cel_refuses() { crd && soon probe 'fixed: a' && refused "fixed is immutable" probe 'fixed: b'; }

unknown_field_refused() {
  refused "unknown field" probe 'fixed: a, other: b' &&
    refused "unknown field" k apply -f - <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: strict}, dta: {a: b}}'
}

privileged_refused() {
  kubectl label --overwrite namespace "$space" pod-security.kubernetes.io/enforce=restricted
  refused "violates PodSecurity" k run --dry-run=server bad --image=none:1 --privileged
}

# may TOKEN VERB RESOURCE: as the holder of that token alone.
may() {
  kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$output.ca"
  "$bin/kubectl" --kubeconfig /dev/null --server "https://127.0.0.1:$port" --certificate-authority "$output.ca" \
    --token "$1" --namespace "$space" auth can-i "$2" "$3"
}

can_i() {
  local token
  k create serviceaccount reader && k create role reader --verb=get --resource=pods &&
    k create rolebinding reader --role=reader --serviceaccount="$space:reader" && token=$(k create token reader) &&
    soon may "$token" get pods && ! may "$token" delete pods && ! may "$token" get secrets
}

apply_conflict() {
  local map='{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {a: "%s"}}'
  # shellcheck disable=SC2059
  printf "$map" 1 | k apply --server-side --field-manager=one -f - &&
    printf "$map" 2 | refused "conflict" k apply --server-side --field-manager=two -f -
}

audited() {
  k create secret generic quiet --from-literal=a=b && k get secret quiet >/dev/null
  jq -se --arg space "$space" 'map(select(.objectRef.namespace == $space)) |
    any(.[]; .objectRef.resource == "jobs" and .requestObject.spec != null) and
    any(.[]; .objectRef.resource == "secrets" and .verb == "get" and .requestObject == null)' "$logs/audit.log"
}
