'use strict';
// Headwater for Node: what the package exports. index.mjs gives the same to `import`.

const { AggregateType, Root, upcast } = require('./lib/aggregate.js');
const { Bucket, Entry, Watcher } = require('./lib/bucket.js');
const { ChangeWatcher } = require('./lib/changes.js');
const { Connection, RawText } = require('./lib/connection.js');
const { Consumer, Message } = require('./lib/consumer.js');
const { CrdtStore, CrdtWatcher } = require('./lib/crdt.js');
const {
  BoundedCounter, Counter, Flag, GrowCounter, MergeMap, MergeSet, MultiRegister, Register,
} = require('./lib/crdt_handles.js');
const { Json } = require('./lib/crdt_values.js');
const { Database } = require('./lib/database.js');
const {
  Engine,
  attach,
  connect,
  memory,
  open,
  openConfig,
  openSync,
  restore,
  temporary,
  verify,
} = require('./lib/engine.js');
const { Entities, shardOf, shardOwner } = require('./lib/entities.js');
const { EntitiesClient } = require('./lib/entities_client.js');
const { EntityContext } = require('./lib/entity_context.js');
const { HeadwaterError } = require('./lib/errors.js');
const { Event, EventFeed, EventStore } = require('./lib/events.js');
const { HubStates } = require('./lib/hub.js');
const { MemoryModel } = require('./lib/memory_model.js');
const { ObjectReader, ObjectStore, ObjectWatcher, ObjectWriter } = require('./lib/objects.js');
const { PointWatcher, Points } = require('./lib/points.js');
const { HeldSession, Presence, PresenceWatcher } = require('./lib/presence.js');
const { Projection } = require('./lib/projection.js');
const { Record } = require('./lib/records.js');
const { Replica } = require('./lib/replica.js');
const { Repository } = require('./lib/repository.js');
const { SqliteModel } = require('./lib/sqlite_model.js');
const { Stream } = require('./lib/stream.js');
const { Subscription } = require('./lib/subscription.js');
const { given, testEnvironment } = require('./lib/testing.js');
const { decodeToken, encodeToken } = require('./lib/tokens.js');
const { version } = require('./package.json');

module.exports = {
  AggregateType,
  BoundedCounter,
  Bucket,
  ChangeWatcher,
  Connection,
  Consumer,
  Counter,
  CrdtStore,
  CrdtWatcher,
  Database,
  Engine,
  Entities,
  EntitiesClient,
  EntityContext,
  Entry,
  Event,
  EventFeed,
  EventStore,
  Flag,
  GrowCounter,
  HeadwaterError,
  HeldSession,
  HubStates,
  Json,
  MemoryModel,
  MergeMap,
  MergeSet,
  Message,
  MultiRegister,
  ObjectReader,
  ObjectStore,
  ObjectWatcher,
  ObjectWriter,
  PointWatcher,
  Points,
  Presence,
  PresenceWatcher,
  Projection,
  RawText,
  Record,
  Register,
  Replica,
  Repository,
  Root,
  SqliteModel,
  Stream,
  Subscription,
  Watcher,
  attach,
  connect,
  decodeToken,
  encodeToken,
  given,
  memory,
  open,
  openConfig,
  openSync,
  restore,
  shardOf,
  shardOwner,
  temporary,
  testEnvironment,
  upcast,
  verify,
  version,
};
