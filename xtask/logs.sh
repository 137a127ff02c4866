#!/bin/sh
# Follows the log of the server that xtask/up.sh started.
set -eu
cd "$(dirname "$0")/.."
. ./xtask/server.sh

if [ ! -f "$log" ]; then
    echo "There is no log yet: make up starts the server." >&2
    exit 1
fi
our_pid >/dev/null || echo "limen is not running; this is the log of its last run:" >&2
# -F also follows the new file of the next start. Ctrl-C is how this ends, so it is no failure.
trap 'exit 0' INT
tail -n 100 -F "$log"
