// The types of the package for `import`: the same as for `require`, and the whole as default.

export * from './index.js';
import * as headwater from './index.js';
export default headwater;
