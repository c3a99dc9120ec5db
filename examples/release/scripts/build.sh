#!/usr/bin/env bash
# Builds the archive of a tag and its checksum, always the same bytes: build.sh VERSION | --undo VERSION
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
undo=''
if [ "${1:-}" = --undo ]; then undo=yes; shift; fi
version_argument "${1:-}"
name=greet-$1.tar.gz
if [ -n "$undo" ]; then rm -f "$dist/$name" "$dist/$name.sha256"; exit; fi
mkdir -p "$dist"
in_project archive --format=tar --prefix="greet-$1/" "v$1" | gzip -n -9 >"$dist/$name.part"
mv "$dist/$name.part" "$dist/$name"
(cd "$dist" && sha256sum "$name" >"$name.sha256" && sha256sum --check --quiet "$name.sha256")
printf '{"file": "%s", "bytes": %d, "sha256": "%s"}\n' "$name" "$(stat -c %s "$dist/$name")" "$(cut -d ' ' -f 1 "$dist/$name.sha256")"
