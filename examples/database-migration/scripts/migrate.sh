#!/usr/bin/env bash
# Moves the rows: maintenance mode on, export, import chunk by chunk, relations, counts.
#   migrate.sh --chunk N   moves; writes work/result.json
#   migrate.sh --status    {"state": "none" | "partial" | "complete"}
#   migrate.sh --undo      takes the rows of this run out of the target again; may be repeated
# Every chunk is imported in one transaction together with a line in app.migration_chunks under the idempotency key, so
# a repetition with the same key imports only what is missing. The source is only read.
# FAIL_AFTER_CHUNK=N breaks off after N imported chunks of users, to show what happens then.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
key=$(quoted "$run_key")
place=$WORK/export-$(printf '%s' "$run_key" | sha256sum | cut -c 1-12)

has_table() { [ "$(pg_client -c "select to_regclass('app.$1') is not null")" = t ]; }

status() {
  local total
  if ! has_table migration_chunks; then echo none; return; fi
  total=$(pg_client -c "select count(*) filter (where chunk > 0) || ' ' || count(*) filter (where chunk = 0)
    from app.migration_chunks where key = $key")
  case $total in
    '0 0') echo none ;;
    *' 0') echo partial ;;
    *) echo complete ;;
  esac
}

undo() {
  local table
  # Without a line under our key nothing of what is there came from us.
  [ "$(status)" != none ] || { echo 'nothing to take back'; return; }
  pg_client --single-transaction \
    -c 'alter table app.teams drop constraint if exists teams_parent' \
    -c 'alter table app.users drop constraint if exists users_team' \
    -c 'alter table app.users drop constraint if exists users_invited_by' \
    -c 'delete from app.users' -c 'delete from app.teams' -c 'drop table app.migration_chunks'
  for table in "${tables[@]}"; do
    [ "$(pg_client -c "select count(*) from app.$table")" -eq 0 ] || die "$table is not empty"
  done
  rm -f "$WORK/result.json"
  echo 'all rows taken back'
}

import_chunk() { # import_chunk TABLE NUMBER ROWS
  local file
  [ "$(pg_client -c "select count(*) from app.migration_chunks where key = $key and tab = '$1' and chunk = $2")" -eq 0 ] || return 0
  file=$(printf '%s/%s-%04d.csv' "$place" "$1" "$2")
  pg_client --single-transaction \
    -c "insert into app.migration_chunks values ($key, '$1', $2, $3)" \
    -c "copy app.$1 (${names[$1]}) from stdin with (format csv)" <"$file"
}

case "${1:-}" in
  --status) printf '{"state": "%s"}\n' "$(status)"; exit ;;
  --undo) undo; exit ;;
  --chunk) [ $# -eq 2 ] || die "usage: migrate.sh --chunk ROWS | --status | --undo" ;;
  *) die "usage: migrate.sh --chunk ROWS | --status | --undo" ;;
esac

"$here/maintenance.sh" on
exported=$("$here/export.sh" --chunk "$2" --to "$place" --workers 2)
exported=${exported##*\"rows\": }
exported=${exported%\}}
echo "exported: $exported rows"

pg_client -c 'create table if not exists app.migration_chunks (
  key text not null, tab text not null, chunk integer not null, rows bigint not null, primary key (key, tab, chunk))'
if [ "$(status)" = none ]; then
  for table in "${tables[@]}"; do
    [ "$(pg_client -c "select count(*) from app.$table")" -eq 0 ] || die "$table of the target holds rows of somebody else"
  done
fi
declare -A names
for table in "${tables[@]}"; do names[$table]=$(column_names "$table"); done
while IFS=$'\t' read -r table number _ _ rows; do
  import_chunk "$table" "$number" "$rows" </dev/null
  if [ "$table" = users ] && [ "$number" = "${FAIL_AFTER_CHUNK:-}" ]; then
    die "import broken off after chunk $number of $table, as FAIL_AFTER_CHUNK says"
  fi
done <"$place/manifest.tsv"

if [ "$(status)" = partial ]; then
  pg_client --single-transaction -f "$WORK/constraints.sql" -c "insert into app.migration_chunks values ($key, 'all', 0, 0)" >/dev/null
fi
imported=0
for table in "${tables[@]}"; do imported=$((imported + $(pg_client -c "select count(*) from app.$table"))); done
echo "imported: $imported rows"
printf '{"exported": %d, "imported": %d}\n' "$exported" "$imported" | write_file "$WORK/result.json"
[ "$exported" -eq "$imported" ] || die "exported $exported rows, imported $imported"
