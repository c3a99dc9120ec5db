#!/usr/bin/env bash
# The tables of the target. Each carries a mark that names the run that made it, and only those are taken back:
# a table of somebody else is never dropped, whatever state the run is in.
#   target.sh --create FILE   tables and indexes in one transaction: all or nothing
#   target.sh --status        {"state": "none" | "partial" | "complete"}: what this run has created
#   target.sh --undo          drops what this run has created; may be repeated
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mark="enact run $run_id"

created() {
  pg_client -c "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'app' and c.relkind = 'r' and obj_description(c.oid, 'pg_class') = $(quoted "$mark") order by c.oid desc"
}

case "${1:-}" in
  --create)
    [ $# -eq 2 ] || die "usage: target.sh --create FILE"
    comments=()
    for table in "${tables[@]}"; do comments+=(-c "comment on table app.$table is $(quoted "$mark")"); done
    pg_client --single-transaction -f "$2" "${comments[@]}"
    ;;
  --status)
    found=$(created | grep -c . || true)
    case $found in
      0) state=none ;;
      "${#tables[@]}") state=complete ;;
      *) state=partial ;;
    esac
    printf '{"state": "%s", "tables": %d}\n' "$state" "$found"
    ;;
  --undo)
    found=$(created)
    for table in $found; do pg_client -c "drop table app.$table cascade"; done
    printf 'dropped: %s\n' "${found:-nothing}"
    ;;
  *) die "usage: target.sh --create FILE | --status | --undo" ;;
esac
