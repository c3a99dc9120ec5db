#!/usr/bin/env bash
# How many lines of each crate its own tests run (the floor is 70 %), and how many the tests of all other crates do, most of which run
# the whole program (the floor is 50 %). coverage.sh [--check]: prints a table; with --check a floor that is missed is an error.
# Wants llvm-profdata and llvm-cov of the LLVM that rustc has (Debian: llvm-22), and no component of the toolchain.
. "$(dirname "$0")/environment.sh"
check=${1:-}
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
if ! command -v "llvm-cov-$llvm" >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends "llvm-$llvm") >/dev/null 2>&1 || true
fi
if ! command -v "llvm-cov-$llvm" >/dev/null || ! command -v jq >/dev/null; then
  echo "skipped: coverage (llvm-cov-$llvm or jq is not installed)"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Only the crates of the project are built anew: what they depend on is as it is for the tests.
cat >"$work/rustc" <<'RUSTC'
#!/bin/sh
exec "$@" -C instrument-coverage
RUSTC
chmod +x "$work/rustc"
# Its path is a part of what cargo compares: one that stays saves building again.
install -m 755 "$work/rustc" "$ENACT_TOOLS/rustc-with-coverage"
export CARGO_INCREMENTAL=0 RUSTC_WORKSPACE_WRAPPER=$ENACT_TOOLS/rustc-with-coverage
export LLVM_PROFILE_FILE=$work/building-%4m.profraw
cargo test --locked --workspace --no-run --message-format=json 2>"$work/build.log" >"$work/built.json" ||
  { cat "$work/build.log" >&2; exit 1; }
jq -r 'select(.reason == "compiler-artifact" and .executable != null and (.profile.test or .target.kind == ["bin"]))
  | [(.package_id | sub(".*/"; "") | sub("#.*"; "")), .manifest_path, (.profile.test | tostring), .executable] | @tsv' \
  "$work/built.json" | sort -u >"$work/programs"

# Tests that kill the program again and again say nothing new about lines, and take long. One more bounds the memory of a process, which
# measuring changes.
skip=(--skip crash --skip killed --skip system_call --skip every_ --skip what_exhausts_a_policy_process)
failed=0
while IFS=$'\t' read -r package manifest test program; do
  [ "$test" = true ] || continue
  (cd "$(dirname "$manifest")" &&
    LLVM_PROFILE_FILE="$work/$package-%4m.profraw" "$program" --quiet "${skip[@]}" >"$work/output" 2>&1 </dev/null) ||
    { failed=$((failed + 1)); echo "a test of $package fails when it is measured:"; grep -E "^(test .*FAILED|failures:|    [a-z_:]+$|error)" "$work/output" | sort -u | head -5; } >&2
done <"$work/programs"
# Programs that were started without an environment wrote theirs where they were.
rm -f crates/*/default_*.profraw

objects=()
while IFS=$'\t' read -r _ _ _ program; do objects+=(--object "$program"); done <"$work/programs"
# lines PROFILES…: a line for each crate, `crate lines covered`.
lines() {
  "llvm-profdata-$llvm" merge --sparse --failure-mode=all --output "$work/merged" "$@" 2>/dev/null
  "llvm-cov-$llvm" export --summary-only --instr-profile "$work/merged" "${objects[@]}" 2>/dev/null |
    jq -r --arg root "$PWD/crates/" '[.data[0].files[] | select(.filename | startswith($root))
      | select(.filename | ltrimstr($root) | test("^[^/]*/src/"))
      | {crate: (.filename | ltrimstr($root) | sub("/.*"; "")), lines: .summary.lines}]
      | group_by(.crate)[] | [.[0].crate, (map(.lines.count) | add), (map(.lines.covered) | add)] | @tsv'
}
printf '\n%-16s %8s %12s %16s %8s\n' crate lines "own tests" "all others'" all
missed=0
for crate in $(cut -f1 "$work/programs" | sort -u); do
  own=$(lines "$work/$crate"-*.profraw | awk -v crate="$crate" '$1 == crate {print $3}')
  others=$(ls "$work"/*.profraw | grep -v "/$crate-[0-9]\|/building-")
  # shellcheck disable=SC2086
  other=$(lines $others | awk -v crate="$crate" '$1 == crate {print $3}')
  # shellcheck disable=SC2046
  read -r count all < <(lines $(ls "$work"/*.profraw | grep -v /building-) | awk -v crate="$crate" '$1 == crate {print $2, $3}')
  [ -n "${count:-}" ] || continue
  awk -v crate="$crate" -v lines="$count" -v own="${own:-0}" -v other="${other:-0}" -v all="$all" 'BEGIN {
    below = own / lines < 0.7 ? "own below 70 %" : ""
    # Nothing is above the program itself: its own tests are both.
    if (crate == "enact") { others = "-"; other = own } else others = sprintf("%.1f %%", other / lines * 100)
    if (other / lines < 0.5) below = below (below == "" ? "" : ", ") "others below 50 %"
    printf "%-16s %8d %10.1f %% %16s %6.1f %%  %s\n", crate, lines, own / lines * 100, others, all / lines * 100, below
    exit below != "" }' || missed=$((missed + 1))
done
[ "$failed" = 0 ] || echo "$failed programs of tests failed while they were measured; their lines count as far as they went"
if [ "$missed" -gt 0 ]; then
  echo "$missed crates are below a floor (70 % by their own tests, 50 % by those of all others)"
  [ "$check" != --check ] || exit 1
fi
