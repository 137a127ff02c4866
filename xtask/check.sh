#!/bin/sh
# Everything that can be said about the sources without running them.
set -eu
cd "$(dirname "$0")/.."

step() { echo "check: $*"; }

step "scripts"
for script in xtask/*.sh tests/browser/*.sh; do sh -n "$script"; done
bash -n .ci/run
step "format"
cargo fmt --all --check
step "file sizes"
cargo xtask sizes
step "layers"
cargo xtask layers
step "lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
if command -v cargo-deny >/dev/null 2>&1; then
    step "licences, advisories and bans"
    cargo deny --locked check
else
    step "licences, advisories and bans: SKIPPED, as cargo-deny is not installed (cargo install cargo-deny)"
fi
step "all is well"
