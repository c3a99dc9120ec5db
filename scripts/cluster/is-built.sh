#!/usr/bin/env bash
# Ends with 0 where the programs of the cluster are there already, so that it comes up in seconds.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
for program in $programs; do
  [ -x "$bin/$program" ] || exit 1
done
