// The networks: their files are fetched on demand, and run by ONNX Runtime in WebAssembly. On WebGPU, its version 1.30 loads some
// of the graphs not at all and gives other colors by others.

/** Networks by their ids, loaded on first use. `onProgress(id, share)` is told how much of a network has arrived, 0…1. */
export class Networks {
  constructor(manifest, onProgress) {
    Object.assign(this, { manifest, onProgress, sessions: new Map(), runtime: null, last: Promise.resolve() });
  }

  description(id) {
    return this.manifest.models.find((model) => model.id === id);
  }

  /** Load a network and, at the first one, the runtime. Calls while it loads wait for the same. */
  load(id, graph = "graph") {
    const key = `${id} ${graph}`;
    if (!this.sessions.has(key)) {
      const loading = this.#load(id, graph);
      this.sessions.set(key, loading);
      loading.catch(() => this.sessions.delete(key)); // the next call tries again
    }
    return this.sessions.get(key);
  }

  /** Return the outputs by name, { data, dims }, for planes of `width` × `height`: lightness, and hints if given. */
  async run(id, { lightness, hints = null, width, height }) {
    const session = await this.load(id, hints ? "hintsGraph" : "graph"), { Tensor } = await this.runtime;
    const inputs = { lightness: new Tensor("float32", lightness, [1, 1, height, width]) };
    if (hints) inputs.hints = new Tensor("float32", hints, [1, 3, height, width]);
    const outputs = await this.#inTurn(() => session.run(inputs));
    return Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => [name, { data, dims }]));
  }

  async #load(id, graph) {
    const model = this.description(id), { runtime } = this.manifest, files = [model[graph], ...model.weights], arrived = new Map();
    const total = files.reduce((sum, file) => sum + file.bytes, this.runtime ? 0 : runtime.bytes);
    const report = (name) => (bytes) => {
      arrived.set(name, bytes);
      this.onProgress(id, Math.min(1, [...arrived.values()].reduce((sum, each) => sum + each, 0) / total));
    };
    if (!this.runtime) {
      this.runtime = start(runtime, report("runtime"));
      this.runtime.catch(() => { this.runtime = null; });
    }
    const [content, ...weights] = await Promise.all(files.map(({ path }) => fetchBytes(path, report(path))));
    const { InferenceSession } = await this.runtime;
    const externalData = weights.map((data, number) => ({ path: model.weights[number].name, data }));
    return this.#inTurn(() => InferenceSession.create(content, { executionProviders: ["wasm"], externalData, logSeverityLevel: 3 }));
  }

  /** Do one thing after the other: the runtime knows weights by their file's name, which is the same for all networks. */
  #inTurn(act) {
    const turn = this.last.then(act);
    this.last = turn.catch(() => {});
    return turn;
  }
}

/** Start the runtime. One thread: more need headers that few hosts send. */
async function start({ script, binary }, onArrived) {
  const [packed, ort] = await Promise.all([fetchBytes(binary, onArrived), import(`./${script}`)]);
  Object.assign(ort.env.wasm, { wasmBinary: await unpack(packed), numThreads: 1 });
  return ort;
}

/** Fetch one of the page's own files, and report the bytes that have arrived. */
async function fetchBytes(path, onArrived = () => {}) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is not there (${response.status}).`);
  const parts = [], reader = response.body.getReader();
  let count = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    onArrived((count += part.value.length));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Unpack gzip. Some hosts have done so already. */
async function unpack(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.buffer;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
