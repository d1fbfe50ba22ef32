// The package for `import`: the very objects of index.js, so that both ways in one process share one engine.

import headwater from './index.js';

export const {
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
} = headwater;
export default headwater;
