// The networks: their files are fetched on demand, and run by ONNX Runtime, on the GPU if it gives the same colors.

const DIFFERENCE = 0.5; // in CIE units of ab, by which a GPU's colors may differ from the expected ones of the check

/** Networks by their ids, loaded on first use. `onProgress(id, share)` is told how much of a network has arrived, 0…1. */
export class Networks {
  constructor(manifest, onProgress) {
    this.manifest = manifest;
    this.onProgress = onProgress;
    this.sessions = new Map();
    this.runtime = null;
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
    const { ort, session } = await this.load(id, hints ? "hintsGraph" : "graph");
    return run(ort, session, { lightness, hints }, width, height);
  }

  async #load(id, graph) {
    const model = this.description(id), isFirst = !this.runtime, { cpu } = this.manifest.runtimes;
    const files = [model[graph], ...model.weights], arrived = new Map();
    const total = files.reduce((sum, file) => sum + file.bytes, isFirst ? cpu.bytes : 0);
    const report = (name) => (bytes) => {
      arrived.set(name, bytes);
      this.onProgress(id, Math.min(1, [...arrived.values()].reduce((sum, each) => sum + each, 0) / total));
    };
    if (isFirst) {
      this.runtime = start(this.manifest.runtimes, report("runtime"));
      this.runtime.catch(() => { this.runtime = null; });
    }
    const [content, ...weights] = await Promise.all(files.map(({ path }) => fetchBytes(path, report(path))));
    const externalData = weights.map((data, number) => ({ path: model.weights[number].name, data }));
    const create = async ({ ort, provider }) => {
      const options = { executionProviders: [provider], externalData, logSeverityLevel: 3 };
      return { ort, session: await ort.InferenceSession.create(content, options) };
    };
    const runtime = await this.runtime;
    if (runtime.provider === "wasm") return create(runtime);
    try {
      const loaded = await create(runtime);
      if (graph !== "graph" || (await agrees(loaded, model.check))) return loaded;
    } catch (error) { /* the CPU does it */ }
    this.runtime = startOn(cpu, "wasm");
    return create(await this.runtime);
  }
}

/** Start the runtime: for the GPU if the browser has one, else for the CPU. */
async function start({ gpu, cpu }, onArrived) {
  // WebAssembly has to wait for the GPU, which not all browsers let it do.
  const adapter = "Suspending" in WebAssembly ? await navigator.gpu?.requestAdapter().catch(() => null) : null;
  if (!adapter) return startOn(cpu, "wasm", onArrived);
  return startOn(gpu, "webgpu", onArrived).catch(() => startOn(cpu, "wasm", onArrived));
}

async function startOn({ script, binary }, provider, onArrived) {
  const packed = await fetchBytes(binary, onArrived), ort = await import(script);
  ort.env.wasm.wasmBinary = await unpack(packed);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return { ort, provider, files: [script, binary] };
}

async function run(ort, session, planes, width, height) {
  const inputs = {};
  for (const [name, plane] of Object.entries(planes)) {
    if (plane) inputs[name] = new ort.Tensor("float32", plane, [1, plane.length / width / height, height, width]);
  }
  const outputs = await session.run(inputs);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => [name, { data, dims }]));
}

/** Return whether a network gives the colors that it gave when the page was built, at some places of a made-up photo. */
async function agrees({ ort, session }, { side, expected }) {
  const lightness = Float32Array.from({ length: side * side }, (_, index) => (index * 37) % 101);
  const { ab } = await run(ort, session, { lightness }, side, side), step = Math.floor(ab.data.length / expected.length);
  return expected.every((value, number) => Math.abs(value - ab.data[number * step]) <= DIFFERENCE);
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
