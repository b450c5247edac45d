// The page: what the viewer shows and what its events do. The work itself is done by worker.js.

import { History } from "./history.js";
import { mount } from "./viewer.js";

const REST = 150; // ms without another move of a slider, after which all pictures get the new colors
const KEEP_ADDRESS = 10_000; // ms for which the viewer may still load a picture that another has replaced
const find = (selector) => document.querySelector(selector);
const manifest = await (await fetch("models.json")).json();
const best = manifest.models[0];
const models = new Map(manifest.models.map((model) => [model.id, { ...model, isLoaded: false, share: null }]));
const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

// ---- offline: the service worker comes first, so that it keeps what is fetched from then on
const CONTROL = 2000; // ms for which the page waits for it
async function startKeeping() {
  const container = navigator.serviceWorker;
  if (!container || container.controller) return;
  const controlled = new Promise((resolve) => { container.oncontrollerchange = resolve; });
  const registered = container.register("service-worker.js").then(() => controlled, () => {}); // none in private windows
  await Promise.race([registered, new Promise((resolve) => { setTimeout(resolve, CONTROL); })]);
}

/** Say that the page works offline, as soon as all that it takes is kept. */
async function keepNeeded() {
  if (!navigator.serviceWorker?.controller || find("#offline").textContent) return;
  const { script, binary } = manifest.runtime, needed = [best.graph, best.hintsGraph, ...best.weights];
  for (const path of [script, binary, ...needed.map((file) => file?.path)]) {
    if (path && !(await caches.match(path))) await fetch(path);
  }
  find("#offline").textContent = "This page now also works without a connection.";
}

// ---- the worker
const waiting = new Map();
let lastCall = 0;
const started = startKeeping().then(() => {
  const worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data: { call: number, result, problem, progress } }) => {
    if (progress) return onProgress(progress);
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (problem) reject(new Error(problem)); else resolve(result);
  };
  worker.postMessage({ name: "start", values: [manifest] });
  return worker;
});
async function call(name, ...values) {
  const worker = await started, number = ++lastCall;
  worker.postMessage({ call: number, name, values });
  return new Promise((resolve, reject) => { waiting.set(number, { resolve, reject }); });
}

// ---- the session: a photo, and what each network made of it
let session = { number: 0, results: new Map() }, newest = 0, tone = readTone(), toneNumber = 0;
const props = { accept: "image/*", root: new URL(".", document.baseURI).href.slice(0, -1), value: null };
let update = () => {};

function value() {
  const { number, name: photoName, size, gray, truth, message, problem = "", wanted, history, swatches } = session;
  const items = manifest.models.map(({ id, name, year, bytes }) => {
    const result = session.results.get(id), { isLoaded, share } = models.get(id);
    const isOffered = !isLoaded && !result && !problem && !(id === best.id && session.waitsForBest);
    const note = share === null ? megabytes(bytes) : share === 1 ? "coloring …" : `${Math.floor(100 * share)} %`;
    return { id, name, year, problem, src: result?.preview, thumb: result?.thumb,
      isOffered, ...(isOffered && { note, progress: share ?? 0 }) };
  });
  const { share } = models.get(best.id), isFirst = share !== null && share < 1 && !session.results.size;
  return {
    photo: number, name: photoName, size, gray, truth, wanted, items,
    message: message || (isFirst ? `Loading once: ${Math.floor(100 * share)} %` : ""),
    swatches: swatches ?? [], can: history?.can ?? {},
    busy: items.some((item) => !item.src && !item.isOffered && !item.problem),
    dots: history ? dotsOf(history) : [],
  };
}

function opening() {
  const { title, size, before, pictures } = manifest.opening;
  return {
    photo: 0, name: title, sample: `${title}: an example. Choose a photo of your own.`, size, gray: before,
    items: manifest.models.map(({ id, name, year }) => {
      const isBest = id === best.id;
      return { id, name, year, thumb: pictures[id], src: isBest ? pictures[id] : null, isOffered: !isBest, note: year };
    }),
  };
}

function show() {
  if (!session.number) return;
  props.value = value();
  update();
}

function dotsOf({ hints, chosen, place }) {
  const dots = hints.map((hint) => ({ x: hint.x, y: hint.y, color: hex(hint.rgb), isChosen: hint === chosen }));
  return place && !chosen ? [...dots, { ...place, color: null, isChosen: true }] : dots;
}

const hex = (rgb) => `#${rgb.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const hints = () => session.history?.hints ?? [];

async function openPhoto(file, wanted = null) {
  const mine = { number: ++newest, name: file.name, results: new Map(), message: "", problem: "", wanted };
  Object.assign(mine, { chosen: wanted ?? best.id, waitsForBest: true });
  session = mine;
  describe(mine.chosen);
  try {
    const opened = await call("open", mine.number, file);
    if (session !== mine) return;
    const { width, height } = opened;
    Object.assign(mine, { size: [width, height], gray: URL.createObjectURL(opened.gray), truth: opened.truth && URL.createObjectURL(opened.truth) });
    mine.history = new History(width, height);
    show();
  } catch (error) {
    if (session !== mine) return;
    mine.problem = mine.message = sentence(error, file.name);
    mine.size = [4, 3];
    return show();
  }
  for (const { id } of manifest.models) {
    if (id === best.id || id === wanted || models.get(id).isLoaded) await color(mine, id);
  }
}

/** Color the photo by a network, which is downloaded if it isn't there. */
async function color(mine, id) {
  const model = models.get(id);
  if (mine !== session || mine.results.has(id) || mine.problem) return;
  mine.message = "";
  try {
    await call("color", mine.number, id);
    Object.assign(model, { isLoaded: true, share: null });
    while (await paint(mine, id)); // again if a slider moved meanwhile
  } catch (error) {
    model.share = null; // offered again
    mine.message = sentence(error, model.name);
  }
  if (id === best.id) mine.waitsForBest = false;
  if (mine === session) show();
  if (id === best.id) keepNeeded();
}

/** Make a result's pictures anew, in the present tone and with the present hints. Returns whether these changed meanwhile. */
async function paint(mine, id, sizes = ["preview", "thumb"]) {
  const number = toneNumber, given = hints();
  const blobs = await Promise.all(sizes.map((size) => call("paint", mine.number, id, tone, given, size)));
  if (mine !== session || blobs.includes(null)) return false;
  if (number !== toneNumber || given !== hints()) return true;
  const result = mine.results.get(id) ?? {};
  const names = { preview: "preview", quick: "preview", thumb: "thumb" };
  sizes.forEach((size, index) => {
    const old = result[names[size]];
    if (old) setTimeout(() => URL.revokeObjectURL(old), KEEP_ADDRESS);
    result[names[size]] = URL.createObjectURL(blobs[index]);
  });
  mine.results.set(id, result);
  show();
  return false;
}

/** Make all pictures anew, first those in sight. */
async function repaint() {
  const mine = session, number = toneNumber, given = hints();
  const ids = [...mine.results.keys()].sort((first, second) => (second === mine.chosen) - (first === mine.chosen));
  for (const id of ids) {
    if (mine !== session || number !== toneNumber || given !== hints()) return;
    await paint(mine, id);
  }
}

function onProgress({ id, share }) {
  const model = models.get(id);
  if (model.isLoaded) return;
  model.share = share;
  show();
}

function sentence(error, name) {
  if (error.message === "unreadable") return `This browser can't read ${name}. It reads JPEG, PNG, WebP and AVIF.`;
  if (error.message === "memory") return `This device has too little memory for ${name}.`;
  if (error instanceof TypeError || /fetch|network/i.test(error.message)) return `${name} could not be loaded: is there a connection?`;
  return error.message;
}

// ---- what the viewer reports
let file = null; // that was chosen, dropped or pasted last
const upload = async (chosen) => { file = chosen; return { path: chosen.name || "photo" }; };
const handlers = {
  opened: async ({ path, example }) => openPhoto(path ? file : await exampleFile(example)),
  chosen: async ({ id }) => {
    if (!session.number) return openPhoto(await exampleFile(0), id);
    session.chosen = id;
    describe(id);
    await color(session, id);
  },
  act: async (change) => {
    await begin();
    const mine = session, { history } = mine, before = history?.hints;
    if (!history) return;
    mine.message = history.act(change);
    mine.swatches = [];
    show();
    if (history.place && models.get(change.id).hintsGraph) call("load", change.id, "hintsGraph").catch(() => {}); // needed soon
    if (history.place) mine.swatches = (await call("suggest", mine.number, change.id, history.place.x, history.place.y)) ?? [];
    if (mine !== session) return;
    show();
    mine.chosen = change.id;
    if (history.hints !== before) await repaint();
  },
  save: async ({ what, id }) => {
    await begin();
    const mine = session, type = find("#format select").value, stem = mine.name.replace(/\.[^.]*$/, "") || "photo", files = {};
    for (const each of what === "one" ? [id] : mine.results.keys()) {
      const content = mine.results.has(each) && (await contentOf(mine, each, type));
      if (!content) return;
      files[`${stem}-${each.replaceAll("/", "-")}.${ENDINGS[type]}`] = content;
    }
    const [[name, content] = []] = Object.entries(files);
    if (what === "one") return download(content, name);
    const { zipSync } = await import("./fflate.js");
    for (const each of Object.keys(files)) files[each] = [new Uint8Array(await files[each].arrayBuffer()), { level: 0 }];
    if (name) download(new Blob([zipSync(files)], { type: "application/zip" }), `${stem}-colors.zip`);
  },
};

/** Open the example in sight, if that is what the visitor works on. */
async function begin() {
  if (!session.number) await openPhoto(await exampleFile(0));
}

/** Return the photo at full size in a network's colors; nothing if that fails, which is said. */
async function contentOf(mine, id, type) {
  let problem = "";
  mine.message = `Saving ${mine.size.join(" × ")} pixels …`;
  show();
  try {
    return await call("save", mine.number, id, tone, hints(), type);
  } catch (error) {
    problem = sentence(error, mine.name);
  } finally {
    mine.message = problem;
    show();
  }
}

function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function exampleFile(number) {
  const { name, photo } = manifest.examples[number];
  return new File([await (await fetch(photo)).blob()], `${name}.webp`, { type: "image/webp" });
}

// ---- beside the viewer
function readTone() {
  const form = new FormData(find("#tone"));
  return { saturation: Number(form.get("saturation")), warmth: Number(form.get("warmth")), strength: Number(form.get("strength")) };
}

let rest = 0;
function onTone() {
  tone = readTone();
  toneNumber++;
  for (const input of document.querySelectorAll("#tone input")) input.previousElementSibling.value = input.value;
  clearTimeout(rest);
  if (!session.number) begin();
  if (!session.size) return;
  if (session.results.has(session.chosen)) paint(session, session.chosen, ["quick"]);
  rest = setTimeout(repaint, REST);
}
find("#tone").addEventListener("input", onTone);
find("#tone").addEventListener("reset", () => setTimeout(onTone));
find("#tone").addEventListener("submit", (event) => event.preventDefault());

function describe(id) {
  const { name, year, text, title, paper } = models.get(id), about = find("#about");
  const heading = Object.assign(document.createElement("h2"), { textContent: name });
  heading.append(Object.assign(document.createElement("small"), { textContent: ` ${year}` }));
  const link = Object.assign(document.createElement("a"), { href: paper, textContent: title, rel: "noreferrer" });
  const lines = [text, link].map((content) => { const line = document.createElement("p"); line.append(content); return line; });
  about.replaceChildren(heading, ...lines);
}

function showExamples() {
  find("#examples").append(...manifest.examples.map(({ title, credit, small, photo }, number) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: `${title}: ${credit}` });
    button.append(Object.assign(new Image(), { src: small, alt: title }));
    button.onclick = () => window.dispatchEvent(new CustomEvent("viewer-example", { detail: { number, source: photo } }));
    return button;
  }));
}

props.value = opening();
showExamples();
describe(best.id);
if (manifest.space) Object.assign(find("#space"), { href: manifest.space, hidden: false });
mount(find("#viewer"), props, (name, detail) => { handlers[name]?.(detail); }, (name, callback) => { update = callback; },
  upload);
if (!navigator.connection?.saveData) {
  call("load", best.id).then(() => { Object.assign(models.get(best.id), { isLoaded: true, share: null }); show(); keepNeeded(); }, () => {});
}
