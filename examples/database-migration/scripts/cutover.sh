#!/usr/bin/env bash
# Points the application at a database, ends maintenance mode and watches it for a while:
#   cutover.sh --to postgres|mysql [--watch SECONDS]
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
usage='usage: cutover.sh --to postgres|mysql [--watch SECONDS]'
to='' watch=3
while [ $# -gt 0 ]; do
  case $1 in
    --to) to=${2:-}; shift 2 ;;
    --watch) watch=${2:-}; shift 2 ;;
    *) die "$usage" ;;
  esac
done
[[ $to =~ ^(postgres|mysql)$ && $watch =~ ^[0-9]+$ ]] || die "$usage"
[ -s "$APP_CONF" ] || die "there is no application here ($APP_CONF)"
sed "s/^engine=.*/engine=$to/" "$APP_CONF" | write_file "$APP_CONF"
"$here/smoke.sh"
"$here/maintenance.sh" off
for ((second = 0; second < watch; second++)); do
  sleep 1
  "$here/smoke.sh" >/dev/null
done
echo "the application runs on $to, no errors in $watch seconds"
