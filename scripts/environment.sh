# Sourced by the other scripts: where things are, and a Rust toolchain that is new enough.
set -eu
cd "$(dirname "$0")/.."

# One target directory outside of the clone, kept between runs where it still exists.
: "${CARGO_TARGET_DIR:=${XDG_CACHE_HOME:-$HOME/.cache}/enact/target}"
: "${ENACT_TOOLS:=${XDG_CACHE_HOME:-$HOME/.cache}/enact/tools}"
export CARGO_TARGET_DIR ENACT_TOOLS
export PATH="$ENACT_TOOLS/bin:$PATH"
# What is built once and never edited needs nothing that only saves the next build.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
mkdir -p "$CARGO_TARGET_DIR" "$ENACT_TOOLS"

command -v cargo >/dev/null || { echo "cargo is not installed; see https://rustup.rs" >&2; exit 1; }
command -v cc >/dev/null || { echo "a C compiler is not installed (Debian: apt-get install gcc)" >&2; exit 1; }

say() { printf '\n== %s\n' "$*"; }
