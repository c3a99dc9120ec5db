#!/usr/bin/env bash
# Pins another Kubernetes: module.sh v1.33.13. Writes module/go.mod and module/go.sum, which are checked in. Kubernetes
# requires its own parts as v0.0.0 and replaces them by directories of its repository; a module outside of it has to
# replace them by the published ones, of the same minor and patch.
set -eu
cd "$(dirname "$0")/module"
version=${1:?usage: module.sh v1.MINOR.PATCH}
parts=v0.${version#v1.}
upstream=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
[ -s "$upstream" ] || {
  echo "k8s.io/kubernetes $version: no go.mod was downloaded; is the version published?" >&2
  exit 1
}
{
  echo '// Written by scripts/cluster/module.sh.'
  printf 'module cluster\n\n'
  grep -E '^(go|godebug) ' "$upstream"
  printf '\nrequire k8s.io/kubernetes %s\n\n' "$version"
  # What Kubernetes itself is built from, so that nothing is chosen anew.
  sed -n '/^require (/,/^)/p' "$upstream"
  printf '\nreplace (\n'
  sed -n 's,^\t\(k8s.io/[a-z0-9-]*\) v0.0.0$,\t\1 => \1 '"$parts"',p' "$upstream" | LC_ALL=C sort -u
  echo ')'
} >go.mod
rm -f go.sum
go mod tidy
