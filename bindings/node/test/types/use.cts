// Compiled, never run: the declarations through `require`.

import headwater = require('headwater');

const engine: headwater.Engine = headwater.memory();
const closed: Promise<void> = engine.close();
console.log(closed);
