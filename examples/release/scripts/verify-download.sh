#!/usr/bin/env bash
# Does what a user does: takes the archive from "latest", checks it, unpacks it, runs its tests: verify-download.sh VERSION
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version_argument "${1:-}"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp "$downloads/latest/greet-$1.tar.gz" "$downloads/latest/greet-$1.tar.gz.sha256" "$place/"
cd "$place"
sha256sum --check --quiet "greet-$1.tar.gz.sha256"
tar -xzf "greet-$1.tar.gz"
"greet-$1/test.sh" >&2
printf '{"version": "%s", "sha256": "%s"}\n' "$("greet-$1/greet" --version | cut -d ' ' -f 2)" "$(cut -d ' ' -f 1 "greet-$1.tar.gz.sha256")"
