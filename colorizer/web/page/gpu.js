// WebGPU, where it gives the colors of WebAssembly in less time. ONNX Runtime 1.30 gives other colors by some networks there, at
// some sizes of the photo. So WebAssembly colors the first photo of each size; a second worker repeats that on the GPU, while
// nobody waits; and where both agree, the GPU colors the next ones.

import { startWorker } from "./calls.js";

const TOLERANCE = 0.1; // in CIE units of ab
const GAIN = 2; // times as fast as WebAssembly, whose first run is slower than later ones
const REST = 2000; // ms for the pictures of the first photo to be made
const PATIENCE = 60_000; // ms after which the GPU counts as hung

export class Gpu {
  /** `isAlwaysTaken`, for tests: also a GPU that is emulated, and takes longer. */
  constructor(manifest, isAlwaysTaken) {
    Object.assign(this, { manifest, isAlwaysTaken, tried: new Set(), agreed: new Set(), refused: new Set(), isOff: false, starting: null });
  }

  /** Return a network's outputs, or null where WebAssembly is to compute them. */
  async run(id, inputs) {
    if (this.refused.has(id) || !this.agreed.has(keyOf(id, inputs))) return null;
    try {
      const { outputs } = await this.#call(id, inputs);
      return outputs;
    } catch (error) { // such as a lost device
      this.#refuse(id, error.message);
      return null;
    }
  }

  /** Repeat later what WebAssembly has computed, and decide by that on the next photos. */
  offer(id, inputs, result) {
    const key = keyOf(id, inputs);
    if (this.isOff || this.refused.has(id) || this.tried.has(key)) return;
    this.tried.add(key);
    setTimeout(() => this.#compare(id, inputs, result).catch((error) => this.#refuse(id, error.message)), REST);
  }

  async #compare(id, inputs, { outputs, took }) {
    this.starting ??= this.#start();
    this.call = await this.starting;
    if (this.isOff || this.refused.has(id)) return;
    await this.#call(id, inputs); // which compiles its shaders
    const ours = await this.#call(id, inputs), difference = differenceOf(ours.outputs.ab.data, outputs.ab.data);
    const found = `differs by ${difference.toPrecision(2)}, takes ${ours.took.toFixed()} ms in place of ${took.toFixed()} ms`;
    if (!(difference <= TOLERANCE) || !(this.isAlwaysTaken || GAIN * ours.took <= took)) return this.#refuse(id, found);
    this.agreed.add(keyOf(id, inputs));
    console.info(`WebGPU colors by ${id}: ${found}`);
  }

  /** Start the second worker, unless there is no GPU for it, or the visitor saves data: its runtime has 4 MB. */
  async #start() {
    const adapter = await navigator.gpu?.requestAdapter(), isEmulated = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter;
    const isThere = adapter && (this.isAlwaysTaken || !isEmulated) && WebAssembly.Suspending && !navigator.connection?.saveData;
    this.isOff ||= !isThere;
    return isThere ? startWorker("gpu-worker.js", Promise.resolve(), [this.manifest]) : null;
  }

  async #call(id, inputs) {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(reject, PATIENCE, new Error("hangs")); });
    late.catch(() => { // nothing else would end it
      this.isOff = true;
      this.agreed.clear();
      this.call.stop();
    });
    return Promise.race([this.call("run", id, inputs), late]).finally(() => clearTimeout(timer));
  }

  #refuse(id, reason) {
    this.refused.add(id);
    console.info(`WebAssembly colors by ${id}, since WebGPU ${reason}`);
  }
}

const keyOf = (id, { hints, width, height }) => `${id} ${Boolean(hints)} ${width} ${height}`;

/** Return the largest difference of two arrays, NaN if one has no number. */
function differenceOf(first, second) {
  return first.reduce((most, value, index) => Math.max(most, Math.abs(value - second[index])), 0);
}
