#!/usr/bin/env bash
# The alerts: are they rules, and do they rise when they must and only then? Ends with 0 and a reason where it cannot be
# found out here.
. "$(dirname "$0")/environment.sh"

scripts/prometheus.sh
command -v promtool >/dev/null || { echo "skipped: alerts (promtool is not installed; Debian: prometheus)"; exit 0; }

cd deploy/monitoring || exit
promtool check rules alerts.yaml
promtool test rules alerts_test.yaml

# The dashboard's expressions, as rules: so that what is no PromQL is found here.
panels=$(mktemp)
trap 'rm -f "$panels"' EXIT
{
  printf 'groups:\n  - name: dashboard\n    rules:\n'
  sed -n 's/^ *"expr": "\(.*\)",$/\1/p' dashboard.json | sed 's/\\"/"/g; s/\$__rate_interval/5m/g' |
    awk '{ gsub(/\047/, "\047\047"); printf "      - record: panel:%d\n        expr: \047%s\047\n", NR, $0 }'
} > "$panels"
promtool check rules "$panels"
[ "$(grep -c 'record: panel' "$panels")" = "$(grep -c '"expr":' dashboard.json)" ] || { echo "an expression was not read" >&2; exit 1; }

tested=$(sed -n 's/.*alertname: \([A-Za-z]*\).*/\1/p' alerts_test.yaml | sort -u)
written=$(sed -n 's/.*- alert: //p' alerts.yaml | sort -u)
[ "$tested" = "$written" ] || { echo "alerts and tests differ: $(diff <(echo "$tested") <(echo "$written"))" >&2; exit 1; }
