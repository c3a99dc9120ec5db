#!/usr/bin/env bash
# Compares source and target: the number of rows, and with --checksums every row by a digest of all its values.
# Prints JSON; exits with 1 where something differs, and names the first rows that do.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -eq 0 ] || [ "$*" = --checksums ] || die "usage: compare.sh [--checksums]"
place=$WORK/compare
mkdir -p "$place"

# digests TABLE: the digest of a row on each side, as SQL. Both write every value in the same way; NULL is not ''.
digests() {
  columns "$1" | awk -F '\t' '
    function add(list, e) { return list (list == "" ? "" : ", ") e }
    {
      m = "cast(" $1 " as char)"; p = $1 "::text"
      if ($2 == "boolean") p = $1 "::integer::text"
      if ($2 == "text" || $2 == "bytes") m = "hex(" $1 ")"
      if ($2 == "text")  p = "upper(encode(convert_to(" $1 ", \x27UTF8\x27), \x27hex\x27))"
      if ($2 == "bytes") p = "upper(encode(" $1 ", \x27hex\x27))"
      if ($2 == "instant" || $2 == "time") m = "date_format(" $1 ", \x27%Y-%m-%d %H:%i:%s.%f\x27)"
      if ($2 == "instant") p = "to_char(" $1 " at time zone \x27UTC\x27, \x27YYYY-MM-DD HH24:MI:SS.US\x27)"
      if ($2 == "time")    p = "to_char(" $1 ", \x27YYYY-MM-DD HH24:MI:SS.US\x27)"
      mysql = add(mysql, "coalesce(concat(\x27=\x27, " m "), \x27-\x27)")
      postgres = add(postgres, "coalesce(\x27=\x27 || " p ", \x27-\x27)")
    }
    END { print "md5(concat_ws(\x27,\x27, " mysql "))"; print "md5(concat_ws(\x27,\x27, " postgres "))" }'
}

mismatches=0 first=''
declare -A source_rows target_rows
for table in "${tables[@]}"; do
  if [ $# -eq 1 ]; then
    { read -r mysql_digest; read -r pg_digest; } < <(digests "$table")
    mysql_client -e "select concat(id, ' ', $mysql_digest) from $table order by id" >"$place/$table.source"
    pg_client -c "select id || ' ' || $pg_digest from app.$table order by id" >"$place/$table.target"
    source_rows[$table]=$(wc -l <"$place/$table.source")
    target_rows[$table]=$(wc -l <"$place/$table.target")
    # diff exits with 1 where something differs; that is counted, not fatal.
    differing=$({ diff "$place/$table.source" "$place/$table.target" || [ $? -eq 1 ]; } | awk '/^[<>]/ { print $2 }' | sort -nu)
    if [ -n "$differing" ]; then
      mismatches=$((mismatches + $(wc -l <<<"$differing")))
      first+="$table: $(head -n 5 <<<"$differing" | paste -sd ' '). "
    fi
  else
    source_rows[$table]=$(mysql_client -e "select count(*) from $table")
    target_rows[$table]=$(pg_client -c "select count(*) from app.$table")
    [ "${source_rows[$table]}" = "${target_rows[$table]}" ] || { mismatches=$((mismatches + 1)); first+="$table: counts. "; }
  fi
done
printf '{"source_rows": %d, "target_rows": %d, "source_teams": %d, "target_teams": %d, "checksums": %s, "mismatches": %d}\n' \
  "${source_rows[users]}" "${target_rows[users]}" "${source_rows[teams]}" "${target_rows[teams]}" \
  "$([ $# -eq 1 ] && echo true || echo false)" "$mismatches"
[ "$mismatches" -eq 0 ] || die "$mismatches rows differ, first ids by table: $first"
