#!/usr/bin/env bash
# Exports the tables of the source as CSV, in chunks of N rows by id, several at a time.
#   export.sh --dry-run --chunk N                       only says what it would do, as JSON
#   export.sh --chunk N --to DIR [--workers K] [--first]   writes DIR/manifest.tsv and DIR/TABLE-NNNN.csv
# A chunk that is there already is kept: each appears in one piece. --first exports the first chunk of each table.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
chunk='' to='' workers=2 dry='' first=''
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes; shift ;;
    --first) first=yes; shift ;;
    --chunk) chunk=${2:?}; shift 2 ;;
    --to) to=${2:?}; shift 2 ;;
    --workers) workers=${2:?}; shift 2 ;;
    *) die "unknown argument: $1" ;;
  esac
done
[[ $chunk =~ ^[1-9][0-9]*$ && $workers =~ ^[1-9][0-9]*$ ]] || die "--chunk and --workers take a positive number"

# manifest: table, number of the chunk, first and last id, rows
manifest() {
  local table
  for table in "${tables[@]}"; do
    mysql_client -e "select '$table', n + 1, min(id), max(id), count(*)
      from (select id, floor((row_number() over (order by id) - 1) / $chunk) as n from $table) numbered
      group by n order by n" | { if [ -n "$first" ]; then sed -n 1p; else cat; fi; }
  done
}

if [ -n "$dry" ]; then
  manifest | awk -F '\t' -v size="$chunk" -v workers="$workers" '
    { chunks++; rows += $5; if (!($1 in seen)) { seen[$1]; list = list (list == "" ? "" : ", ") "\"" $1 "\"" } }
    END { printf "{\"format\": \"csv\", \"tables\": [%s], \"chunk_rows\": %d, \"chunks\": %d, \"workers\": %d, \"rows\": %d}\n", list, size, chunks, workers, rows }'
  exit
fi
[ -n "$to" ] || die "--to says where the export goes"
mkdir -p "$to"

# expressions TABLE: the columns as CSV. Quoted text, unquoted NULL; an empty text is "".
expressions() {
  columns "$1" | awk -F '\t' '
    $2 == "text"    { e = "concat(\x27\"\x27, replace(" $1 ", \x27\"\x27, \x27\"\"\x27), \x27\"\x27)" }
    $2 == "number"  { e = $1 }
    $2 == "boolean" { e = "if(" $1 " is null, null, if(" $1 ", \x27t\x27, \x27f\x27))" }
    $2 == "bytes"   { e = "concat(\x27\\\\x\x27, lower(hex(" $1 ")))" }
    $2 == "instant" { e = "date_format(" $1 ", \x27%Y-%m-%d %H:%i:%s.%f+00\x27)" }
    $2 == "time"    { e = "date_format(" $1 ", \x27%Y-%m-%d %H:%i:%s.%f\x27)" }
    { printf "%sifnull(%s, \x27\x27)", (NR > 1 ? ", " : ""), e }'
}

export_chunk() { # export_chunk TABLE NUMBER FIRST LAST
  local file
  file=$(printf '%s/%s-%04d.csv' "$to" "$1" "$2")
  [ -e "$file" ] || mysql_client -e "select concat_ws(',', ${expression[$1]}) from $1 where id between $3 and $4 order by id" | write_file "$file"
}

declare -A expression
for table in "${tables[@]}"; do expression[$table]=$(expressions "$table"); done
manifest | write_file "$to/manifest.tsv"
busy=0
while IFS=$'\t' read -r table number from last _; do
  if [ "$busy" -ge "$workers" ]; then wait -n; busy=$((busy - 1)); fi
  export_chunk "$table" "$number" "$from" "$last" &
  busy=$((busy + 1))
done <"$to/manifest.tsv"
while [ "$busy" -gt 0 ]; do wait -n; busy=$((busy - 1)); done

# What was written is counted in the files, not in the database.
rows=0
while IFS=$'\t' read -r table number _ _ expected; do
  file=$(printf '%s/%s-%04d.csv' "$to" "$table" "$number")
  count=$(csv_records "$file")
  [ "$count" -eq "$expected" ] || die "$file holds $count rows instead of $expected: somebody changed $table during the export"
  rows=$((rows + count))
done <"$to/manifest.tsv"
printf '{"chunks": %d, "rows": %d}\n' "$(wc -l <"$to/manifest.tsv")" "$rows"
