'use strict';
// What a stream may be told: each field with its check, those that only a hub has included.

const { invalid } = require('./errors.js');
const { check, commitTime, flag, millis, text, texts, u32, u64 } = require('./options.js');

/** The check of an object that has these fields. */
function object(fields) {
  return (what, value) => check(what, value, fields);
}

/** The check of an array of such objects. */
function objects(fields) {
  return (what, value) => {
    if (!Array.isArray(value)) throw invalid(`${what} must be an array of objects`);
    return value.map((item) => check(what, item, fields));
  };
}

const TRANSFORM = { source: text, destination: text };
const SOURCE = {
  name: text, startSeq: u64, startTime: commitTime, filter: text, transforms: objects(TRANSFORM), domain: text,
};
const HUB = {
  replicas: u32,
  storage: text,
  placementCluster: text,
  placementTags: texts,
  sources: objects(SOURCE),
  mirror: object(SOURCE),
  subjectTransform: object(TRANSFORM),
  allowDirect: flag,
};
const STREAM = {
  name: text,
  subjects: texts,
  description: text,
  durability: text,
  syncIntervalMs: millis,
  maxAgeMs: millis,
  maxMsgs: u64,
  maxBytes: u64,
  maxMsgsPerSubject: u64,
  maxMsgSize: u32,
  discard: text,
  discardNewPerSubject: flag,
  duplicateWindowMs: millis,
  allowRollup: flag,
  denyDelete: flag,
  denyPurge: flag,
  compression: text,
  segmentBytes: u64,
  hub: object(HUB),
};

/** What a stream is told, checked. */
function streamRequest(what, config) {
  return check(what, config, STREAM);
}

module.exports = { streamRequest };
