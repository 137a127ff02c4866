#!/bin/sh
# Two nodes on one PostgreSQL database behind a proxy, on this machine, until Ctrl-C: examples/two-nodes/run.sh
#   DSN      the database, which must be empty or limen's: postgres://… (without it, the PostgreSQL of `make postgres`)
#   LIMEN    the program (without it, what `make build` made)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"

limen=${LIMEN:-${CARGO_TARGET_DIR:-$root/target}/debug/limen}
[ -x "$limen" ] || {
    echo "$limen is not there: make build" >&2
    exit 1
}
if [ -z "${DSN:-}" ]; then
    sh xtask/postgres.sh install
    server=$(sh xtask/postgres.sh start)
    psql=$(command -v psql || ls /usr/lib/postgresql/*/bin/psql | tail -n 1)
    "$psql" -X -q -d "$server" -c 'CREATE DATABASE two_nodes' 2>/dev/null || true
    DSN=$(echo "$server" | sed 's|/postgres?|/two_nodes?|')
fi
export DSN

folder=$(mktemp -d)
sed "s|@HERE@|$here|" "$here/limen.yml" >"$folder/limen.yml"
# Ends what runs in the background, whatever ends this.
trap 'trap - EXIT; kill $first $second 2>/dev/null; wait; rm -rf "$folder"' EXIT INT TERM
# Once, before the nodes: they would wait for each other, but a release that migrates does it first, too.
"$limen" migrate sql up -y -c "$folder/limen.yml"
SERVE_PUBLIC_PORT=4441 SERVE_ADMIN_PORT=4442 "$limen" serve identity --dev -c "$folder/limen.yml" &
first=$!
SERVE_PUBLIC_PORT=4451 SERVE_ADMIN_PORT=4452 "$limen" serve identity --dev -c "$folder/limen.yml" &
second=$!
echo "nodes: process $first on ports 4441 and 4442, process $second on 4451 and 4452; kill -TERM one of them and look"
cargo xtask proxy --port 4433 127.0.0.1:4441 127.0.0.1:4451
