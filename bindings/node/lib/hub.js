'use strict';
// Hubs and links: how one is reached, what a link is told, and the states of a connection as they come.

const { invalid } = require('./errors.js');
const { LIMITS, check, flag, millis, text, texts, u32 } = require('./options.js');
const { Follower } = require('./source.js');
const { streamRequest } = require('./stream_config.js');
const { same } = require('./waits.js');

const CONNECT = {
  urls: texts,
  name: text,
  token: text,
  user: text,
  password: text,
  nkeySeed: text,
  credentialsFile: text,
  caFile: text,
  certFile: text,
  keyFile: text,
  requireTls: flag,
  tlsFirst: flag,
  domain: text,
  apiPrefix: text,
  requestTimeoutMs: millis,
  connectTimeoutMs: millis,
  reconnectDelayMinMs: millis,
  reconnectDelayMaxMs: millis,
  window: u32,
  replicas: u32,
  retryOnInitialConnect: flag,
  ...LIMITS,
};
const LINK = {
  name: text,
  stream: text,
  remote: text,
  direction: text,
  filters: texts,
  map: prefixes,
  catchUp: text,
  onReset: text,
  exclusive: flag,
  create: streamRequest,
};
const CALLS = {
  next: 'hubWatcherNext', tryNext: 'hubWatcherTryNext',
  close: 'hubWatcherClose', release: 'releaseHubWatcher',
};

function prefixes(what, value) {
  if (typeof value !== 'object' || value === null) throw invalid(`${what} must be an object of strings`);
  return Object.entries(value).map(([local, remote]) => [text(`${what}: prefix`, local), text(what, remote)]);
}

/** The options of a connection: an address, several, or an object that has them as `urls`. */
function connectOptions(options) {
  return typeof options === 'string' || Array.isArray(options) ? { urls: texts('urls', options) } : options ?? {};
}

/** What a link is told, checked. */
function linkRequest(config) {
  const request = check('link', config, LINK);
  for (const name of ['name', 'stream', 'remote']) {
    if (request[name] === undefined) throw invalid(`link: ${name} is missing`);
  }
  return request;
}

/** The states of a connection to a hub: the one now, then whenever it changes. */
class HubStates extends Follower {
  constructor(id) {
    super(id, CALLS, same, 1);
  }
}

module.exports = { CONNECT, HubStates, connectOptions, linkRequest };
