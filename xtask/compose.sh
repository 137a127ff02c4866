#!/bin/sh
# limen and PostgreSQL in containers (compose.yaml): xtask/compose.sh up | down | logs
set -eu
cd "$(dirname "$0")/.."

if ! command -v docker >/dev/null 2>&1; then
    echo "STACK=compose needs Docker with its compose plugin, and docker is not installed. Without containers: make up" >&2
    exit 1
fi
if ! docker info >/dev/null 2>&1; then
    echo "STACK=compose needs a container daemon, and none runs here: start Docker, or use make up without STACK." >&2
    exit 1
fi

secrets=.limen/compose.env
if [ ! -f "$secrets" ]; then
    [ -d .limen ] || (umask 077 && mkdir -p .limen)
    # Under another name first: two starts at once would write one file twice.
    (umask 077 && printf 'POSTGRES_PASSWORD=%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >"$secrets.$$")
    ln "$secrets.$$" "$secrets" 2>/dev/null || true
    rm -f "$secrets.$$"
fi
compose() { docker compose --env-file "$secrets" "$@"; }

case "${1:-}" in
up)
    compose up --build --wait
    echo "limen is up, in containers:"
    echo "  pages       http://localhost:4455/"
    echo "  inbox       http://localhost:4436/     the mails it would have sent"
    echo "  public API  http://localhost:4433/"
    echo "  make logs STACK=compose shows what it does; make down STACK=compose stops it, its data stay in volumes"
    ;;
down) compose down ;;
logs) compose logs --follow --tail 100 ;;
*)
    echo "compose.sh: up, down or logs" >&2
    exit 2
    ;;
esac
