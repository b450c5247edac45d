// Calls of the worker's functions, by name.

/** Start the worker as soon as `ready` is, and return a function that calls it. */
export function startWorker(ready, manifest, onProgress) {
  const waiting = new Map();
  let last = 0;
  const starting = ready.then(() => new Promise((resolve, reject) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onerror = () => reject(new Error("stopped"));
    worker.onmessage = ({ data: { call, result, problem, progress } }) => {
      if (progress) return onProgress(progress);
      const { succeed, fail } = waiting.get(call);
      waiting.delete(call);
      if (problem) fail(new Error(problem)); else succeed(result);
    };
    worker.postMessage({ call: 0, name: "start", values: [manifest] });
    waiting.set(0, { succeed: () => resolve(worker) });
  }));
  return async (name, ...values) => {
    const worker = await starting, number = ++last;
    worker.postMessage({ call: number, name, values });
    return new Promise((succeed, fail) => { waiting.set(number, { succeed, fail }); });
  };
}
