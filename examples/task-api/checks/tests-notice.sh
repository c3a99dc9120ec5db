#!/usr/bin/env bash
# The crate's own tests notice faults: one at a time is planted into a copy of the code, and each time the tests must
# fail. Tests that assert nothing do not.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

plant() { # plant WHAT SED-EXPRESSION
  fresh_copy
  # Code only, not the tests that stand below it in the same file.
  find "$scratch/crate/src" -name '*.rs' -exec sed -i "/^#\[cfg(test)\]/,\$!{$2}" {} +
  ! diff -rq service/src "$scratch/crate/src" >/dev/null || die "cannot plant the fault: $1"
  in_copy cargo test --offline --quiet --no-run 2>"$scratch/errors" || { cat "$scratch/errors" >&2; die "with this fault the crate does not compile: $1"; }
  if in_copy cargo test --offline --quiet >/dev/null 2>&1; then die "no test notices that $1"; fi
  echo "noticed: $1"
}

plant 'a missing token is answered 200' 's/\b401\b/200/g'
plant 'a missing task is answered 200' 's/\b404\b/200/g'
plant 'a created task is answered 200' 's/\b201\b/200/g'
plant 'a deleted task is answered 500' 's/\b204\b/500/g'
