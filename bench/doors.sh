#!/bin/sh
# Builds what the rows `calls` and `entities_calls` measure, in release: the C library, a Python environment with our
# wheel, and the Node packages (ours, and better-sqlite3, which is compiled where there is no ready-made one).
set -eu
cd "$(dirname "$0")"

(cd .. && cargo build --release -p headwater-ffi)

[ -x target/venv/bin/python ] || python3 -m venv target/venv
target/venv/bin/pip install --quiet --force-reinstall ../bindings/python

# npm keeps a copy that it has, whatever became of its source since.
rm -rf node/node_modules/headwater
(cd node && npm install --no-audit --no-fund)
