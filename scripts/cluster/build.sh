#!/usr/bin/env bash
# Builds the programs of the cluster from their published Go modules, at the versions of module/go.mod. Does nothing
# where they are already there. Go is taken as it is installed, or, where it is too old, as the module proxy has it.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

missing=
for program in $programs; do
  [ -x "$bin/$program" ] || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

command -v go >/dev/null || die "Go is not installed (Debian: apt-get install golang-go)"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
export GOMODCACHE=$base/$version/modules GOCACHE=$base/$version/build
mkdir -p "$bin"
cd "$here/module" || exit

# Works with a Go that is too old to change itself (before 1.21), such as that of Debian 12. The checksum database covers
# the toolchain like any other module. Modules have no executable files.
newer_go() {
  local wanted directory
  wanted=$(sed -n 's/^go //p' go.mod)
  say "$(go version | cut -d' ' -f3) is too old; fetching go$wanted as a module"
  wanted=golang.org/toolchain@v0.0.1-go$wanted.linux-$(go env GOARCH)
  directory=$(cd / && GO111MODULE=on go mod download -modcacherw -json "$wanted" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [ -n "$directory" ] || die "$wanted was not downloaded; install Go of that version"
  chmod +x "$directory"/bin/* "$directory"/pkg/tool/*/*
  PATH=$directory/bin:$PATH
}
export GOTOOLCHAIN=local
go list -m >/dev/null 2>&1 || newer_go

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
