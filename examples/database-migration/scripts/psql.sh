#!/usr/bin/env bash
# psql on the target, its URL from PG_URL: psql.sh -c 'select 1'
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pg_client "$@"
