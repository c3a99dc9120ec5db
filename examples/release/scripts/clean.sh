#!/usr/bin/env bash
# The work tree is clean, on main, and VERSION is not tagged yet: clean.sh VERSION
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version_argument "${1:-}"
[ -d "$project/.git" ] || die "there is no project; scripts/make-project.sh makes one"
changes=$(in_project status --porcelain)
[ -z "$changes" ] || die "the work tree is not clean: $changes"
[ "$(in_project symbolic-ref --short HEAD)" = main ] || die "this is not the branch main"
! in_project rev-parse --quiet --verify "refs/tags/v$1" >/dev/null || die "v$1 exists already"
newest=$(printf '%s\n%s\n' "$1" "$(current_version)" | sort --version-sort | tail -n 1)
if [ "$newest" != "$1" ] || [ "$1" = "$(current_version)" ]; then die "$1 is not newer than $(current_version)"; fi
printf '{"current": "%s", "commit": "%s", "commits": %d}\n' "$(current_version)" "$(in_project rev-parse HEAD)" \
  "$(in_project rev-list --count "v$(current_version)..HEAD")"
