#!/usr/bin/env bash
# The migration adds the three columns, and the first one is as it was.
set -euo pipefail
fail() { echo "migration.sh: $*" >&2; exit 1; }
file=login/migrations/0002_two_factor.sql
[ -f "$file" ] || fail "$file is missing"
grep -qi 'alter table users' "$file" || fail "$file does not change users"
for column in two_factor_enabled two_factor_secret backup_codes; do
  grep -qiE "add column +$column\b" "$file" || fail "$file does not add $column"
done
cmp -s start/migrations/0001_users.sql login/migrations/0001_users.sql || fail "an applied migration was changed"
