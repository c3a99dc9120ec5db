#!/usr/bin/env bash
# The migration makes the table with every field that the requirements name.
set -euo pipefail
file=service/migrations/0001_create_tasks.sql
[ -f "$file" ] || { echo "migration.sh: $file is missing" >&2; exit 1; }
for pattern in 'create table tasks' id title description status due_date created_at; do
  grep -qiwE "$pattern" "$file" || { echo "migration.sh: $file does not mention $pattern" >&2; exit 1; }
done
