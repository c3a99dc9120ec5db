#!/usr/bin/env bash
# The crate compiles without a network, has no dependencies, and says its name.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fresh_copy
in_copy cargo build --offline --quiet
packages=$(grep -c '^\[\[package\]\]' "$scratch/crate/Cargo.lock")
[ "$packages" -eq 1 ] || die "the crate has $((packages - 1)) dependencies"
in_copy cargo run --offline --quiet -- --version | grep -qx 'task-api [0-9.]*' || die "task-api --version does not answer"
