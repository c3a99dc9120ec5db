# shellcheck shell=bash
# Sourced by the checks. A check never writes into the work tree: it builds a copy of the crate, without what was built
# there before, and removes it again.

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
command -v cargo >/dev/null || { echo "${0##*/}: cargo is not installed; see https://rustup.rs" >&2; exit 127; }
# shellcheck disable=SC2034
checks=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -f login/Cargo.toml ] || die "there is no crate in login/"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CARGO_TARGET_DIR=$scratch/target CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
unset RUSTFLAGS

# fresh_copy: the crate as it is now in $scratch/crate. What was built of its dependencies is used again.
fresh_copy() {
  rm -rf "$scratch/crate"
  mkdir "$scratch/crate"
  tar -C login --exclude=./target -cf - . | tar -C "$scratch/crate" -xf -
  [ ! -e "$scratch/crate/build.rs" ] || die "a build script would run with the rights of the check"
}

in_copy() { (cd "$scratch/crate" && "$@"); }
