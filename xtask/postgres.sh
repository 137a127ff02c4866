#!/bin/sh
# A PostgreSQL server for the tests, of this checkout alone: it listens on one free port of 127.0.0.1, keeps its data in
# .limen/postgres and is tuned to forget everything in a crash. Used by the Makefile.
#
#   xtask/postgres.sh install   install PostgreSQL with apt if it is missing, or say what to install
#   xtask/postgres.sh start     make the cluster if there is none, start it, print its URL
#   xtask/postgres.sh stop      stop it; the data stays
#   xtask/postgres.sh url       print the URL for LIMEN_TEST_POSTGRES
#   xtask/postgres.sh remove    stop it and delete its data
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
notes="$root/.limen"

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

# The folder of the server's programs: on the path, or where distributions hide them; the newest if there are several.
programs() {
    if command -v initdb >/dev/null 2>&1 && command -v pg_ctl >/dev/null 2>&1; then
        dirname "$(command -v initdb)"
        return
    fi
    ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        2>/dev/null | sort -V | while read -r folder; do
        if [ -x "$folder/initdb" ]; then echo "$folder"; fi
    done | tail -n 1
}

# PostgreSQL refuses to run as root: root lends it the user postgres.
as_server() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v runuser >/dev/null 2>&1; then
        (cd / && runuser -u postgres -- "$@")
    else
        (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
    fi
}

# Where the cluster lives. Remembered, as it may have had to move: the user postgres can't enter every checkout.
folder() {
    if [ -f "$notes/postgres.folder" ]; then
        cat "$notes/postgres.folder"
        return
    fi
    mkdir -p "$notes"
    chosen="$notes/postgres"
    if [ "$(id -u)" -eq 0 ]; then
        id postgres >/dev/null 2>&1 || fail "there is no user postgres to run the server as: run xtask/postgres.sh install"
        mkdir -p "$chosen"
        chown postgres "$chosen"
        if ! as_server test -w "$chosen" -a -x "$chosen"; then
            rmdir "$chosen"
            chosen=$(as_server mktemp -d "${TMPDIR:-/tmp}/limen-postgres.XXXXXX")
        fi
    else
        mkdir -p "$chosen"
    fi
    echo "$chosen" >"$notes/postgres.folder"
    echo "$chosen"
}

# A port that nothing listens on. Remembered, so that the URL stays the same from start to start.
port() {
    if [ ! -f "$notes/postgres.port" ]; then
        candidate=$((20000 + ($$ + $(date +%s)) % 20000))
        while listens "$candidate"; do candidate=$((candidate + 1)); done
        mkdir -p "$notes"
        echo "$candidate" >"$notes/postgres.port"
    fi
    cat "$notes/postgres.port"
}

listens() {
    if [ -r /proc/net/tcp ]; then
        hex=$(printf ':%04X ' "$1")
        cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q "$hex.* 0A "
    elif command -v nc >/dev/null 2>&1; then
        nc -z 127.0.0.1 "$1" >/dev/null 2>&1
    else
        return 1
    fi
}

# A certificate for localhost, signed by a root of its own, for the tests of sslmode. Without openssl they are left out.
certificate() {
    if [ -f "$home/server.key" ] || ! command -v openssl >/dev/null 2>&1; then return; fi
    as_server sh -eu -c '
        cd "$1"
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 3650 -subj "/CN=limen test root" \
            -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey rsa:2048 -nodes -keyout new.key -out server.csr -subj "/CN=limen test server"
        printf "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n" >server.ext
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile server.ext \
            -out server.crt
        chmod 600 new.key
        rm -f ca.key server.csr server.ext ca.srl
        mv new.key server.key
    ' certificate "$home" >/dev/null 2>&1 || fail "the certificate could not be made in $home"
}

url() {
    [ -f "$notes/postgres.port" ] || fail "there is no server yet: run xtask/postgres.sh start"
    echo "postgres://limen@127.0.0.1:$(cat "$notes/postgres.port")/postgres?sslmode=disable"
}

is_running() {
    as_server "$bin/pg_ctl" status -D "$data" >/dev/null 2>&1
}

install_server() {
    if [ -n "$(programs)" ]; then return; fi
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        # Without this the package makes and starts a cluster of its own.
        mkdir -p /etc/postgresql-common
        [ -f /etc/postgresql-common/createcluster.conf ] ||
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
        [ -n "$(programs)" ] || fail "apt-get installed postgresql, but initdb is nowhere to be found"
        return
    fi
    fail "PostgreSQL is missing. Install the server (Debian, Ubuntu: sudo apt-get install postgresql; Fedora:" \
        "sudo dnf install postgresql-server; macOS: brew install postgresql) and run this again"
}

locate() {
    bin=$(programs)
    [ -n "$bin" ] || fail "PostgreSQL is missing: run xtask/postgres.sh install"
    home=$(folder)
    data="$home/data"
}

start() {
    locate
    if is_running; then
        url
        return
    fi
    if [ ! -f "$data/PG_VERSION" ]; then
        as_server "$bin/initdb" -D "$data" -U limen --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null ||
            fail "the cluster could not be made in $data"
    fi
    certificate
    number=$(port)
    if listens "$number"; then
        # Somebody else took the port while the server was down.
        rm -f "$notes/postgres.port"
        number=$(port)
    fi
    # Nothing here is worth a flush to disk. Many connections: each test has a database and a pool of its own.
    options="-c port=$number -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    options="$options -c synchronous_commit=off -c full_page_writes=off -c max_connections=500 -c shared_buffers=128MB"
    if [ -f "$home/server.key" ]; then
        options="$options -c ssl=on -c ssl_ca_file=$home/ca.crt -c ssl_cert_file=$home/server.crt -c ssl_key_file=$home/server.key"
    fi
    as_server "$bin/pg_ctl" start -D "$data" -w -t 30 -s -l "$home/log" -o "$options" ||
        fail "the server did not start; its log: $home/log"
    url
}

stop() {
    [ -f "$notes/postgres.folder" ] || return 0
    locate
    if is_running; then as_server "$bin/pg_ctl" stop -D "$data" -m immediate -s; fi
}

remove() {
    [ -f "$notes/postgres.folder" ] || return 0
    stop
    rm -rf "$(cat "$notes/postgres.folder")"
    rm -f "$notes/postgres.folder" "$notes/postgres.port"
}

case "${1:-}" in
install) install_server ;;
start) start ;;
stop) stop ;;
url) url ;;
remove) remove ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
