#!/bin/sh
# Drives the built binary through a browser: tests/browser/run.sh <path to limen> [--pictures]
# Needs node (20 or later), npm and chromium (CHROMIUM=<path> if it lies elsewhere).
set -eu

fail() {
  echo "browser test: $1" >&2
  exit 1
}

[ $# -ge 1 ] || fail "usage: tests/browser/run.sh <path to limen> [--pictures]"
limen=$1
shift
[ -x "$limen" ] || fail "$limen is not there or cannot be run; build it first (make build)"
limen=$(cd "$(dirname "$limen")" && pwd)/$(basename "$limen")
cd "$(dirname "$0")"

for tool in node npm; do
  command -v "$tool" >/dev/null || fail "$tool is missing (Debian: apt install nodejs npm)"
done
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] && [ -x "$chromium" ] || fail "chromium is missing (Debian: apt install chromium), or set CHROMIUM=<path>"

# The two packages are fetched once; they are checked against the lock file.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error || fail "npm ci could not fetch playwright-core and axe-core"
  touch node_modules/.package-lock.json
fi

LIMEN=$limen CHROMIUM=$chromium exec node walk.mjs "$@"
