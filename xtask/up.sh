#!/bin/sh
# Starts the server in the background, with its data in .limen/, and waits until it answers: xtask/up.sh <binary>
set -eu
cd "$(dirname "$0")/.."
. ./xtask/server.sh

limen=$1

if pid=$(our_pid); then
    echo "limen runs already (process $pid):"
    where_to_look
    echo "  make restart starts the new build in its place"
    exit 0
fi

# Private: the folder will hold keys. An existing folder keeps its mode.
[ -d "$data" ] || (umask 077 && mkdir -p "$data")
rm -f "$pid_file"
[ ! -f "$log" ] || mv "$log" "$log.old"
(umask 077 && : >"$log")

# A session of its own, where that exists: closing the terminal does not reach it.
set -- "$limen" serve --dev --auto-migrate --data "$data"
if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
"$@" >>"$log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pid_file"

crashed() {
    rm -f "$pid_file"
    echo "limen did not start. The end of .limen/limen.log:" >&2
    tail -n 15 "$log" | sed 's/^/  | /' >&2
    if grep -q 'already in use' "$log"; then
        echo "Another program has that port: stop it, or change the port in .limen/limen.yml (below identity.serve)." >&2
        echo "Where base_url and ui_url in that file name the port, change it there as well." >&2
    fi
    exit 1
}

answers() {
    if command -v curl >/dev/null 2>&1; then
        curl -fs -o /dev/null --max-time 2 "${1%/}/health/ready" 2>/dev/null
    else
        # The sockets are open before the log names them.
        [ -n "$1" ]
    fi
}

# Thirty seconds: a first start takes a fraction of one, a start on a loaded machine a few.
tries=0
while [ "$tries" -lt 300 ]; do
    kill -0 "$pid" 2>/dev/null || crashed
    public=$(address_of 'public API')
    if [ -n "$public" ] && answers "$public"; then
        echo "limen is up (process $pid):"
        where_to_look
        exit 0
    fi
    tries=$((tries + 1))
    sleep 0.1
done
echo "limen runs (process $pid), but does not answer at ${public:-any address} after 30 seconds. Its log: make logs" >&2
echo "To stop it: make down" >&2
exit 1
