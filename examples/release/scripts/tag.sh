#!/usr/bin/env bash
# The tag: tag.sh VERSION | --status VERSION | --undo VERSION
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
verb=create
case "${1:-}" in --status | --undo) verb=${1#--}; shift ;; esac
version_argument "${1:-}"
tagged() { in_project rev-parse --quiet --verify "refs/tags/v$1^{commit}" || true; }
head=$(in_project rev-parse HEAD)
case $verb in
  create)
    [ "$(current_version)" = "$1" ] || die "VERSION says $(current_version)"
    in_project tag --annotate "v$1" --message "greet $1"
    echo "v$1 is $head"
    ;;
  status) if [ "$(tagged "$1")" = "$head" ]; then echo '{"state": "complete"}'; else echo '{"state": "none"}'; fi ;;
  undo) if [ -n "$(tagged "$1")" ]; then in_project tag --delete "v$1"; else echo "nothing to take back"; fi ;;
esac
