#!/usr/bin/env bash
# The crate's own tests pass, there are enough of them, and none is switched off: own-tests.sh COUNT
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fresh_copy
in_copy cargo test --offline 2>&1 | tee "$scratch/output"
read -r passed ignored < <(awk '/^test result: ok/ { passed += $4; ignored += $8 } END { print passed + 0, ignored + 0 }' "$scratch/output")
[ "$ignored" -eq 0 ] || die "$ignored tests are switched off"
[ "$passed" -ge "${1:?how many tests}" ] || die "$passed tests; at least $1 were asked for"
printf '%d tests passed\n' "$passed"
