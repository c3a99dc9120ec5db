#!/usr/bin/env bash
# Private MariaDB and PostgreSQL servers for this example, on free ports of 127.0.0.1, everything below one directory.
# The system's own servers are never touched. Started by root, they run as the user nobody.
#
#   eval "$(scripts/servers.sh start DIR)"   starts both, seeds them, sets MYSQL_URL and PG_URL
#   scripts/servers.sh urls DIR              prints the two URLs again
#   scripts/servers.sh seed DIR              the source full, the target empty, the application on MySQL
#   scripts/servers.sh reset DIR             seed, and the work directory removed
#   scripts/servers.sh break DIR             somebody creates app.users in the target
#   scripts/servers.sh break-hidden DIR      the same, but the migration's role may not see it
#   scripts/servers.sh fingerprint DIR       digests of the source's rows and of the target's tables and rows
#   scripts/servers.sh stop DIR              stops both
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
# shellcheck source=lib.sh
. scripts/lib.sh

[ $# -eq 2 ] || die "usage: servers.sh start|stop|urls|seed|reset|break|break-hidden|fingerprint DIR"
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)

for place in /usr/lib/postgresql/*/bin; do PATH=$PATH:$place; done
PATH=$PATH:/usr/sbin
need mariadbd mariadb-install-db mariadb postgres initdb pg_ctl psql

as_user=()
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups env "HOME=$dir")
  chmod 711 "$dir"
  "${as_user[@]}" test -x "$dir" || die "$dir cannot be reached by the user nobody: choose one below /tmp"
fi

random_text() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n'; }

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

running() { [ -s "$1" ] && kill -0 "$(head -n 1 "$1")" 2>/dev/null; }

wait_for() { # wait_for SECONDS COMMAND…
  local left=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.1
  done
}

# Passwords are made once, and only this file holds them.
credentials() {
  if [ ! -s "$dir/credentials" ]; then
    (umask 077; printf '%s=%s\n' mysql_root "$(random_text)" mysql_migrator "$(random_text)" \
      pg_root "$(random_text)" pg_migrator "$(random_text)" >"$dir/credentials")
  fi
  mysql_root='' mysql_migrator='' pg_root='' pg_migrator=''
  # shellcheck disable=SC1091
  . "$dir/credentials"
}

mysql_admin() { MYSQL_URL="mysql://root:$mysql_root@127.0.0.1:$(cat "$dir/mysql.port")/mysql" mysql_client "$@"; }
mysql_app() { MYSQL_URL="mysql://migrator:$mysql_migrator@127.0.0.1:$(cat "$dir/mysql.port")/app" mysql_client "$@"; }
pg_admin() { PG_URL="postgres://postgres:$pg_root@127.0.0.1:$(cat "$dir/pg.port")/${1}" pg_client "${@:2}"; }

urls() {
  printf 'export MYSQL_URL=mysql://migrator:%s@127.0.0.1:%s/app\n' "$mysql_migrator" "$(cat "$dir/mysql.port")"
  printf 'export PG_URL=postgres://migrator:%s@127.0.0.1:%s/app\n' "$pg_migrator" "$(cat "$dir/pg.port")"
}

start_mysql() {
  local data=$dir/mysql attempt
  if running "$data/mysqld.pid"; then return; fi
  if [ ! -d "$data/mysql" ]; then
    rm -rf "$data"
    mkdir -m 700 "$data"
    [ "$(id -u)" != 0 ] || chown nobody "$data"
    "${as_user[@]}" mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal \
      --skip-test-db --skip-name-resolve >"$dir/mysql-install.log" 2>&1 || { tail "$dir/mysql-install.log" >&2; die "MariaDB could not be set up"; }
  fi
  (umask 077; cat >"$dir/mysql-init.sql" <<SQL
alter user 'root'@'localhost' identified by '$mysql_root';
create or replace user 'root'@'127.0.0.1' identified by '$mysql_root';
grant all privileges on *.* to 'root'@'127.0.0.1' with grant option;
create or replace user 'migrator'@'127.0.0.1' identified by '$mysql_migrator';
grant select, insert, update, delete on app.* to 'migrator'@'127.0.0.1';
SQL
  )
  [ "$(id -u)" != 0 ] || chown nobody "$dir/mysql-init.sql"
  for attempt in 1 2 3 4 5; do
    free_port >"$dir/mysql.port"
    # The socket and pid file are relative to the data directory: a long DIR would not fit into a socket's address.
    "${as_user[@]}" setsid mariadbd --no-defaults --datadir="$data" --init-file="$dir/mysql-init.sql" \
      --bind-address=127.0.0.1 --port="$(cat "$dir/mysql.port")" --socket=mysqld.sock --pid-file=mysqld.pid \
      --character-set-server=utf8mb4 --collation-server=utf8mb4_bin --skip-name-resolve --skip-log-bin \
      --performance-schema=OFF --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 \
      >>"$dir/mysql.log" 2>&1 </dev/null &
    if wait_for 30 mysql_admin -e 'select 1'; then return; fi
    ! running "$data/mysqld.pid" || break
  done
  tail "$dir/mysql.log" >&2
  die "MariaDB did not start (attempt $attempt)"
}

start_postgres() {
  local data=$dir/postgres attempt
  if running "$data/postmaster.pid"; then return; fi
  if [ ! -s "$data/PG_VERSION" ]; then
    rm -rf "$data"
    mkdir -m 700 "$data"
    [ "$(id -u)" != 0 ] || chown nobody "$data"
    (umask 077; printf '%s\n' "$pg_root" >"$dir/pg.password")
    [ "$(id -u)" != 0 ] || chown nobody "$dir/pg.password"
    "${as_user[@]}" initdb --pgdata="$data" --username=postgres --auth=scram-sha-256 --pwfile="$dir/pg.password" \
      --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/postgres-install.log" 2>&1 ||
      { tail "$dir/postgres-install.log" >&2; die "PostgreSQL could not be set up"; }
    rm "$dir/pg.password"
  fi
  : >>"$dir/postgres.log"
  [ "$(id -u)" != 0 ] || chown nobody "$dir/postgres.log"
  for attempt in 1 2 3 4 5; do
    free_port >"$dir/pg.port"
    if "${as_user[@]}" pg_ctl start --pgdata="$data" --log="$dir/postgres.log" --wait --timeout=30 --silent --options="\
-c listen_addresses=127.0.0.1 -c port=$(cat "$dir/pg.port") -c unix_socket_directories='' -c fsync=off \
-c shared_buffers=32MB -c max_connections=20 -c lc_messages=C" >&2; then return; fi
  done
  tail "$dir/postgres.log" >&2
  die "PostgreSQL did not start (attempt $attempt)"
}

stop() {
  if running "$dir/mysql/mysqld.pid"; then
    local pid
    pid=$(cat "$dir/mysql/mysqld.pid")
    kill "$pid"
    gone() { ! kill -0 "$pid"; }
    wait_for 30 gone || kill -9 "$pid"
  fi
  if running "$dir/postgres/postmaster.pid"; then
    "${as_user[@]}" pg_ctl stop --pgdata="$dir/postgres" --mode=fast --wait --silent >&2
  fi
}

# 20 teams and 5,003 users, always the same ones.
source_rows() {
  awk 'BEGIN {
    split("Zoë|Łukasz|José|Anna|Søren|李雷|Анна|محمد|Ñandú|Kim 🚀|Mary-Jane|Björk", first, "|")
    split("O\x27Brien|Nowak|García|Müller|Ek|王|Иванова|von \"Berg\"|Smith, Jr.|NULL|Back\\slash|Åström", last, "|")
    split("active|active|active|suspended|closed", state, "|")
    print "start transaction;"
    for (i = 1; i <= 20; i++)
      printf "insert into teams values (%d, \x27Team %d\x27, %s, \x272019-01-%02d 08:00:00.%06d\x27);\n", \
        i, i, (i > 3 ? int(i / 4) : "null"), i, i * 49999
    for (i = 1; i <= 5003; i++) {
      id = i + int(i / 100) * 7                     # with gaps, as in every old table
      name = first[i % 12 + 1] " " last[int(i / 12) % 12 + 1]
      gsub(/\\/, "\\\\\\\\", name); gsub(/\x27/, "\x27\x27", name)
      email = "user" id "@example.com"
      if (i == 17)   email = " user17@example.com"
      if (i == 2500) email = "user2675@@example.com"
      if (i == 4999) email = "user5342(at)example.com"
      invited = i % 3 ? "null" : int(id / 2)
      if (i == 10) invited = 5353                   # by somebody who came later
      if (invited != "null" && invited != 5353) { j = int(i / 2); invited = j + int(j / 100) * 7; if (!j) invited = "null" }
      bio = "null"
      if (i % 5 == 0) bio = "\x27\x27"              # empty is not NULL
      if (i % 7 == 0) bio = "\x27Likes \"quotes\", commas\\nand new lines.\\tTabs, too.\x27"
      if (i % 11 == 0) bio = "\x27NULL\x27"
      if (i % 13 == 0) bio = "\x27\\\\N\x27"
      seen = i % 4 ? sprintf("\x272024-%02d-%02d %02d:%02d:%02d.%06d\x27", i % 12 + 1, i % 28 + 1, i % 24, i % 60, (i * 7) % 60, (i * 7919) % 1000000) : "null"
      printf "insert into users values (%d, \x27%s\x27, \x27%s\x27, %s, %s, %d, \x27%s\x27, %s, %s, %s, \x27%s\x27, %s, \x27%s\x27);\n", \
        id, email, name, (i % 9 ? i % 20 + 1 : "null"), invited, i % 6 == 0, state[i % 5 + 1], \
        (i % 10 ? sprintf("%.2f", i * 13.37) : "null"), (i % 8 ? sprintf("x\x27%08x00ff\x27", i * 99991) : "null"), bio, \
        sprintf("20%02d-%02d-%02d %02d:00:%02d.%06d", 15 + i % 9, i % 12 + 1, i % 28 + 1, i % 24, i % 60, (i * 104729) % 1000000), \
        seen, sprintf("2025-01-01 00:%02d:%02d.%06d", i % 60, (i * 3) % 60, i)
    }
    print "commit;"
  }'
}

seed() {
  mysql_admin -e "$(cat <<'SQL'
drop database if exists app;
create database app;
use app;
create table teams (
  id         int unsigned  not null auto_increment primary key,
  name       varchar(120)  not null,
  parent_id  int unsigned  null,
  created_at timestamp(6)  not null default current_timestamp(6),
  unique key teams_name (name),
  constraint teams_parent foreign key (parent_id) references teams (id)
) engine=innodb;
create table users (
  id            bigint unsigned not null auto_increment primary key,
  email         varchar(254)    not null,
  full_name     varchar(200)    not null,
  team_id       int unsigned    null,
  invited_by    bigint unsigned null,
  is_admin      tinyint(1)      not null default 0,
  status        enum('active','suspended','closed') not null default 'active',
  balance       decimal(12,2)   null,
  password_hash varbinary(64)   null,
  bio           text            null,
  created_at    timestamp(6)    not null default current_timestamp(6),
  last_seen_at  datetime(6)     null,
  updated_at    timestamp(6)    not null default current_timestamp(6) on update current_timestamp(6),
  unique key users_email (email),
  key users_team_status (team_id, status),
  constraint users_team foreign key (team_id) references teams (id),
  constraint users_invited_by foreign key (invited_by) references users (id)
) engine=innodb;
SQL
  )"
  { echo 'set foreign_key_checks = 0;'; source_rows; } | mysql_app
  # On standard input, because of the password.
  pg_admin postgres <<SQL
drop database if exists app with (force);
do \$\$ begin create role migrator login password '$pg_migrator'; exception when duplicate_object then null; end \$\$;
create database app;
SQL
  pg_admin app -c 'create schema app authorization migrator'
  printf 'engine=mysql\nmaintenance=off\n' | write_file "$APP_CONF"
}

# What a run must leave as it was when it is taken back.
fingerprint() {
  local source target
  source=$(mysql_app -e 'select * from teams order by id; select * from users order by id' | sha256sum | cut -c1-64)
  target=$({
    pg_admin app -c "select c.relname, c.relkind, a.attname, a.atttypid::regtype from pg_class c
      join pg_namespace n on n.oid = c.relnamespace left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      where n.nspname = 'app' order by 1, 2, a.attnum"
    pg_admin app -c "select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'app'::regnamespace order by 1"
    for table in $(pg_admin app -c "select tablename from pg_tables where schemaname = 'app' order by 1"); do
      pg_admin app -c "select * from app.$table order by 1"
    done
  } | sha256sum | cut -c1-64)
  printf 'source %s\ntarget %s\napplication %s\n' "$source" "$target" "$(tr '\n' ' ' <"$APP_CONF")"
}

credentials
case $verb in
  start)
    fresh=; [ -e "$dir/seeded" ] || fresh=yes
    start_mysql; start_postgres
    if [ -n "$fresh" ]; then seed; : >"$dir/seeded"; fi
    urls ;;
  urls) urls ;;
  seed) seed ;;
  reset) rm -rf "$WORK"; mkdir -p "$WORK"; seed ;;
  break) pg_admin app -c 'set role migrator' -c "create table app.users (id bigint primary key, note text)" \
    -c "insert into app.users values (1, 'somebody else was here')" ;;
  break-hidden) pg_admin app -c "create table app.users (id bigint primary key, note text)" \
    -c "insert into app.users values (1, 'somebody else was here')" ;;
  fingerprint) fingerprint ;;
  stop) stop ;;
  *) die "unknown verb: $verb" ;;
esac
