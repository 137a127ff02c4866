#!/bin/sh
# Plays the demo against the server of this checkout, if it runs; otherwise says how to start it.
set -eu
cd "$(dirname "$0")/.."
. ./xtask/server.sh

our_pid >/dev/null || {
    echo "limen is not running: make up starts it" >&2
    exit 1
}
cargo xtask demo --public "$(address_of 'public API')" --admin "$(address_of 'admin API')" --inbox "$(address_of inbox)"
