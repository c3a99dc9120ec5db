#!/usr/bin/env bash
# Says what a whole cluster needs and this machine lacks; installs it first where that is Debian's and one is root.
# No service of these packages is started.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

[ "$(uname -s) $(id -u)" = "Linux 0" ] ||
  die "a cluster of the project's own needs root on Linux; elsewhere set KUBECONFIG or KUBEBUILDER_ASSETS"

if ! alive kubelet kubelet && kubelet_runs; then
  die "another kubelet runs on this machine; two of them take each other's /var/lib/kubelet/device-plugins away"
fi

# Program and Debian package.
table="containerd containerd
ctr containerd
runc runc
busybox busybox-static
ip iproute2
nsenter util-linux
flock util-linux
sysctl procps
pgrep procps
openssl openssl
jq jq
python3 python3
cc gcc"

lacking() {
  local program package
  while read -r program package; do
    command -v "$program" >/dev/null || echo "$package"
  done <<<"$table"
  [ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || echo containernetworking-plugins
}

packages=$(lacking | sort -u | paste -sd " ")
[ -n "$packages" ] || exit 0
if command -v apt-get >/dev/null; then
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  say "installing $packages"
  # shellcheck disable=SC2086
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages) \
    >/dev/null 2>&1 || true
fi
packages=$(lacking | sort -u | paste -sd " ")
[ -z "$packages" ] || die "not installed (Debian's names): $packages"
