#!/usr/bin/env bash
# Imports the first rows of each table into the target and takes them back: shows that COPY reads what the export
# writes, and that a transaction leaves nothing behind. rehearse-import.sh --sample 1000
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$#/${1:-}" = 2/--sample ] || die "usage: rehearse-import.sh --sample ROWS"
place=$WORK/rehearsal
rm -rf "$place"
"$(dirname "${BASH_SOURCE[0]}")/export.sh" --chunk "$2" --to "$place" --first >/dev/null

rows=0
for table in "${tables[@]}"; do
  count=$(pg_client -c begin -c "copy app.$table ($(column_names "$table")) from stdin with (format csv)" \
    -c "select count(*) from app.$table" -c rollback <"$place/$table-0001.csv")
  [ "$count" -eq "$(csv_records "$place/$table-0001.csv")" ] || die "$table: $count rows arrived"
  rows=$((rows + count))
  left=$(pg_client -c "select count(*) from app.$table")
  [ "$left" -eq 0 ] || die "$table holds $left rows after the rollback"
done
printf '{"rehearsed": %d, "left": 0}\n' "$rows"
