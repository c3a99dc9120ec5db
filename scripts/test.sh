#!/usr/bin/env bash
# Every check of the project, fast ones first. Installs the tools it needs, once.
. "$(dirname "$0")/environment.sh"

say "Format"
cargo fmt --all --check

say "Lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

say "Tests"
if [ -z "${ENACT_KONNECT_OPENAPI:-}" ] && [ -f ../shared/konnect/openapi.yaml ]; then
  ENACT_KONNECT_OPENAPI=$(cd ../shared/konnect && pwd)/openapi.yaml
fi
if [ -n "${ENACT_KONNECT_OPENAPI:-}" ]; then
  export ENACT_KONNECT_OPENAPI
else
  unset ENACT_KONNECT_OPENAPI
  echo "skipped: the local Konnect against the published OpenAPI (ENACT_KONNECT_OPENAPI names no file)"
fi
if ! command -v strace >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  (apt-get update -qq && apt-get install -y -qq strace) >/dev/null 2>&1 || true
fi
command -v strace >/dev/null || echo "skipped: killing real processes at every system call (strace is not installed)"
# Where the servers are, the example must run; where they cannot be had, that is said.
if scripts/databases.sh; then
  export ENACT_REQUIRE_DATABASES=1
fi
[ -n "${ENACT_TEST_KONNECT:-}" ] || echo "skipped: scenarios against a real organisation (ENACT_TEST_KONNECT is not set)"
# Kept, so that docs/requirements.md can be held against it.
tested=$CARGO_TARGET_DIR/tests.txt
(set -o pipefail; cargo test --locked --workspace 2>&1 | tee "$tested")

say "Without features"
cargo check --locked -p enact-konnect --no-default-features
cargo check --locked -p enact --no-default-features

# From here on the program that was just tested is taken, instead of building it with other features again.
export ENACT_BINARY=$CARGO_TARGET_DIR/debug/enact

say "Generated files"
scripts/generate.sh
if [ -n "$(git status --porcelain -- docs/reference deploy)" ]; then
  git --no-pager diff -- docs/reference deploy
  echo "docs/reference or deploy is not what the code generates: run scripts/generate.sh and commit" >&2
  exit 1
fi

say "Chart"
scripts/chart.sh

say "Alerts"
scripts/monitoring.sh

say "Dependencies: bans, licences, sources"
if ! command -v cargo-deny >/dev/null; then
  cargo install --locked --quiet --root "$ENACT_TOOLS" --target-dir "$CARGO_TARGET_DIR/tools" cargo-deny
fi
cargo deny --log-level error check bans licenses sources
if timeout 60 cargo deny --log-level error fetch db >/dev/null 2>&1; then
  cargo deny --log-level error check advisories
else
  echo "skipped: advisories (their database cannot be reached from here)"
fi
# What takes long and needs more than a compiler comes last, and only while there is time for it.
: "${ENACT_TEST_MINUTES:=82}"
left() { [ $((SECONDS / 60 + $1)) -le "$ENACT_TEST_MINUTES" ]; }

say "The executor on a real Kubernetes"
clustered=$CARGO_TARGET_DIR/cluster.txt
export ENACT_CLUSTER_MINUTES=${ENACT_CLUSTER_MINUTES:-32}
if scripts/cluster/is-built.sh || left 45; then
  (set -o pipefail; scripts/cluster/test.sh 2>&1 | tee "$clustered")
else
  echo "skipped: a cluster ($((SECONDS / 60)) minutes are gone, and Kubernetes is not built; ENACT_TEST_MINUTES=$ENACT_TEST_MINUTES)" | tee "$clustered"
fi

say "Lines that tests run"
if left 15; then
  timeout 900 scripts/coverage.sh || echo "coverage could not be measured; what there is of it is above"
else
  echo "skipped: coverage ($((SECONDS / 60)) minutes are gone; ENACT_TEST_MINUTES=$ENACT_TEST_MINUTES)"
fi

say "Requirements of the executor"
grep -q "^all of it holds" "$clustered" || clustered=
scripts/requirements.sh "$tested" $clustered

say "Everything passed"
