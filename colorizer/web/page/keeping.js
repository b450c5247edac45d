// The service worker keeps the page's files for visits without a connection.

const PATIENCE = 2000; // ms for which the page waits for it

/** Start it, so that it keeps what is fetched from then on. */
export async function startKeeping() {
  const container = navigator.serviceWorker;
  if (!container || container.controller) return;
  const controlled = new Promise((resolve) => { container.oncontrollerchange = resolve; });
  const registered = container.register("service-worker.js").then(() => controlled, () => {}); // none in private windows
  await Promise.race([registered, new Promise((resolve) => { setTimeout(resolve, PATIENCE); })]);
}
