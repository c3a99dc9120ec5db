#!/usr/bin/env bash
# The application's maintenance mode: maintenance.sh on | off | status. In it, the application writes nothing.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ -s "$APP_CONF" ] || die "there is no application here ($APP_CONF); scripts/servers.sh seed makes one"
case "${1:-}" in
  on | off) sed "s/^maintenance=.*/maintenance=$1/" "$APP_CONF" | write_file "$APP_CONF"; echo "maintenance mode: $1" ;;
  status) sed -n 's/^maintenance=//p' "$APP_CONF" ;;
  *) die "usage: maintenance.sh on | off | status" ;;
esac
