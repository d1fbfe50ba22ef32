'use strict';
// Headwater for Node: what the package exports. index.mjs gives the same to `import`.

const { Bucket, Entry, Watcher } = require('./lib/bucket.js');
const { Consumer, Message } = require('./lib/consumer.js');
const { Engine, attach, memory, open, openConfig, openSync, restore, temporary, verify } = require('./lib/engine.js');
const { HeadwaterError } = require('./lib/errors.js');
const { ObjectReader, ObjectStore, ObjectWatcher, ObjectWriter } = require('./lib/objects.js');
const { PointWatcher, Points } = require('./lib/points.js');
const { Record } = require('./lib/records.js');
const { Stream } = require('./lib/stream.js');
const { Subscription } = require('./lib/subscription.js');
const { testEnvironment } = require('./lib/testing.js');
const { decodeToken, encodeToken } = require('./lib/tokens.js');
const { version } = require('./package.json');

module.exports = {
  Bucket,
  Consumer,
  Engine,
  Entry,
  HeadwaterError,
  Message,
  ObjectReader,
  ObjectStore,
  ObjectWatcher,
  ObjectWriter,
  PointWatcher,
  Points,
  Record,
  Stream,
  Subscription,
  Watcher,
  attach,
  decodeToken,
  encodeToken,
  memory,
  open,
  openConfig,
  openSync,
  restore,
  temporary,
  testEnvironment,
  verify,
  version,
};
