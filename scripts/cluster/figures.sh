#!/usr/bin/env bash
# How fast and how large the executor is on a real cluster: figures.sh [ONE_AFTER_ANOTHER [AT_ONCE_TOTAL [KEPT]]]. So many executions
# one after another (50), so many with ten at a time (100), then the controller's memory with so many finished ones (500), and how long
# a fail-over takes. Needs the suite's first part (e2e.sh 00). Times are from the API server's audit log; prints a table.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/e2e/common.sh"
own_cluster
one_by_one=${1:-50} at_once=${2:-100} kept=${3:-500}
fresh e2e-figures
start=$(date +%s)
two_ready

# The process of a replica, by its pod.
process() {
  local id
  id=$(kubectl -n "$system" get pod "$1" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  containers task list | awk -v id="${id#containerd://}" '$1 == id {print $2}'
}
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
# busy PROCESS SECONDS: thousandths of a processor over that time.
busy() {
  local before
  before=$(ticks "$1")
  sleep "$2"
  echo $((($(ticks "$1") - before) * 1000 / $(getconf CLK_TCK) / $2))
}
# MiB. The helpers that ask policies are processes of their own, and count; what they share counts once.
memory() {
  local each
  for each in "$1" $(pgrep -P "$1"); do cat "/proc/$each/smaps_rollup"; done | awk '/^Pss:/ {sum += $2} END {printf "%.1f", sum / 1024}'
}
row() { printf '| %-44s | %12s |\n' "$1" "$2"; }

echo "| figure                                       |        value |"
echo "|----------------------------------------------|--------------|"
leads=$(process "$(leader)")
row "memory of the leader, idle, MiB" "$(memory "$leads")"
row "processor of the leader, idle, m" "$(busy "$leads" 20)"

for number in $(seq 10); do web "app-$number"; done
for number in $(seq 10); do rolled_out "app-$number"; done
before=$(ticks "$leads") began=$SECONDS
for number in $(seq "$one_by_one"); do
  scale "one-$number" app-1 $((number % 2 + 1))
  completed "one-$number"
done
row "executions one after another, s each" "$(awk -v s=$((SECONDS - began)) -v n="$one_by_one" 'BEGIN {printf "%.2f", s / n}')"

line() { # ten such lines at a time
  local number
  for number in $(seq $((at_once / 10))); do
    scale "line-$1-$number" "app-$1" $((number % 2 + 1))
    completed "line-$1-$number" 300
  done
}
began_at_once=$SECONDS lines=()
for number in $(seq 10); do
  line "$number" &
  lines+=($!)
done
for each in "${lines[@]}"; do wait "$each"; done
row "executions ten at a time, a minute" $((at_once * 60 / (SECONDS - began_at_once)))
row "processor of the leader under load, m" \
  $((($(ticks "$leads") - before) * 1000 / $(getconf CLK_TCK) / (SECONDS - began)))
row "memory of the leader after that, MiB" "$(memory "$leads")"
python3 "$here/figures.py" "$logs/audit.log" e2e-figures "$start"

for number in $(seq "$kept"); do
  [ "$number" -le $((one_by_one + at_once)) ] || { execution "kept-$number" ScaleDeployment Deployment app-1 '{replicas: "1"}' ', dryRun: true'; echo ---; }
done >"$work/kept"
[ ! -s "$work/kept" ] || kubectl create -f "$work/kept" >/dev/null
all_over() { ! k get kex -o 'jsonpath={range .items[*]}{.status.phase}{"\n"}{end}' | grep -qvE '^(Completed|Failed)$'; }
within 300 all_over || fail "not all of them end"
sleep 5
row "memory of the leader with $(k get kex -o name | wc -l) finished, MiB" "$(memory "$leads")"
row "processor of the leader then, idle, m" "$(busy "$leads" 20)"

# By itself the pod would start again, and still hold the lease: it goes too.
held=$(leader)
since=$(date +%s%N)
kill -9 "$leads"
kubectl -n "$system" delete pod "$held" --grace-period=0 --force >/dev/null 2>&1
taken() { [ -n "$(leader)" ] && [ "$(leader)" != "$held" ]; }
within 60 taken || fail "nobody takes over"
row "fail-over after kill -9, s" "$(awk -v ns=$(($(date +%s%N) - since)) 'BEGIN {printf "%.1f", ns / 1e9}')"
two_ready
held=$(leader)
since=$(date +%s%N)
kubectl -n "$system" delete pod "$held" --wait=false >/dev/null
within 60 taken || fail "nobody takes over"
row "hand-over when its pod is deleted, s" "$(awk -v ns=$(($(date +%s%N) - since)) 'BEGIN {printf "%.1f", ns / 1e9}')"
forget
