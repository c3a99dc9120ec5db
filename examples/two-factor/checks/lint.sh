#!/usr/bin/env bash
# The compiler has nothing to say about the code or its tests.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fresh_copy
RUSTFLAGS='-D warnings -D unused -D unsafe_code' in_copy cargo check --offline --quiet --all-targets
