#!/bin/sh
# Everything that breaks things under the built program, at length: xtask/faults.sh <binary> <rounds> <seed>
# Each line is one command, and can be given alone.
set -eu
cd "$(dirname "$0")/.."

limen=$1
rounds=$2
seed=$3
if [ -z "${LIMEN_TEST_POSTGRES:-}" ]; then
    sh xtask/postgres.sh install
    LIMEN_TEST_POSTGRES=$(sh xtask/postgres.sh start)
fi

cargo xtask faults kill --limen "$limen" --rounds "$rounds" --seed "$seed"
cargo xtask faults kill --limen "$limen" --rounds "$rounds" --seed "$seed" --postgres "$LIMEN_TEST_POSTGRES"
cargo xtask faults database --limen "$limen" --rounds "$rounds" --seed "$seed"
cargo xtask faults disk --limen "$limen" --rounds "$rounds" --seed "$seed"
cargo xtask faults mail --limen "$limen" --seed "$seed"
cargo xtask two-nodes --limen "$limen" --rounds "$rounds" --seed "$seed"
