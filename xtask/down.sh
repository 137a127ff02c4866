#!/bin/sh
# Stops the server that xtask/up.sh started. Open requests are answered first; after 15 seconds it is ended by force.
set -eu
cd "$(dirname "$0")/.."
. ./xtask/server.sh

if ! pid=$(our_pid); then
    rm -f "$pid_file"
    echo "limen is not running"
    exit 0
fi
kill -TERM "$pid"
tries=0
while our_pid >/dev/null; do
    if [ "$tries" -eq 150 ]; then
        echo "it does not stop by itself: ended by force" >&2
        kill -KILL "$pid" 2>/dev/null || true
    elif [ "$tries" -gt 200 ]; then
        echo "process $pid cannot be ended" >&2
        exit 1
    fi
    tries=$((tries + 1))
    sleep 0.1
done
rm -f "$pid_file"
echo "limen is down; its data are in .limen/"
