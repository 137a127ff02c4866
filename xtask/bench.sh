#!/bin/sh
# Measures the program on SQLite and, where it is installed, PostgreSQL: xtask/bench.sh <folder of release programs> <seed> <groups>
set -eu
cd "$(dirname "$0")/.."

programs=$1
seed=$2
only=$3
if [ -z "${LIMEN_TEST_POSTGRES:-}" ]; then
    # Without the server's programs, SQLite alone is measured.
    LIMEN_TEST_POSTGRES=$(sh xtask/postgres.sh start 2>/dev/null || true)
fi
set -- --limen "$programs/limen" --hash-rate "$programs/examples/hash_rate" --seed "$seed"
if [ -n "$only" ]; then set -- "$@" --only "$only"; fi
if [ -n "$LIMEN_TEST_POSTGRES" ]; then set -- "$@" --postgres "$LIMEN_TEST_POSTGRES"; fi
cargo xtask bench "$@"
