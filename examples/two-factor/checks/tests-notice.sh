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
  ! diff -rq login/src "$scratch/crate/src" >/dev/null || die "cannot plant the fault: $1"
  in_copy cargo test --offline --quiet --no-run 2>"$scratch/errors" || { cat "$scratch/errors" >&2; die "with this fault the crate does not compile: $1"; }
  if in_copy cargo test --offline --quiet >/dev/null 2>&1; then die "no test notices that $1"; fi
  echo "noticed: $1"
}

plant 'codes are for five minutes' 's/PERIOD: u64 = 30\b/PERIOD: u64 = 300/'
plant 'codes have four digits' 's/DIGITS: u32 = 6\b/DIGITS: u32 = 4/'
plant 'there are three backup codes' 's/BACKUP_CODES: usize = 10\b/BACKUP_CODES: usize = 3/'
plant 'nobody stops who guesses' 's/ATTEMPTS: u32 = 5\b/ATTEMPTS: u32 = 5000/'
plant 'administrators need no second factor' 's/account\.is_admin/false/'
