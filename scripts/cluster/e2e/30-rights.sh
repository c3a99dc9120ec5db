#!/usr/bin/env bash
# What each of the ten accounts and the controller may do, in its own namespace, in a granted one, in another, and in the cluster: just
# what rights.txt says.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
fresh e2e-other

kubectl config view --raw --flatten -o json >"$work/config"
# held ONE_IN FILE: how the accounts' rights compare with the file.
held() { python3 "$e2e/rights.py" "$2" e2e-granted e2e-other "$1" <"$work/config"; }
held 29 "$e2e/rights.txt" >"$work/rights" 2>&1 || fail "$(cat "$work/rights")"
ok "the accounts may do what rights.txt says and nothing else: $(cat "$work/rights")"

# The comparison can fail: a right more, and a right less.
sed 's/^\(delete-pod .*\),delete/\1/' "$e2e/rights.txt" >"$work/less"
sed 's/^rollout-status .*/&,patch/' "$e2e/rights.txt" >"$work/more"
refused "delete-pod may delete pods" held 0 "$work/less"
refused "rollout-status may not patch apps/deployments" held 0 "$work/more"
ok "a right that is not listed is seen, and so is one that is not there"

own="system:serviceaccount:$system"
refused no kubectl auth can-i --as="$own:kubernetes-executor" impersonate serviceaccounts
refused no kubectl auth can-i --as="$own:kubernetes-executor" create rolebindings -A
refused no kubectl auth can-i --as="$own:kubernetes-executor" patch deployments -A
refused no kubectl auth can-i --as="$own:kubernetes-executor-patch-secret" get secrets -n "$system"
is "kubectl's own answer" yes kubectl auth can-i --as="$own:kubernetes-executor-patch-secret" patch secrets -n e2e-granted
ok "kubectl auth can-i says so too"
forget
