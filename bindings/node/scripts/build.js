'use strict';
// Builds the native half and leaves it beside package.json as headwater.node.
//
// npm runs this when a clone's folder is installed or packed; a package from the registry brings the native half along
// and runs nothing. The profile is release unless HEADWATER_PROFILE names another one of Cargo's (such as dev);
// HEADWATER_LIBRARY names a native half that is built already.

const { spawnSync } = require('node:child_process');
const { copyFileSync, renameSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const addon = join(root, 'headwater.node');

function fail(message) {
  console.error(`headwater: ${message}`);
  process.exit(1);
}

function build() {
  const profile = process.env.HEADWATER_PROFILE || 'release';
  const options = ['--lib', '--profile', profile, '--message-format', 'json-render-diagnostics'];
  const cargo = spawnSync('cargo', ['build', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (cargo.error?.code === 'ENOENT') {
    fail('building from source needs Rust: https://rustup.rs has the installer, then install again');
  }
  if (cargo.status !== 0) {
    fail(`cargo build ended with ${cargo.error?.message ?? cargo.signal ?? `exit code ${cargo.status}`}`);
  }
  return libraryOf(cargo.stdout);
}

// The path of the library, as Cargo tells it: no guess about target directories or file names of platforms.
function libraryOf(output) {
  const messages = output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const library = messages.find((m) => m.reason === 'compiler-artifact' && m.target.name === 'headwater_node'
    && m.target.kind.includes('cdylib'));
  return library?.filenames.find((name) => /\.(so|dylib|dll)$/.test(name)) ?? fail('cargo built no library');
}

const library = process.env.HEADWATER_LIBRARY || build();
// Copied beside and renamed: a process that has the old one loaded keeps it.
copyFileSync(library, `${addon}.new`);
renameSync(`${addon}.new`, addon);
