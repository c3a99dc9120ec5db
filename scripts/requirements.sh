#!/usr/bin/env bash
# Holds docs/requirements.md against what ran: requirements.sh TESTS [CLUSTER]. TESTS is the saved output of
# `cargo test --workspace`, CLUSTER that of scripts/cluster/e2e.sh where it ran. Fails when a test that the page names did not
# pass, when a check of the cluster is not there, when a line has nothing below it, or when an id is missing.
set -euo pipefail
tests=${1:?the saved output of cargo test}
cluster=${2:-}
[ -z "$cluster" ] || cluster=$(realpath "$cluster")
tests=$(realpath "$tests")
cd "$(dirname "$0")/.."
page=docs/requirements.md

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What passed, with the page's word for where it is. Cargo names a package's own tests before those of its folder tests.
awk '
  /^ *Running unittests / { match($0, /deps\/[a-z_]+-/); package = substr($0, RSTART + 5, RLENGTH - 6); kind = "unit" }
  /^ *Running tests\//    { kind = ($2 == "tests/it/main.rs") ? "it" : "other" }
  /^ *Doc-tests /         { kind = "other" }
  function passed(name) {
    word = package; sub(/^enact_/, "", word); if (word == "enact") word = "cli"
    if (kind == "unit") print word "-unit " name
    if (kind == "it") print word " " name
  }
  # One that prints has its verdict on a later line.
  /^test .* \.\.\. /      { name = $2; waits = ($NF != "ok" && $NF != "FAILED" && $NF != "ignored"); if ($NF == "ok") passed(name); next }
  waits && /^ok$/         { passed(name); waits = 0 }
' "$tests" | sort -u > "$work/passed"
[ -s "$work/passed" ] || { echo "no test passed in $tests" >&2; exit 1; }

faults=0
fault() { echo "docs/requirements.md: $*" >&2; faults=$((faults + 1)); }

ids="$(seq -f 'BR-EXEC-%03g' 1 16) $(seq -f 'BR-EXEC-%03g' 20 28) BR-EXEC-036 $(seq -f 'BR-EXEC-%03g' 45 51)
  $(seq -f 'BR-EXEC-%03g' 60 67) BR-SAFETY-001 BR-SAFETY-002 BR-SAFETY-003 BR-MONITORING-001"
for id in $ids; do
  [ "$(grep -c "^### $id " "$page")" = 1 ] || fault "there is not one section $id"
done

# A line that claims something has something below it; a section has such lines.
awk '
  /^### /  { if (claims == 0 && id != "") print id ": no line"; if (open != "") print open; id = $2; claims = 0; open = "" }
  /^- /    { if (open != "") print open; open = id ": nothing below: " $0; claims++ }
  /^  - (`|not shown: .)/ { open = "" }
  /^  - / && !/^  - (`[^`]+`$|not shown: .)/ { print id ": neither a test nor a reason: " $0 }
  END      { if (open != "") print open }
' "$page" > "$work/empty"
while read -r line; do fault "$line"; done < "$work/empty"

sed -n 's/^  - `\(.*\)`$/\1/p' "$page" | sort -u > "$work/named"
while read -r name; do
  case $name in
    "e2e: "*)
      words=${name#e2e: }
      if ! grep -rqF "ok \"$words\"" scripts/cluster; then fault "no check of the cluster says: $words"
      elif [ -n "$cluster" ] && ! grep -qxF "ok: $words" "$cluster"; then fault "did not pass on the cluster: $words"
      fi ;;
    "figure: "*) grep -qF "${name#figure: }" BENCHMARKS.md || fault "BENCHMARKS.md has no such figure: $name" ;;
    "script: "*) [ -x "scripts/${name#script: }" ] || fault "there is no scripts/${name#script: }" ;;
    *) grep -qxF "$name" "$work/passed" || fault "did not run and pass: $name" ;;
  esac
done < "$work/named"

[ -n "$cluster" ] || echo "skipped: whether $(grep -c '^e2e: ' "$work/named") checks of the cluster pass (its suite did not run)"
echo "$(grep -c '^- ' "$page") lines of $(grep -c '^### ' "$page") requirements; not shown: $(grep -c '^  - not shown' "$page")"
[ "$faults" = 0 ] || { echo "$faults faults" >&2; exit 1; }
