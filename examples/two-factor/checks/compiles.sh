#!/usr/bin/env bash
# The crate compiles without a network and has no dependencies.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fresh_copy
in_copy cargo build --offline --quiet
packages=$(grep -c '^\[\[package\]\]' "$scratch/crate/Cargo.lock")
[ "$packages" -eq 1 ] || die "the crate has $((packages - 1)) dependencies"
