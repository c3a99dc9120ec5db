#!/usr/bin/env bash
# docs/openapi.yaml describes each route with its method, and the README names each.
set -euo pipefail
fail() { echo "openapi.sh: $*" >&2; exit 1; }
for file in service/docs/openapi.yaml service/README.md; do [ -f "$file" ] || fail "$file is missing"; done
described=$(awk '/^paths:/ { inside = 1; next } /^[a-z]/ { inside = 0 }
  inside && /^  \// { path = $1; sub(/:$/, "", path) }
  inside && /^    (get|post|put|patch|delete):/ { method = $1; sub(/:$/, "", method); print toupper(method), path }' service/docs/openapi.yaml)
while read -r method path; do
  grep -qxF "$method $path" <<<"$described" || fail "docs/openapi.yaml does not describe $method $path"
  grep -F "\`$path\`" service/README.md | grep -qwF "$method" || fail "README.md does not name $method $path"
done <<'ROUTES'
GET /api/tasks
POST /api/tasks
GET /api/tasks/{id}
PUT /api/tasks/{id}
DELETE /api/tasks/{id}
ROUTES
