#!/bin/sh
# What the browser test needs: xtask/browser.sh install. Installs node, npm and chromium with apt if they are missing, or
# says what to install.
set -eu

[ "${1:-}" = install ] || {
    sed -n '2,3s/^# \{0,1\}//p' "$0"
    exit 2
}
missing=
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
if [ -z "${CHROMIUM:-}" ]; then
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # Word splitting is meant: one package a word.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    exit 0
fi
echo "The browser test needs:$missing (Debian, Ubuntu: sudo apt-get install$missing)" >&2
exit 1
