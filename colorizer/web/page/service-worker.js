// Keeps the page's files, so that it works offline after the first visit; networks.js keeps the networks and the runtimes' binaries.
// The build fills in the version and the files. A new version takes over when no page of the old one is open, so that a page never
// gets files of both.

const VERSION = "{{version}}";
const FIRST = {{first}}; // the small ones that every visitor needs; the others are kept when they are asked for
const LARGE = /^models\/|^ort-.*\.bin$/; // checked before they are kept
const OWN = `colorizer ${registration.scope} `, CACHE = OWN + VERSION;

addEventListener("install", (event) => {
  const files = FIRST.map((name) => new Request(name, { cache: "no-cache" })); // not what the browser kept of an older version
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files)));
});

addEventListener("activate", (event) => {
  const drop = (names) => Promise.all(names.filter((name) => name.startsWith(OWN) && name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(registration.scope)) return;
  if (LARGE.test(url.href.slice(registration.scope.length))) return;
  url.search = url.hash = "";
  event.respondWith(answer(url.href, event));
});

async function answer(address, event) {
  const cache = await caches.open(CACHE), kept = await cache.match(address);
  if (kept) return kept;
  const response = await fetch(event.request);
  const isPage = /html/.test(response.headers.get("content-type")); // the host's own, such as a login: those of this page are in FIRST
  if (response.ok && !isPage) event.waitUntil(cache.put(address, response.clone()).catch(() => {})); // no room: it is fetched again
  return response;
}
