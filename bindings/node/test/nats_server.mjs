// A real nats-server for the tests: 2.15.1 from `.tools/nats`, on a free port of 127.0.0.1.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../.tools/nats/2.15.1/nats-server', import.meta.url));
const MS_MAX = 30_000;

/** One that runs, with its store in `dir`; `stop` ends it, by its process id. */
export class Server {
  #process;

  constructor(dir, ...args) {
    this.dir = dir;
    this.args = args;
    this.url = undefined;
  }

  static async start(dir, ...args) {
    const server = new Server(dir, ...args);
    await server.start('-1');
    return server;
  }

  /** Starts it at a port, by default the one that it had. */
  async start(port = new URL(this.url).port) {
    assert.ok(existsSync(PROGRAM), `${PROGRAM} is missing: run \`cargo xtask tools\``);
    const fixed = ['-js', '-a', '127.0.0.1', '-p', port, '--ports_file_dir', this.dir, '-sd', join(this.dir, 'store')];
    const server = spawn(PROGRAM, [...fixed, ...this.args], { stdio: 'ignore' });
    // A test that does not come to its end ends all the same.
    server.unref();
    process.once('exit', () => server.kill('SIGKILL'));
    this.#process = server;
    const ports = join(this.dir, `nats-server_${this.#process.pid}.ports`);
    for (const end = Date.now() + MS_MAX; ; await sleep(10)) {
      assert.ok(Date.now() < end, 'the server did not come up');
      const url = /nats:\/\/[^"]+(?=")/.exec(await readFile(ports, 'utf8').catch(() => ''));
      if (url === null) continue;
      [this.url] = url;
      return;
    }
  }

  async stop() {
    this.#process.ref();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
