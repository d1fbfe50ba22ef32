// A bank whose accounts are live entities, kept as events, on three nodes: money is moved while one node goes without a
// word, no money is lost or made, and an account is looked at as it was before.

import assert from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';

import { HeadwaterError, temporary } from 'headwater';

const ACCOUNTS = 10;
const TRANSFERS = 200;
const CALLERS = 4;
const TIMEOUT_MS = 30_000;

const engine = await temporary();
const store = await engine.createEventStore();

// An account, whose state is what its events say.
class Account {
  static kind = 'account';

  async start({ kind, key }) {
    const loaded = await store.load(kind, key);
    this.position = loaded.position;
    this.balance = balanceOf(loaded);
  }

  // Takes `deposit` and `withdraw`, with the id of the command and an amount. Who asks twice means the same.
  async handle(message, { kind, key }) {
    const [command, amount] = message.payload.toString().split(' ');
    if ((await store.findCommand(kind, key, command)) === null) {
      const left = this.balance + (message.name === 'deposit' ? Number(amount) : -Number(amount));
      if (left < 0) throw new HeadwaterError('conflict', 'there is not enough in the account');
      const event = { eventType: message.name, data: amount };
      try {
        const saved = await store.save(kind, key, event, { expected: this.position, command });
        this.position = saved.position;
      } catch (error) {
        // Another node wrote it: what is known here is old, so this handler is to be begun anew.
        throw new Error(error.message, { cause: error });
      }
      this.balance = left;
    }
    return String(this.balance);
  }
}

function balanceOf({ events }) {
  const amounts = events.map(({ eventType, data }) => Number(data) * (eventType === 'deposit' ? 1 : -1));
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

// Asks until there is an answer: the same command again is the same one.
async function ask(bank, account, name, payload) {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await bank.request('account', `acc-${account}`, name, payload, { timeoutMs: 2_000 });
    } catch (error) {
      if (error.kind === 'conflict' || Date.now() > end) throw error;
      await sleep(20);
    }
  }
}

let moved = 0;

async function moveMoney(bank, caller) {
  for (let number = caller; number < TRANSFERS; number += CALLERS) {
    await ask(bank, number % ACCOUNTS, 'withdraw', `out-${number} 1`);
    await ask(bank, (number * 3 + 1) % ACCOUNTS, 'deposit', `in-${number} 1`);
    moved++;
  }
}

async function until(what, isSo) {
  const end = Date.now() + TIMEOUT_MS;
  while (!isSo()) {
    assert(Date.now() < end, `waited in vain for ${what}`);
    await sleep(1);
  }
}

// Nodes of the bank. Programs would each have one, on an engine that is connected to a hub or opened through the
// process that has the directory.
const start = (node) => engine.entities({ cluster: 'bank', node, ttlMs: 1_000 });
const nodes = await Promise.all(['north', 'east', 'west'].map(start));
const serving = nodes.map((node) => node.serve(Account));
const [north, east, west] = nodes;
await until('the nodes to share the shards', () => north.nodes().filter(({ shards }) => shards > 0).length === 3);
for (let account = 0; account < ACCOUNTS; account++) await ask(north, account, 'deposit', `open-${account} 100`);
const before = new Date();
await sleep(2);

const callers = Array.from({ length: CALLERS }, (_, caller) => moveMoney(caller % 2 === 0 ? north : west, caller));
await until('a quarter of the transfers', () => moved >= TRANSFERS / 4);
// It gives nothing back and says nothing: the others find out by themselves, and take its accounts.
await east.close();
console.log('node east is gone');
await Promise.all(callers);

let total = 0;
for (let account = 0; account < ACCOUNTS; account++) total += balanceOf(await store.load('account', `acc-${account}`));
console.log(`${moved} transfers, ${total} in the bank`);
assert.equal(total, ACCOUNTS * 100);
const then = await store.load('account', 'acc-3', { asOfTime: before });
console.log(`acc-3 had ${balanceOf(then)} before, by ${then.position.version} event`);
assert.deepEqual([balanceOf(then), then.position.version], [100, 1n]);
await Promise.all([north.close(), west.close()]);
await Promise.all(serving);
await engine.close();
