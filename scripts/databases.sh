#!/usr/bin/env bash
# Installs the database servers that the migration example runs against, where this machine lets it (root, Debian's packages). Says
# what is missing otherwise. No server of the system is started by it.
set -eu
cd "$(dirname "$0")/.."
there() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && { [ -x /usr/sbin/mariadbd ] || [ -x /usr/libexec/mysqld ]; }; }
there && exit 0
packages=$(cat examples/database-migration/scripts/packages.txt)
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # A policy that keeps the packages from starting servers of their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  # shellcheck disable=SC2086
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages) >/dev/null 2>&1 || true
fi
if ! there; then
  echo "skipped: the database migration against real servers (not installed: $(echo $packages))"
  exit 1
fi
