#!/usr/bin/env bash
# The API server is killed while executions run, and comes back.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
own_cluster
fresh e2e-api-server

web working 1 'simulated/ready: "false"'
for each in starting asked; do web "$each"; done
rolled_out starting
scale working working 3
running working
scale starting starting 2
"$root/scripts/cluster/restart-api-server.sh" 5 >/dev/null
make_ready working
scale asked asked 2
picked_up() { [ -n "$(status "$1")" ]; }
began=$SECONDS
within 15 picked_up asked || fail "what is asked for afterwards is not looked at: the controller does not watch any more"
ok "what is asked for when it is back is picked up after $((SECONDS - began)) s"
for each in working starting asked; do
  completed "$each" 150
  is "the Jobs of $each" 1 jobs_of "$each"
done
is "the replicas" 3/2/2 echo "$(replicas working)/$(replicas starting)/$(replicas asked)"
two_ready
ok "the API server is killed in mid-run and comes back after 5 s: what ran and what was starting is Completed, with one Job each"
forget
