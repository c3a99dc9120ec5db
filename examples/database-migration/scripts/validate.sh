#!/usr/bin/env bash
# Looks for values that the target would not take, repairs e-mail addresses where there is one obvious reading, and
# lists each in a CSV file with its value before and after.
#   validate.sh --repair-email --report work/exceptions.csv
#   validate.sh --undo           puts the old addresses back; may be repeated
# The list is written before the first address is changed, one list per run: a repetition finds the same three.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
list=$WORK/repairs.$(tr -c 'A-Za-z0-9._-' _ <<<"$run_id" | sed 's/_$//').tsv  # id, old and new address in hex
valid="^[^@[:space:]()]+@[^@[:space:]().]+([.][^@[:space:]().]+)+\$"

change() { # change COLUMN COLUMN: sets the address from one column of the list to the other
  awk -F '\t' -v from="$1" -v to="$2" '
    BEGIN { print "start transaction;" }
    # updated_at would otherwise set itself, and no longer be the time of the user'"'"'s own change.
    { printf "update users set email = convert(x\x27%s\x27 using utf8mb4), updated_at = updated_at where id = %d and email = convert(x\x27%s\x27 using utf8mb4);\n", $to, $1, $from }
    END { print "commit;" }' "$list" | mysql_client
}

if [ "${1:-}" = --undo ]; then
  if [ -s "$list" ]; then change 3 2; fi
  echo "addresses as they were: $(if [ -s "$list" ]; then wc -l <"$list"; else echo 0; fi)"
  exit
fi
repair='' report=''
while [ $# -gt 0 ]; do
  case $1 in
    --repair-email) repair=yes; shift ;;
    --report) report=${2:?--report needs a file}; shift 2 ;;
    *) die "usage: validate.sh [--repair-email] --report FILE | --undo" ;;
  esac
done
[ -n "$report" ] || die "usage: validate.sh [--repair-email] --report FILE | --undo"

malformed() {
  mysql_client -e "select id, lower(hex(email)),
      lower(hex(regexp_replace(replace(replace(trim(email), '(at)', '@'), ' ', ''), '@+', '@')))
    from users where not email regexp '$valid' order by id"
}

touch "$list"
if [ -n "$repair" ]; then
  { cat "$list"; malformed; } | sort -n -u -t "$(printf '\t')" -k 1,1 | write_file "$list"
  change 2 3
fi
left=$(malformed | cut -f 1 | paste -sd ' ')

unhex() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"; }
{
  echo 'id,before,after'
  while IFS=$'\t' read -r id before after; do
    printf '%s,"%s","%s"\n' "$id" "$(unhex "$before")" "$(unhex "$after")"
  done <"$list"
} | write_file "$report"

[ -z "$left" ] || die "malformed addresses that nobody can repair without asking, in users: $left"
rows=$(mysql_client -e 'select count(*) from users')
orphans=$(mysql_client -e 'select (select count(*) from users u left join teams t on t.id = u.team_id where u.team_id is not null and t.id is null)
  + (select count(*) from users u left join users i on i.id = u.invited_by where u.invited_by is not null and i.id is null)')
[ "$orphans" -eq 0 ] || die "$orphans relations lead nowhere"
beyond=$(mysql_client -e 'select count(*) from users where id > 9223372036854775807')
[ "$beyond" -eq 0 ] || die "$beyond ids do not fit into a bigint"
printf '{"valid_rows": %d, "repaired": %d, "orphans": %d}\n' "$rows" "$(wc -l <"$list")" "$orphans"
