#!/usr/bin/env bash
# Builds the programs of the cluster from their published Go modules, at the versions of module/go.mod. Does nothing
# where they are already there. Go is taken as it is installed, or, where it is too old, as the module proxy has it.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

programs="kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl etcd"
missing=
for program in $programs; do
  [ -x "$bin/$program" ] || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

command -v go >/dev/null || die "Go is not installed (Debian: apt-get install golang-go, at least 1.21)"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
export GOMODCACHE=$base/$version/modules GOCACHE=$base/$version/build
mkdir -p "$bin"
cd "$here/module" || exit
if ! GOTOOLCHAIN=local go list -m >/dev/null 2>&1; then
  GOTOOLCHAIN=$(sed -n 's/^go /go/p' go.mod)
  export GOTOOLCHAIN
fi

stamp() {
  local package=$1
  echo "-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(echo "$version" | cut -d. -f2)" \
    "-X $package.gitTreeState=clean -X $package.gitCommit=module"
}
flags="-s -w $(stamp k8s.io/component-base/version) $(stamp k8s.io/client-go/pkg/version)"
say "Kubernetes $version with $(go version | cut -d' ' -f3):$missing"
for program in $missing; do
  package=k8s.io/kubernetes/cmd/$program
  [ "$program" = etcd ] && package=go.etcd.io/etcd/server/v3
  began=$SECONDS
  nice -n "${ENACT_CLUSTER_NICE:-10}" go build -p "${ENACT_CLUSTER_JOBS:-2}" -modcacherw -trimpath -ldflags "$flags" \
    -o "$bin/$program.new" "$package"
  mv "$bin/$program.new" "$bin/$program"
  say "$program: $((SECONDS - began)) s, $(($(stat -c %s "$bin/$program") / 1000000)) MB"
done
# Over a gigabyte that no second `up` needs.
rm -rf "$GOCACHE"
