#!/bin/sh
# All tests, after `make check`: xtask/test.sh <binary> <profile>
# What is missing (PostgreSQL, node, chromium) is installed where this may be done: as root, with apt.
# Exported beforehand, LIMEN_TEST_POSTGRES names the PostgreSQL server to use instead of one of our own.
set -eu
cd "$(dirname "$0")/.."

limen=$1
profile=$2
step() { echo "test: $*"; }

step "PostgreSQL"
if [ -z "${LIMEN_TEST_POSTGRES:-}" ]; then
    sh xtask/postgres.sh install
    # The server outlives the tests: the next run is quicker. make postgres-stop stops it.
    LIMEN_TEST_POSTGRES=$(sh xtask/postgres.sh start)
    export LIMEN_TEST_POSTGRES
fi

step "unit and integration tests, on SQLite and PostgreSQL"
# All failures are worth knowing at once.
cargo test --workspace --locked --quiet --no-fail-fast

step "the program, outside the checkout: SQLite"
cargo build --locked --quiet --profile "$profile" -p limen
cargo xtask walk --limen "$limen"

step "the program, outside the checkout: PostgreSQL"
sh xtask/walk_postgres.sh "$limen"

# In short: what make faults does at length. A full disk is left to it, as that takes minutes.
step "the program killed, its mail server gone"
cargo xtask faults kill --limen "$limen" --rounds 40
cargo xtask faults kill --limen "$limen" --rounds 40 --postgres "$LIMEN_TEST_POSTGRES"
cargo xtask faults mail --limen "$limen"
step "two nodes on one database"
cargo xtask two-nodes --limen "$limen" --rounds 40

step "the pages in a browser"
sh xtask/browser.sh install
tests/browser/run.sh "$limen"

step "all is well"
