// The page is kept for visits without a connection: its own files by the service worker, the network by networks.js.

const PATIENCE = 2000; // ms for which the page waits for it

/** Start it, so that it keeps what is fetched from then on. */
export async function startKeeping() {
  const container = navigator.serviceWorker;
  if (!container || container.controller) return;
  const controlled = new Promise((resolve) => { container.oncontrollerchange = resolve; });
  const registered = container.register("service-worker.js").then(() => controlled, () => {}); // none in private windows
  await Promise.race([registered, new Promise((resolve) => { setTimeout(resolve, PATIENCE); })]);
}

let isDecided = false;

/** Keep all that the page takes to color by its `best` network, and return a sentence on it, or "" if there is none yet. */
export async function keepNeeded(call, best, script) {
  if (isDecided) return "";
  isDecided = true; // also while it is under way
  const isKept = navigator.serviceWorker?.controller && await call("keep", best.id).catch(() => false);
  if (isKept && await caches.match(script)) return "This page now also works without a connection.";
  if (await call("isFull")) return "There is no room to keep this page on your device: it always needs a connection.";
  isDecided = false;
  return "";
}
