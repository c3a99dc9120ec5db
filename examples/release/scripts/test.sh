#!/usr/bin/env bash
# Runs the project's own tests.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
"$project/test.sh"
