#!/usr/bin/env bash
# The emergency stop: nothing new starts, what runs is stopped, one is cancelled; each within five seconds.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-stop
trap 'switch_off; rm -rf "$work"' EXIT
for each in stopped cancelled; do web "$each" 1 'simulated/ready: "false"'; done
web waiting
rolled_out waiting

for each in stopped cancelled; do
  scale "$each" "$each" 2
  running "$each"
done

# in_time WHAT NAME PHASE: from now, within five seconds.
in_time() {
  local began
  began=$(date +%s%N)
  within 8 phase_is "$2" "$3" || fail "$1: $2 is $(phase "$2")"
  took=$((($(date +%s%N) - began) / 1000000))
  [ "$took" -le 5000 ] || fail "$1 took $took ms, more than 5000"
}

k patch kex cancelled --type=merge -p '{"spec":{"cancel":true}}' >/dev/null
in_time "spec.cancel" cancelled Failed
is "how it ended" Failed/Cancelled phase cancelled
says "may have been done in part" "$(status cancelled message)"
ok "spec.cancel stops what runs, after $took ms"

switch halt=true reason=drill
scale waiting waiting 2
sleep 5
is "what is new while everything is stopped" Validating status waiting
says "everything is stopped: drill" "$(status waiting message)"
is "the Jobs of what waits" 0 jobs_of waiting
is "what runs while only the new is stopped" Running status stopped
ok "halt lets nothing new start, and what runs goes on"

switch halt=true haltRunning=true reason=drill
in_time "haltRunning" stopped Failed
is "how it ended" Failed/EmergencyStop phase stopped
ok "haltRunning stops what runs, after $took ms"

for each in stopped cancelled; do
  within 40 no_job "$each" || fail "the Job of $each goes on"
  is "whether there is a way back for $each" true status "$each" rollbackInfo.available
done
ok "the Jobs are gone, and the way back is kept"

switch_off
completed waiting
is "what was asked for meanwhile" 2 replicas waiting
ok "what waited goes on once the switch is off"
forget
