#!/usr/bin/env bash
# Puts the program into an image and gives the cluster its manifests, with the namespace `e2e-granted` named for ConfigMaps and
# Secrets; two replicas get ready. ENACT_BINARY names a program that is there; without it one is built.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"

program=${ENACT_BINARY:-}
if [ -z "$program" ]; then
  cargo build --quiet --locked --workspace --bins --manifest-path "$root/Cargo.toml"
  program=${CARGO_TARGET_DIR:-$root/target}/debug/enact
fi
[ -x "$program" ] || die "ENACT_BINARY: $program is not a program"
install "$program" "$work/enact"
if [ "$config" = "$kubeconfig" ]; then
  strip "$work/enact"
  "$root/scripts/cluster/image.sh" "$image" "$work/enact" "$work/enact:/manager" >"$work/image"
  kubectl get namespace "$system" >/dev/null 2>&1 && again=yes
fi
switch_off 2>/dev/null || true
"$work/enact" schema manifests | kubectl apply -f - >/dev/null
[ -z "${again:-}" ] || kubectl -n "$system" rollout restart deployment kubernetes-executor >/dev/null
two_ready
is "the number of ready replicas" 2/2 kubectl -n "$system" get deployment kubernetes-executor \
  -o 'jsonpath={.status.readyReplicas}/{.status.replicas}'
is "the level of pod security" restricted kubectl get namespace "$system" \
  -o 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}'
ok "$("$work/enact" --version): 2/2 ready, called /manager, in a namespace with pod security restricted"

kubectl apply -f "$e2e/granted.yaml" >/dev/null
ok "namespace e2e-granted is named for PatchConfigMap and PatchSecret"
