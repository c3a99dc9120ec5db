#!/usr/bin/env bash
# Does what the application does, on the database its configuration names: reads a user with their team and inviter,
# writes one, and takes that back. Prints {"engine": …, "users": …, "maintenance": …}.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
engine=$(sed -n 's/^engine=//p' "$APP_CONF")
maintenance=$(sed -n 's/^maintenance=//p' "$APP_CONF")
read_one='select count(*) from users u join teams t on t.id = u.team_id join users i on i.id = u.invited_by'
write_one="insert into users (email, full_name) values ('smoke@example.com', 'Smoke')"
case $engine in
  mysql)
    users=$(mysql_client -e 'select count(*) from users')
    joined=$(mysql_client -e "$read_one")
    mysql_client -e "start transaction; $write_one; rollback"
    ;;
  postgres)
    users=$(pg_client -c 'select count(*) from app.users')
    joined=$(pg_client -c 'set search_path = app' -c "$read_one")
    # The new id comes from the sequence, so this fails where the sequence was not moved along.
    pg_client -c 'set search_path = app' -c begin -c "$write_one" -c rollback
    ;;
  *) die "the application's database is not known: '$engine'" ;;
esac
[ "$joined" -gt 0 ] || die "no user has a team and an inviter: relations are missing"
printf '{"engine": "%s", "users": %d, "maintenance": "%s"}\n' "$engine" "$users" "$maintenance"
