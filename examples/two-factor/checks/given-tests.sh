#!/usr/bin/env bash
# Runs tests that the plan pins against the crate: given-tests.sh NAME…  Its own tests are left out, so nothing that
# happened to them can help.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || die "usage: given-tests.sh NAME…"
fresh_copy
rm -rf "$scratch/crate/tests"
mkdir "$scratch/crate/tests"
only=()
for name in "$@"; do
  cp "$checks/$name.rs" "$scratch/crate/tests/given_$name.rs"
  only+=(--test "given_$name")
done
in_copy cargo test --offline --quiet "${only[@]}"
