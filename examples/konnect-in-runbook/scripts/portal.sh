#!/usr/bin/env bash
# Asks Konnect for one portal by name, without enact, so that nobody checks their own work: portal.sh NAME
# Prints {"status": …, "found": true|false}. For plain HTTP only, as the local Konnect speaks it.
set -euo pipefail
: "${KONNECT_URL:?}" "${ENACT_KONNECT_TOKEN:?}"
[[ ${1:-} =~ ^[a-z0-9-]+$ ]] || { echo "usage: portal.sh NAME" >&2; exit 1; }
[[ $KONNECT_URL =~ ^http://([^:/]+):([0-9]+)$ ]] || { echo "portal.sh: not http://HOST:PORT: $KONNECT_URL" >&2; exit 1; }
host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
exec 3<>"/dev/tcp/$host/$port"
printf 'GET /v3/portals?filter%%5Bname%%5D%%5Beq%%5D=%s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' \
  "$1" "$host" "$port" "$ENACT_KONNECT_TOKEN" >&3
answer=$(cat <&3)
read -r _ status _ <<<"$answer"
found=false
if grep -qE "\"name\": ?\"$1\"" <<<"$answer"; then found=true; fi
printf '{"status": %d, "found": %s}\n' "$status" "$found"
