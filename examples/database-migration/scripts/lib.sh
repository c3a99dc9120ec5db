# shellcheck shell=bash
# Sourced by the other scripts: where things are kept, and the two databases.
#
# A URL holds a password, so it never becomes an argument of a program: arguments are seen by every user of the
# machine. The parts of the URL reach the clients through the environment.

WORK=${WORK:-work}              # exports, results, lists of exceptions
APP_CONF=${APP_CONF:-app.conf}  # the application's configuration
export WORK APP_CONF
mkdir -p "$WORK"

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# need PROGRAM…: says which Debian packages to install when one is missing.
need() {
  local program missing=()
  for program in "$@"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} -eq 0 ] && return
  printf '%s: not installed: %s\nOn Debian: apt-get install --no-install-recommends %s\n' "${0##*/}" "${missing[*]}" \
    "$(tr '\n' ' ' <"$(dirname "${BASH_SOURCE[0]}")/packages.txt")" >&2
  exit 127
}

url_decode() { local text=${1//+/%2B}; printf '%b' "${text//%/\\x}"; }

# url_parts NAME SCHEME: splits the URL in the variable NAME into url_user, url_password, url_host, url_port, url_database.
url_parts() {
  local url=${!1:-} scheme=$2
  [ -n "$url" ] || die "$1 is not set"
  [[ $url =~ ^$scheme://([^:@/]+):([^@/]*)@([^:/]+):([0-9]+)/([A-Za-z0-9_]+)$ ]] ||
    die "$1 does not look like ${scheme##*|}://user:password@host:port/database"
  local shift_by=$(( ${#BASH_REMATCH[@]} - 5 ))
  url_user=$(url_decode "${BASH_REMATCH[shift_by]}")
  url_password=$(url_decode "${BASH_REMATCH[shift_by + 1]}")
  url_host=${BASH_REMATCH[shift_by + 2]}
  url_port=${BASH_REMATCH[shift_by + 3]}
  url_database=${BASH_REMATCH[shift_by + 4]}
}

# mysql_client ARGUMENT…: the source. One row a line, columns separated by tabs, nothing escaped, times in UTC.
mysql_client() {
  need mariadb
  url_parts MYSQL_URL 'mysql'
  MYSQL_PWD=$url_password mariadb --no-defaults --protocol=TCP --host="$url_host" --port="$url_port" --user="$url_user" \
    --default-character-set=utf8mb4 --init-command="set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'" \
    --batch --raw --skip-column-names "$@" "$url_database"
}

# pg_client ARGUMENT…: the target. Stops at the first error, times in UTC.
pg_client() {
  need psql
  url_parts PG_URL 'postgres'
  PGHOST=$url_host PGPORT=$url_port PGUSER=$url_user PGPASSWORD=$url_password PGDATABASE=$url_database \
    PGTZ=UTC PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10 PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning" \
    psql --no-psqlrc --set=ON_ERROR_STOP=1 --quiet --tuples-only --no-align "$@"
}

quoted() { printf "'%s'" "${1//\'/\'\'}"; }  # an SQL text literal

# write_file FILE: takes what comes in and puts it there in one piece, or not at all.
write_file() { local temporary="$1.$$.part"; cat >"$temporary"; sync "$temporary"; mv "$temporary" "$1"; }

# shellcheck disable=SC2034
tables=(teams users)                         # in the order of their relations
run_id=${ENACT_RUN_ID:-by-hand}              # names the owner of what a run creates
# shellcheck disable=SC2034
run_key=${ENACT_IDEMPOTENCY_KEY:-$run_id}    # what makes a repetition recognisable

# columns TABLE: one line per column of the source: name, kind. The kind says how a value is written and compared.
columns() {
  mysql_client -e "select column_name, case
      when column_type = 'tinyint(1)' then 'boolean'
      when data_type in ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal') then 'number'
      when data_type in ('char', 'varchar', 'text', 'mediumtext', 'longtext', 'enum') then 'text'
      when data_type in ('binary', 'varbinary', 'blob') then 'bytes'
      when data_type = 'timestamp' then 'instant'
      when data_type = 'datetime' then 'time'
      else concat('unknown:', data_type) end
    from information_schema.columns where table_schema = database() and table_name = '$1' order by ordinal_position" |
    awk -F '\t' '$2 ~ /^unknown/ { print "no conversion for " $1 ", " $2 > "/dev/stderr"; exit 1 } { print }'
}

column_names() { columns "$1" | cut -f 1 | paste -sd ,; }

# csv_records: counts CSV records. A line end inside of quotes does not end one.
csv_records() { awk '{ quotes += gsub(/"/, "") } quotes % 2 == 0 { n++ } END { print n + 0 }' "$1"; }
