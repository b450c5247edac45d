// Networks on the GPU, as gpu.js calls them.

import { answerCalls } from "./calls.js";
import { Networks } from "./networks.js";

let networks;

answerCalls({
  start(manifest) {
    networks = new Networks(manifest, "webgpu");
  },

  run: (id, inputs) => networks.run(id, inputs),
});
