// The declarations say what is there: every export, and every method and property of every class, both ways.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as headwater from 'headwater';

const declarations = await readFile(new URL('../index.d.ts', import.meta.url), 'utf8');

/** The names that the declaration of a class lists, or undefined when there is none. */
function declared(name) {
  const head = `class ${name}_?(?:<[\\w, ]+>)?(?: extends [\\w<>]+| implements [\\w<>]+)*`;
  const body = new RegExp(`${head} \\{(?:\\n(.*?)\\n)?\\}`, 's');
  const match = declarations.match(body);
  if (match === null) return undefined;
  const members = (match[1] ?? '').matchAll(/^ {2}(?:readonly )?(\w+)(?=[(<:])/gm);
  return new Set([...members].map((m) => m[1]).filter((member) => member !== 'constructor' && member !== 'protected'));
}

function methods(prototype) {
  return new Set(Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor' && name !== 'name'));
}

test('both ways of loading give the same objects', () => {
  const required = createRequire(import.meta.url)('headwater');
  assert.equal(headwater.default, required);
  for (const [name, value] of Object.entries(required)) assert.equal(headwater[name], value, name);
  const own = (name) => name !== 'default' && name !== 'module.exports';
  assert.deepEqual(Object.keys(headwater).filter(own).sort(), Object.keys(required).sort());
});

test('every export is declared', () => {
  for (const name of Object.keys(headwater.default)) {
    const pattern = new RegExp(`export (?:class|function|const) ${name}\\b|export \\{ \\w+ as ${name} \\}`);
    assert.match(declarations, pattern, name);
  }
  for (const [, name] of declarations.matchAll(/^export (?:class|function|const) (\w+)/gm)) {
    assert.ok(name === 'Record_' || name in headwater, `${name} is declared and not there`);
  }
});

test('every method is declared, and every declared one is there', () => {
  const follower = Object.getPrototypeOf(headwater.Subscription.prototype);
  const source = Object.getPrototypeOf(follower);
  const classes = Object.entries(headwater.default).filter(([, value]) => /^class /.test(String(value)));
  for (const [name, made] of [...classes, ['Source', source.constructor], ['Follower', follower.constructor]]) {
    const names = declared(name);
    assert.ok(names, `${name} is not declared`);
    for (const method of methods(made.prototype)) assert.ok(names.has(method), `${name}.${method} is not declared`);
    const there = (member) => member in made.prototype || new RegExp(`this\\.${member} =`).test(String(made));
    for (const member of names) assert.ok(there(member), `${name}.${member} is not there`);
  }
});
