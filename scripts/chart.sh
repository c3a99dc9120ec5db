#!/usr/bin/env bash
# The chart: is it in order, and does it render to deploy/manifests.yaml, object for object? Helm is built from its Go module
# where it is not installed. Ends with 0 and a reason where neither can be had.
. "$(dirname "$0")/environment.sh"

helm_module=helm.sh/helm/v3/cmd/helm@v3.17.3
chart=deploy/chart/kubernetes-executor
space=kubernetes-executor-system

if ! command -v helm >/dev/null; then
  command -v go >/dev/null || { echo "skipped: the chart (neither helm nor go is installed)"; exit 0; }
  say "Building Helm"
  cache=$(mktemp -d)
  GOMODCACHE=$cache/modules GOCACHE=$cache/build GOBIN=$ENACT_TOOLS/bin CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
    go install -modcacherw -trimpath -ldflags "-s -w" "$helm_module" >"$cache/log" 2>&1 || {
    echo "skipped: the chart ($helm_module cannot be built: $(tail -n 1 "$cache/log"))"
    rm -rf "$cache"
    exit 0
  }
  rm -rf "$cache"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Nothing of this user's own settings, and nothing is written to their home.
export HELM_CONFIG_HOME=$work/config HELM_CACHE_HOME=$work/cache HELM_DATA_HOME=$work/data
unset KUBECONFIG

fail() { echo "does not hold: $*" >&2; exit 1; }
render() { helm template kubernetes-executor "$chart" --namespace "$space" --kube-version 1.33.0 "$@"; }

# Helm reads YAML: a chart with one template turns documents into sorted lines of JSON, so that they can be compared.
mkdir -p "$work/lines/templates"
printf 'apiVersion: v2\nname: lines\nversion: 0.0.1\n' > "$work/lines/Chart.yaml"
cat > "$work/lines/templates/lines.yaml" <<'TEMPLATE'
{{- range splitList "\n---\n" (printf "\n%s" (.Files.Get "documents")) }}
{{- $object := fromYaml (printf "%s\n" .) }}
{{- if hasKey $object "Error" }}{{ fail (printf "not YAML: %s" $object.Error) }}{{ end }}
{{- if $object }}
# {{ toJson $object }}
{{- end }}
{{- end }}
TEMPLATE
lines() { # FILE of documents
  cp "$1" "$work/lines/documents"
  helm template lines "$work/lines" | sed -n 's/^# {/{/p' | LC_ALL=C sort
}
# A line of JSON for each object that a rendering with further arguments has.
rendered() { render "$@" > "$work/rendered" && lines "$work/rendered"; }
same() { # WHAT EXPECTED ACTUAL
  [ -s "$2" ] || fail "$1: nothing to compare with"
  diff "$2" "$3" > "$work/difference" || { cut -c 1-600 "$work/difference" >&2; fail "$1"; }
  echo "ok: $1 ($(wc -l < "$2") objects)"
}

say "Lint"
helm lint --strict --quiet "$chart"

say "Chart and manifests"
lines deploy/manifests.yaml > "$work/manifests"
rendered --include-crds --set namespace.create=true > "$work/whole"
same "the chart renders to deploy/manifests.yaml" "$work/manifests" "$work/whole"
rendered > "$work/default"
grep -v '"kind":"Namespace"' "$work/manifests" | grep -v '"kind":"CustomResourceDefinition"' > "$work/without"
same "without the namespace, which is made before" "$work/without" "$work/default"

say "Chart and monitoring"
rendered --set metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true > "$work/monitored"
{ cat deploy/monitoring/servicemonitor.yaml; echo ---; cat deploy/monitoring/prometheusrule.yaml; } > "$work/monitoring.yaml"
lines "$work/monitoring.yaml" > "$work/monitoring"
LC_ALL=C comm -13 "$work/default" "$work/monitored" > "$work/added"
same "monitor and alerts are those of deploy/monitoring" "$work/monitoring" "$work/added"
rendered --set metrics.dashboard.enabled=true | grep -q '"kubernetes-executor.json":"{' || fail "there is no dashboard"
echo "ok: the dashboard"

say "What values change"
has() { grep -qF -- "$2" "$work/changed" || fail "$1: no $2"; echo "ok: $1"; }
hasnt() { ! grep -qF -- "$2" "$work/changed" || fail "$1: $2"; echo "ok: $1"; }
count() { [ "$(grep -cF -- "$2" "$work/changed")" = "$3" ] || fail "$1: not $3 times $2"; echo "ok: $1"; }

digest=sha256:$(printf x | sha256sum | cut -d' ' -f1)
rendered --set image.repository=registry.example/enact,image.digest="$digest" > "$work/changed"
count "the digest is in the controller, its Jobs and the admission policy" "registry.example/enact@$digest" 2
has "Jobs are made with it" "--job-image=registry.example/enact@$digest"
has "and no others admitted" "containers[0].image == 'registry.example/enact@$digest'"
hasnt "nothing is left of the tag" "kubernetes-executor:v1.0.0"

rendered --set 'actions.PatchSecret.allowedNamespaces={shop,till}' > "$work/changed"
LC_ALL=C comm -13 "$work/default" "$work/changed" > "$work/added"
[ "$(wc -l < "$work/added")" = 6 ] || fail "two namespaces for PatchSecret: $(wc -l < "$work/added") objects, not 6"
! grep -q '^{"apiVersion":"[^"]*","kind":"Cluster' "$work/added" || fail "PatchSecret has rights in the whole cluster"
grep -c '"namespace":"shop"' "$work/added" | grep -qx 3 || fail "PatchSecret: shop"
echo "ok: PatchSecret is bound in the namespaces that are named, with a role to read there"

rendered --set 'actions.ScaleDeployment.clusterWide=false,actions.ScaleDeployment.allowedNamespaces={shop}' > "$work/changed"
LC_ALL=C comm -23 "$work/default" "$work/changed" > "$work/taken"
LC_ALL=C comm -13 "$work/default" "$work/changed" > "$work/added"
grep -q '"kind":"ClusterRoleBinding".*"name":"kubernetes-executor-scale-deployment"' "$work/taken" || fail "bound everywhere"
grep -q '"kind":"RoleBinding".*"namespace":"shop"' "$work/added" || fail "not bound in shop"
[ "$(cat "$work/taken" "$work/added" | wc -l)" = 2 ] || fail "more changed than one binding"
echo "ok: an action that is not for the whole cluster is bound in its namespaces only"

rendered --set 'enabledActions={ScaleDeployment,RolloutStatus}' > "$work/changed"
has "the controller is told which actions are on" "--enabled-actions=ScaleDeployment,RolloutStatus"
[ "$(grep -c '"kind":"ClusterRoleBinding"' "$work/changed")" = 3 ] || fail "an action that is off is bound"
echo "ok: the accounts of others are bound nowhere"

rendered --namespace elsewhere > "$work/all"
# The shipped rule names it as what holds where no setting does.
grep -v '"name":"kubernetes-executor-policies"' "$work/all" > "$work/changed"
hasnt "another namespace is another namespace everywhere" "kubernetes-executor-system"
grep -qF "executor_namespace: elsewhere" "$work/all" || fail "policy protects another namespace"

rendered --set 'policies.settings.actions.max_patch_bytes=65536' --set-string 'policies.extra.mine\.rego=package mine' \
  --set-string 'conditions.ready=package condition' --set-string 'approvers.allowedSigners=a ssh-ed25519 AAAA' \
  --set-string 'approvers.roles.sre=a b' > "$work/changed"
has "settings of policies" 'executor_namespace: kubernetes-executor-system\n      max_patch_bytes: 65536'
has "a module more" '"mine.rego":"package mine"'
has "conditions by name" '"name":"kubernetes-executor-conditions"'
has "approvers" '"role.sre":"a b"'

rendered --set replicas=3,networkPolicy.enabled=false,podDisruptionBudget.enabled=false,metrics.service=false > "$work/changed"
has "replicas" '"replicas":3'
hasnt "no network policy" '"kind":"NetworkPolicy"'
hasnt "no budget" '"kind":"PodDisruptionBudget"'
hasnt "no service" '"kind":"Service",'

rendered --set controller.customActions=true > "$work/changed"
has "actions of the operator's own" '"--custom-actions"'
has "and Jobs of their accounts" "startsWith('kubernetes-executor-custom-')"
rendered --set metrics.auth=true > "$work/changed"
has "metrics for whoever may read them" '"--metrics-auth"'
has "and the right to ask who that is" '"tokenreviews"'
rendered --set controller.otlpEndpoint=http://collector:4318 \
  --set 'networkPolicy.extraEgress[0].ports[0].port=4318' > "$work/changed"
has "traces" '"--otlp-endpoint=http://collector:4318"'
has "and the way to their collector" '"port":4318'

say "What values may not be"
refused() { # WHAT ARGUMENTS
  local what=$1
  shift
  if render "$@" >"$work/refused" 2>&1; then fail "$what is taken"; fi
  grep -qE "meet the specifications of the schema|the name of a shipped module|the catalog has no such action" "$work/refused" ||
    fail "$what is refused for another reason: $(cat "$work/refused")"
  echo "ok: refused: $what"
}
refused "Secrets in the whole cluster" --set actions.PatchSecret.clusterWide=true
refused "a namespace for an action on nodes" --set 'actions.DrainNode.allowedNamespaces={shop}'
refused "a value that there is not" --set replica=3
refused "an action that there is not" --set-json 'actions.Reboot={"clusterWide":true,"allowedNamespaces":[]}'
refused "a digest that is none" --set image.digest=latest
refused "a namespace that is none" --set 'actions.PatchSecret.allowedNamespaces={*}'
refused "a collector that is no address" --set controller.otlpEndpoint=collector:4318
refused "no replicas" --set replicas=0
refused "a module in the place of a shipped one" --set-string 'policies.extra.node-safety\.rego=package x'
