#!/bin/sh
# Plays the demo against a built program on a PostgreSQL database that is made for it and dropped again:
# xtask/walk_postgres.sh <binary>, with the server in LIMEN_TEST_POSTGRES
set -eu
cd "$(dirname "$0")/.."

limen=$1
server=$LIMEN_TEST_POSTGRES
psql=$(command -v psql || ls /usr/lib/postgresql/*/bin/psql 2>/dev/null | tail -n 1)
[ -n "$psql" ] || {
    echo "psql is missing: install PostgreSQL's client programs" >&2
    exit 1
}
name="walk_$$_$(date +%s)"
"$psql" -X -q -d "$server" -c "CREATE DATABASE $name"
trap '"$psql" -X -q -d "$server" -c "DROP DATABASE $name WITH (FORCE)"' EXIT
# The path of the URL is the database: everything between the last slash and the options.
case "$server" in
*\?*) dsn="${server%/*}/$name?${server#*\?}" ;;
*) dsn="${server%/*}/$name" ;;
esac
cargo xtask walk --limen "$limen" --dsn "$dsn"
