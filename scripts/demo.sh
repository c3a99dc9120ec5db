#!/usr/bin/env bash
# The main job on the example: build, plan, apply, show the verified result, plan again and find nothing to do.
# Everything happens in a directory of its own against the Konnect built into enact; no account is needed.
. "$(dirname "$0")/environment.sh"

say "Building enact"
cargo build --locked -p enact
enact=$CARGO_TARGET_DIR/debug/enact

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export ENACT_STATE_DIR=$place/state ENACT_KONNECT=local

show() { printf '\n$ enact %s\n' "$*"; "$enact" "$@"; }

say "Plan, and keep the plan in a file"
show plan -f examples/portals -o "$place/plan.json"
say "Enact exactly that plan"
show apply --plan "$place/plan.json" --auto-approve
say "What is there now"
show get portals
say "What happened, from the journal"
show runs show "$("$enact" runs list --output json | sed -n 's/.*"run_id": "\([^"]*\)".*/\1/p' | head -n 1)"
say "Plan again: nothing to do"
show plan -f examples/portals --detailed-exitcode
