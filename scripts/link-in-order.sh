#!/usr/bin/env bash
# The linker of scripts/release.sh: `cc`, twice. A run executes a tenth of the program's functions, and where they lie among all the
# others the kernel maps four times as much of the file as is used. So the program is linked with its names, looked at while it does
# what it mostly does, and linked again with the functions that ran side by side. Needs valgrind, and ld.lld, which Rust links with;
# without them it links once.
set -eu

program=
previous=
named=()
for argument in "$@"; do
  [ "$previous" != -o ] || program=$argument
  previous=$argument
  case $argument in -Wl,--strip-all | -Wl,--strip-debug | -Wl,-s | -s) ;; *) named+=("$argument") ;; esac
done

# Build scripts are linked with it too, and have no order. Another linker than lld knows none; that it is valgrind which is missing says
# scripts/release.sh.
case "${program##*/} $* " in
  enact-*" -fuse-ld=lld "*) command -v valgrind >/dev/null || exec cc "$@" ;;
  *) exec cc "$@" ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cc "${named[@]}"
cp "$program" "$folder/enact"
watched() {
  if ! (cd "$folder/work" && env -i PATH="$PATH" HOME="$folder" ENACT_STATE_DIR="$folder/state" \
    valgrind -q --tool=callgrind --demangle=no --trace-children=yes --trace-children-skip='*/sh,*/bash,*/true' \
    --callgrind-out-file="$folder/ran.%p" "$folder/enact" "$@") >>"$folder/log" 2>&1; then
    cat "$folder/log" >&2
    echo "enact $* did not succeed under valgrind" >&2
    exit 1
  fi
}

mkdir "$folder/work"
{
  printf '%s\n' 'version: enact/v1' 'kind: Plan' 'name: usual' 'title: What a run mostly does' \
    'requirements: [{ id: R1, text: "It is run" }]' 'steps:'
  for step in $(seq 30); do echo "  - { id: s$step, title: Step $step, exec: [\"true\"], rollback: none }"; done
  for step in $(seq 31 40); do echo "  - { id: s$step, title: Step $step, run: 'echo $step', rollback: { exec: [\"true\"] } }"; done
  printf '%s\n' 'acceptance: [{ id: C1, text: "It is over", check: { exec: ["true"] } }]'
} >"$folder/work/usual.plan.yaml"
watched check usual.plan.yaml
watched plan -f usual.plan.yaml -o plan.json
watched approve plan.json --digits "$(grep -m1 '"plan_id"' "$folder/work/plan.json" | grep -oE '[0-9a-f]{6}' | head -n1)"
watched run plan.json

# Every function of the program that was entered, by its name in the program.
awk '
  # Each name stands there once, `(7) name`, and is `(7)` from then on, whether it is named as what ran or as what was called.
  /^c?(ob|fn)=/ { line = $0; sub(/^[a-z]*=/, "", line); number = line; sub(/ .*/, "", number)
                  of = /^c?ob=/ ? "object" : "function"
                  if (line ~ / /) { sub(/^[^ ]* /, "", line); sub(/\047[0-9]+$/, "", line); names[of, number] = line } }
  /^ob=/ { ours = names["object", number] ~ /\/enact$/ }
  /^fn=/ && ours && names["function", number] !~ /^(0x|\()/ { print names["function", number] }
' "$folder"/ran.* | LC_ALL=C sort -u >"$folder/order"
[ -s "$folder/order" ] || { echo "valgrind names no function of the program" >&2; exit 1; }
cc "$@" "-Wl,--symbol-ordering-file=$folder/order" -Wl,--no-warn-symbol-ordering
