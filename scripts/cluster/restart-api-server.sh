#!/usr/bin/env bash
# Ends the API server as a crash would, and starts it again; what is stored stays. For tests of what rests on it.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
[ -e "$run/whole" ] || die "no whole cluster is up; scripts/cluster/up.sh starts it"
stop kube-apiserver kube-apiserver
# How long it stays away, in seconds.
sleep "${1:-0}"
"$here/control-plane.sh"
