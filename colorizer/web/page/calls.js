// Calls of a worker's functions, by name.

/**
 * Start a worker as soon as `ready` is, with a call of its function `start`, and return a function that calls the others. Its
 * `stop` ends the worker; calls that are under way then get no answer.
 */
export function startWorker(script, ready, values, onProgress = () => {}) {
  const waiting = new Map();
  let last = 0;
  const starting = ready.then(() => new Promise((resolve, reject) => {
    const worker = new Worker(script, { type: "module" });
    worker.onerror = () => reject(new Error("stopped"));
    worker.onmessage = ({ data: { call, result, problem, progress } }) => {
      if (progress) return onProgress(progress);
      const { succeed, fail } = waiting.get(call);
      waiting.delete(call);
      if (problem) fail(new Error(problem)); else succeed(result);
    };
    worker.postMessage({ call: 0, name: "start", values });
    waiting.set(0, { succeed: () => resolve(worker), fail: reject });
  }));
  const call = async (name, ...values) => {
    const worker = await starting, number = ++last;
    worker.postMessage({ call: number, name, values });
    return new Promise((succeed, fail) => { waiting.set(number, { succeed, fail }); });
  };
  call.stop = () => starting.then((worker) => worker.terminate(), () => {});
  return call;
}

/** In a worker: answer calls by functions. */
export function answerCalls(functions) {
  onmessage = async ({ data: { call, name, values } }) => {
    try {
      const result = await functions[name](...values);
      postMessage({ call, result });
    } catch (error) {
      const isMemory = error instanceof RangeError || /memory|allocat/i.test(error.message);
      postMessage({ call, problem: isMemory ? "memory" : error.message });
    }
  };
}
