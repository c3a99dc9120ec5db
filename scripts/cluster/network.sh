#!/usr/bin/env bash
# Makes the network namespace in which the whole cluster lives, so that its bridges, routes and forwarding never touch
# the machine's own network.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

[ -e "/run/netns/$name" ] || ip netns add "$name"
ip -n "$name" link set lo up
ip -n "$name" link show node0 >/dev/null 2>&1 || ip -n "$name" link add node0 type bridge
# The kubelet takes no loopback address for its node. The API server listens at the Service's own address too: nothing
# has to translate it, so no kube-proxy is needed for the one Service that pods depend on.
ip -n "$name" addr replace "$node_ip/32" dev node0
ip -n "$name" addr replace "$api_ip/32" dev node0
# No default route: what is elsewhere fails at once instead of after a time.
ip -n "$name" link set node0 up
