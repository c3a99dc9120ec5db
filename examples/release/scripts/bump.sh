#!/usr/bin/env bash
# Version and changelog as one commit.
#   bump.sh VERSION          writes VERSION and CHANGELOG.md, commits; nothing where that is done already
#   bump.sh --undo VERSION   takes that commit back if it is the newest one; may be repeated
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
undo=''
if [ "${1:-}" = --undo ]; then undo=yes; shift; fi
version_argument "${1:-}"
subject="release $1"
is_bumped() { [ "$(in_project log -1 --format=%s)" = "$subject" ]; }

if [ -n "$undo" ]; then
  # A bump that broke off has changed files and committed nothing.
  in_project checkout --quiet HEAD -- VERSION CHANGELOG.md
  if is_bumped; then in_project reset --quiet --hard HEAD~1; echo "took back: $subject"; else echo "nothing to take back"; fi
  exit
fi
if is_bumped; then echo "already bumped"; exit; fi
changes=$(in_project log --reverse --format='- %s' "v$(current_version)..HEAD")
{
  printf '# Changelog\n\n## %s\n\n%s\n' "$1" "$changes"
  tail -n +2 "$project/CHANGELOG.md"
} >"$WORK/changelog.part"
mv "$WORK/changelog.part" "$project/CHANGELOG.md"
echo "$1" >"$project/VERSION"
"$project/test.sh"
in_project commit --quiet --all --message "$subject"
in_project show --stat --format=%s HEAD
