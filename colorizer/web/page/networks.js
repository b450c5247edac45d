// The networks: their files are fetched on demand, kept for later visits, and run by ONNX Runtime.

const BASE = new URL(".", location.href).href;

/**
 * Networks by their ids, loaded on first use and run by "wasm" or "webgpu", a provider of ONNX Runtime. `onProgress(id, share)`
 * is told how much of a network has arrived, 0…1.
 */
export class Networks {
  constructor(manifest, provider, onProgress = () => {}) {
    const { [provider]: files } = manifest.runtimes;
    Object.assign(this, { manifest, provider, files, onProgress, sessions: new Map(), runtime: null, last: Promise.resolve() });
    this.store = new Store([...Object.values(manifest.runtimes).map(({ binary }) => binary), ...manifest.models.flatMap(filesOf)]);
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

  /** Keep all that a network takes for later visits. Returns whether all is there. */
  async keep(id) {
    for (const file of [this.files.binary, ...filesOf(this.description(id))]) {
      if (!(await this.store.has(file)) && !this.store.isFull) await this.store.get(file);
      if (!(await this.store.has(file))) return false;
    }
    return true;
  }

  /**
   * Run a network on planes of `width` × `height`: lightness, and hints if given. Returns its outputs by name, { data, dims }, and
   * the milliseconds that it took.
   */
  async run(id, { lightness, hints = null, width, height }) {
    const session = await this.load(id, hints ? "hintsGraph" : "graph"), { Tensor } = await this.runtime;
    const inputs = { lightness: new Tensor("float32", lightness, [1, 1, height, width]) };
    if (hints) inputs.hints = new Tensor("float32", hints, [1, 3, height, width]);
    return this.#inTurn(async () => {
      const start = performance.now(), outputs = Object.entries(await session.run(inputs)), took = performance.now() - start;
      return { outputs: Object.fromEntries(outputs.map(([name, { data, dims }]) => [name, { data, dims }])), took };
    });
  }

  async #load(id, graph) {
    const model = this.description(id), { script, binary } = this.files, files = [model[graph], ...model.weights];
    const total = files.reduce((sum, file) => sum + file.bytes, this.runtime ? 0 : binary.bytes), arrived = new Map();
    const fetching = (file) => this.store.get(file, (bytes) => {
      arrived.set(file, bytes);
      this.onProgress(id, Math.min(1, [...arrived.values()].reduce((sum, each) => sum + each, 0) / total));
    });
    if (!this.runtime) {
      this.runtime = start(script, fetching(binary));
      this.runtime.catch(() => { this.runtime = null; });
    }
    const [{ InferenceSession }, content, ...weights] = await Promise.all([this.runtime, ...files.map(fetching)]);
    const externalData = weights.map((data, number) => ({ path: model.weights[number].name, data }));
    const executionProviders = [this.provider];
    return this.#inTurn(() => InferenceSession.create(content, { executionProviders, externalData, logSeverityLevel: 3 }));
  }

  /** Do one thing after the other: the runtime knows weights by their file's name, which is the same for all networks. */
  #inTurn(act) {
    const turn = this.last.then(act);
    this.last = turn.catch(() => {});
    return turn;
  }
}

const filesOf = ({ graph, hintsGraph, weights }) => [graph, hintsGraph, ...weights].filter(Boolean);

/** Start the runtime. One thread: more need headers that few hosts send. */
async function start(script, binary) {
  const [content, ort] = await Promise.all([binary, import(`./${script}`)]);
  Object.assign(ort.env.wasm, { wasmBinary: content.buffer, numThreads: 1 });
  return ort;
}

/** The large files, { path, bytes, digest }: fetched, and kept for later visits once their digest is right. */
class Store {
  /** Take all files that there are; those of earlier versions go. */
  constructor(files) {
    this.damaged = new Set();
    this.isFull = false; // a file did not fit into the browser's room for this site
    this.cache = globalThis.caches?.open(`colorizer networks ${BASE}`).catch(() => null); // none in some private windows
    const addresses = new Set(files.map(({ path }) => BASE + path));
    this.cache?.then(async (cache) => {
      for (const { url } of (await cache?.keys()) ?? []) if (!addresses.has(url)) await cache.delete(url);
    });
  }

  async has({ path }) {
    return Boolean(await (await this.cache)?.match(path));
  }

  /** Return a file's content, and report the bytes that have arrived. */
  async get(file, onArrived = () => {}) {
    const cache = await this.cache, kept = await cache?.match(file.path);
    const mode = this.damaged.has(file.path) ? "reload" : "no-cache"; // the browser may have kept the damaged one, too
    const response = kept ?? await fetch(file.path, { cache: mode });
    if (response.status === 404) throw new Error("gone");
    if (!response.ok) throw new Error("offline");
    const bytes = await read(response, onArrived), content = file.isPacked ? await unpack(bytes) : bytes;
    if (!(await isWhole(content, file))) {
      this.damaged.add(file.path);
      await cache?.delete(file.path);
      throw new Error("damaged");
    }
    if (!kept) await cache?.put(file.path, new Response(bytes)).catch(({ name }) => { this.isFull ||= name === "QuotaExceededError"; });
    return content;
  }
}

async function read(response, onArrived) {
  const parts = [], reader = response.body.getReader();
  let count = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    onArrived((count += part.value.length));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Return whether a file has arrived as it was built. A host may cut it off or send a page of its own. Without HTTPS, nothing tells. */
async function isWhole(content, { digest }) {
  if (!globalThis.crypto?.subtle) return true;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("") === digest;
}

/** Unpack gzip; what is cut off gives nothing. Some hosts have unpacked it already. */
async function unpack(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  return new Uint8Array(await unpacked.arrayBuffer().catch(() => new ArrayBuffer(0)));
}
