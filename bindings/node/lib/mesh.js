'use strict';
// Meshes: what one is told to join it.

const { check, millis, text, texts } = require('./options.js');

const MESH = {
  name: text,
  bind: text,
  advertise: text,
  seeds: texts,
  ca: text,
  cert: text,
  key: text,
  serverName: text,
  stores: texts,
  preset: text,
  horizonMs: millis,
};

/** What a node of a mesh is told, checked. */
function meshRequest(config) {
  return check('mesh', config, MESH);
}

module.exports = { meshRequest };
