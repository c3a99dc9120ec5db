#!/usr/bin/env bash
# Plays the coding agent: does the work of one delegated step, whose id is the argument. What a real agent would write
# is in agent/STEP/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
step=${1:?which step}
[ -d "agent/$step" ] || { echo "agent.sh: no such step: $step" >&2; exit 1; }
mkdir -p login
cp -R "agent/$step/." login/
