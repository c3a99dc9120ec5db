#!/usr/bin/env bash
# A real Prometheus, of Debian's package, that scrapes both replicas as the ServiceMonitor asks for it, with the alerts in force.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-prometheus
ENACT_TOOLS=${ENACT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/enact/tools}
PATH=$ENACT_TOOLS/bin:$PATH
"$root/scripts/prometheus.sh" >&2
command -v prometheus >/dev/null || { echo "skipped: ${0##*/} (there is no prometheus; Debian: prometheus)"; exit 0; }
two_ready

targets=$(controllers -o json | jq -c '[.items[].status.podIP + ":8080"]')
cat >"$work/prometheus.yaml" <<Y
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [$root/deploy/monitoring/alerts.yaml]
scrape_configs:
  - {job_name: kubernetes-executor-metrics, metrics_path: /metrics, static_configs: [{targets: $targets}]}
Y
listen=127.0.0.1:$((20000 + RANDOM % 10000))
# Where the pods are: in the cluster's own network.
inside() { ip netns exec "$name" "$@"; }
ip netns exec "$name" prometheus --config.file="$work/prometheus.yaml" --storage.tsdb.path="$work/series" --web.listen-address="$listen" \
  --log.level=warn >"$work/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

api() { inside curl --silent --show-error --fail --get "http://$listen/api/v1/$1" "${@:2}"; }
# found QUERY: it gives at least one value.
found() { api query --data-urlencode "query=$1" | jq -e '.data.result | length > 0' >/dev/null; }
within 60 found 'sum(up{job="kubernetes-executor-metrics"}) == 2' || fail "Prometheus does not scrape two: $(cat "$work/log" "$work/within")"
evaluated() { api rules | jq -e '[.data.groups[].rules[]] | length > 9 and all(.health == "ok")' >/dev/null; }
within 60 evaluated || fail "rules are not evaluated: $(api rules | jq -c '[.data.groups[].rules[] | select(.health != "ok")]')"
firing=$(api alerts | jq -r '.data.alerts[] | select(.state == "firing") | .labels.alertname')
silent_on NoLeader "$firing"
ok "Prometheus scrapes both replicas, and evaluates every rule without an error"

# A metric is there once there is something to count: one that completes, and one that policy denies.
web app
rolled_out app
scale up app 2
completed up
k label deployment app critical=true >/dev/null
scale zero app 0
failed zero PolicyDenied
# The names that rules record have a colon, and are none of the controller's. Errors of policies are not made here.
jq -r '.. | .expr? // empty' "$root/deploy/monitoring/dashboard.json" | cat - "$root/deploy/monitoring/alerts.yaml" |
  grep -oE '\b(kubernetes_execution|policy)_[a-z_]+:?' | grep -v ':$' | sed -E 's/_(bucket|sum|count|total)$//' | sort -u |
  grep -vx policy_evaluation_errors >"$work/asked"
[ "$(wc -l <"$work/asked")" -gt 9 ] || fail "alerts and dashboard ask for hardly anything"
unknown() { api metadata | jq -r '.data | keys[]' | sort -u | comm -13 - "$work/asked"; }
all_known() { [ -z "$(unknown)" ]; }
within 60 all_known || fail "Prometheus found no $(unknown | tr '\n' ' ')"
ok "every metric that alerts and dashboard ask for is one that Prometheus found"
forget
