#!/usr/bin/env bash
# Publishes a built version: publish.sh VERSION | --status VERSION
# The version's directory appears in one piece, by a rename; what is published is never changed again.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
status=''
if [ "${1:-}" = --status ]; then status=yes; shift; fi
version_argument "${1:-}"
place=$downloads/$1
name=greet-$1.tar.gz
same() { cmp -s "$dist/$name" "$place/$name" && cmp -s "$dist/$name.sha256" "$place/$name.sha256"; }
if [ -n "$status" ]; then
  if same; then echo '{"state": "complete"}'; else echo '{"state": "none"}'; fi
  exit
fi
if [ -e "$place" ]; then
  same || die "$1 is published with other content"
  echo "already published"
else
  mkdir -p "$downloads"
  rm -rf "$downloads/.$1.part"
  mkdir "$downloads/.$1.part"
  cp "$dist/$name" "$dist/$name.sha256" "$downloads/.$1.part/"
  sync "$downloads/.$1.part"/*
  mv --no-target-directory "$downloads/.$1.part" "$place"
fi
# What "latest" points at changes in one piece, too.
ln -sfn "$1" "$downloads/.latest.part"
mv --no-target-directory "$downloads/.latest.part" "$downloads/latest"
