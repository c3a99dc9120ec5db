#!/usr/bin/env bash
# Writes what Konnect holds now as configuration to work/backup, so that it can be put back by hand.
set -euo pipefail
: "${KONNECT_URL:?}" "${ENACT_KONNECT_TOKEN:?}"
mkdir -p work/backup
enact dump --konnect "$KONNECT_URL" --state-dir work/state --output-file work/backup/portals.yaml.part >&2
mv work/backup/portals.yaml.part work/backup/portals.yaml
printf '{"file": "work/backup/portals.yaml", "bytes": %d}\n' "$(stat -c %s work/backup/portals.yaml)"
