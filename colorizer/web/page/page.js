// The page: what the viewer shows and what its events do. The work itself is done by worker.js.

import { describe, showExamples } from "./around.js";
import { startWorker } from "./calls.js";
import { ENDINGS, download, zip } from "./files.js";
import { History } from "./history.js";
import { keepNeeded, startKeeping } from "./keeping.js";
import { sentence } from "./sentences.js";
import { mount } from "./viewer.js";

const REST = 150; // ms without another move of a slider, after which all pictures get the new colors
const KEEP_ADDRESS = 10_000; // ms for which the viewer may still load a picture that another has replaced
const find = (selector) => document.querySelector(selector);
const manifest = await (await fetch("models.json")).json();
const best = manifest.models[0];
const models = new Map(manifest.models.map((model) => [model.id, { ...model, isLoaded: false, share: null }]));

const isGpuAlwaysTaken = new URLSearchParams(location.search).get("webgpu") === "always"; // for tests
const call = startWorker("worker.js", startKeeping(), [manifest, isGpuAlwaysTaken], onProgress);

// ---- the session: a photo, and what each network made of it
let session = { number: 0, results: new Map() }, newest = 0, painted = 0, tone = readTone();
const props = { accept: "image/*", root: new URL(".", document.baseURI).href.slice(0, -1), value: null };
let update = () => {};

function value() {
  const { number, name: photoName, size, gray, truth, message, problem = "", wanted, history, swatches } = session;
  const items = manifest.models.map(({ id, name, year, bytes }) => {
    const result = session.results.get(id), { isLoaded, share } = models.get(id);
    const isOffered = !isLoaded && !result && !problem && !(id === best.id && session.waitsForBest);
    const note = share === null ? megabytes(bytes) : share === 1 ? "starting …" : `${Math.floor(100 * share)} %`;
    return { id, name, year, problem, src: result?.preview, thumb: result?.thumb,
      isOffered, ...(isOffered && { note, progress: share ?? 0 }) };
  });
  const { share } = models.get(best.id), percent = 10 * Math.floor(10 * share); // each number is read out
  const loading = share === null || session.results.size ? "" : share < 1 ? `Loading once: ${percent} %` : "Coloring …";
  return {
    photo: number, name: photoName, size, gray, truth, wanted, items, message: message || loading,
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
  if (!session.size) return; // the viewer shows the photo by itself until it is open
  props.value = value();
  update();
}

function dotsOf({ hints, chosen, place }) {
  const dots = hints.map((hint) => ({ x: hint.x, y: hint.y, color: hex(hint.rgb), isChosen: hint === chosen }));
  return place && !chosen ? [...dots, { ...place, color: null, isChosen: true }] : dots;
}

const hex = (rgb) => `#${rgb.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Show a photo, which `read` brings, and color it by the networks that are loaded, the best and the `wanted` one. */
async function openPhoto(name, read, wanted = null) {
  const mine = { number: ++newest, name, results: new Map(), message: "", problem: "", wanted, chosen: wanted ?? best.id };
  mine.waitsForBest = true;
  release(session.gray, session.truth, ...[...session.results.values()].flatMap(({ preview, thumb }) => [preview, thumb]));
  session = mine;
  describe(models.get(mine.chosen));
  try {
    const opened = await call("open", mine.number, await read());
    if (session !== mine) return;
    const { width, height } = opened;
    Object.assign(mine, { size: [width, height], gray: URL.createObjectURL(opened.gray), truth: opened.truth && URL.createObjectURL(opened.truth) });
    mine.history = new History(width, height);
    show();
  } catch (error) {
    if (session !== mine) return;
    mine.problem = mine.message = sentence(error, name);
    mine.size = [4, 3];
    return show();
  }
  colorByAll(mine);
}

async function colorByAll(mine) {
  for (const { id } of manifest.models) {
    if (mine === session && (id === best.id || id === mine.wanted || models.get(id).isLoaded)) await color(id);
    if (id === best.id) mine.waitsForBest = false;
  }
  if (mine === session) show();
}

async function openExample(number, wanted) {
  const { name, photo } = manifest.examples[number];
  await openPhoto(`${name}.webp`, async () => {
    const response = await fetch(photo);
    if (!response.ok) throw new Error("offline");
    return response.blob();
  }, wanted);
}

/** Say whether the page works offline, as soon as it is known. */
async function keep() {
  find("#offline").textContent ||= await keepNeeded(call, best, manifest.runtimes.wasm.script);
}

function release(...addresses) {
  for (const address of addresses) if (address) setTimeout(() => URL.revokeObjectURL(address), KEEP_ADDRESS);
}

async function load(id) {
  const model = models.get(id);
  try {
    if (!model.isLoaded) await call("load", id);
    model.isLoaded = true;
  } finally {
    model.share = null;
  }
}

/** Color the photo by a network, which is loaded first; then another photo may be there. */
async function color(id) {
  const model = models.get(id);
  session.message = "";
  try {
    await load(id);
    show();
    if (session.history && !session.results.has(id)) await paint(session, id);
  } catch (error) {
    model.isLoaded = false; // offered again
    session.message = sentence(error, model.name);
    show();
  }
  if (id === best.id && model.isLoaded) keep();
}

/** Make a result's pictures again, in the present tone and with the present hints. Those that were asked for last are shown. */
async function paint(mine, id, sizes = ["preview", "thumb"]) {
  const number = ++painted;
  const blobs = await Promise.all(sizes.map((size) => call("paint", mine.number, id, tone, mine.history.hints, size)));
  if (mine !== session || blobs.includes(null)) return;
  const result = mine.results.get(id) ?? { shown: {} };
  sizes.forEach((size, index) => {
    const picture = size === "thumb" ? "thumb" : "preview";
    if (result.shown[picture] > number) return;
    release(result[picture]);
    result[picture] = URL.createObjectURL(blobs[index]);
    result.shown[picture] = number;
  });
  mine.results.set(id, result);
  show();
}

/** Make all pictures again, first those in sight. */
async function repaint() {
  const mine = session, { hints } = mine.history, given = tone;
  const ids = [...mine.results.keys()].sort((first, second) => (second === mine.chosen) - (first === mine.chosen));
  try {
    for (const id of ids) {
      if (mine !== session || tone !== given || mine.history.hints !== hints) return;
      await paint(mine, id);
    }
  } catch (error) {
    mine.message = sentence(error, models.get(mine.chosen).name);
    show();
  }
}

/** Make the picture in sight again, small and at once; while it is made, only the last move of a slider waits. */
let isQuick = false;
async function paintQuickly() {
  if (isQuick) return;
  isQuick = true;
  for (let shown = null; shown !== tone && session.results.has(session.chosen);) {
    shown = tone;
    await paint(session, session.chosen, ["quick"]).catch(() => {}); // repaint says why
  }
  isQuick = false;
}

function onProgress({ id, share }) {
  const model = models.get(id);
  if (model.isLoaded) return;
  model.share = share;
  show();
}

// ---- what the viewer reports
let file = null; // that was chosen, dropped or pasted last
const upload = async (chosen) => { file = chosen; return { path: chosen.name }; };
const handlers = {
  opened: ({ example }) => (example === undefined ? openPhoto(file.name, () => file) : openExample(example)),
  chosen: async ({ id }) => {
    if (!session.number) return openExample(0, id);
    session.chosen = id;
    describe(models.get(id));
    await color(id);
  },
  act: async (change) => {
    if (!session.number) await openExample(0);
    if (!session.history) return;
    const mine = session, { history } = mine, before = history.hints;
    mine.chosen = change.id ?? mine.chosen;
    mine.message = history.act(change);
    mine.swatches = [];
    show();
    if (history.place) await suggest(mine, mine.chosen, history.place);
    if (mine === session && history.hints !== before) await repaint();
  },
  save: ({ what, id }) => save(what, id),
};

async function suggest(mine, id, place) {
  try {
    const swatches = await call("suggest", mine.number, id, place.x, place.y);
    if (mine.history.place !== place) return;
    mine.swatches = (swatches ?? []).map((swatch) => ({ ...swatch, color: hex(swatch.rgb) }));
    if (models.get(id).hintsGraph) call("load", id, "hintsGraph").catch(() => {}); // needed soon
  } catch (error) {
    mine.message = sentence(error, models.get(id).name);
  }
  show();
}

/** Download the photo in its own size, as one network colors it or, in an archive, as all of them do. */
async function save(what, id) {
  if (!session.number) await openExample(0);
  const mine = session, type = find("#format select").value, stem = mine.name.replace(/\.[^.]*$/, "") || "photo";
  if (!mine.results.size) await color(id ?? mine.chosen);
  const ids = [...mine.results.keys()].filter((each) => what === "all" || each === (id ?? mine.chosen)), entries = {};
  if (!ids.length) return;
  mine.message = `Saving ${mine.size.join(" × ")} pixels …`;
  show();
  try {
    for (const each of ids) {
      const blob = await call("save", mine.number, each, tone, mine.history.hints, type);
      if (!blob) return; // another photo is open by now
      entries[`${stem}-${each.replaceAll("/", "-")}.${ENDINGS[type]}`] = blob;
    }
    if (what === "all") download(await zip(entries), `${stem}-colors.zip`);
    else download(...Object.entries(entries)[0].reverse());
    mine.message = "";
  } catch (error) {
    mine.message = sentence(error, mine.name);
  }
  show();
}

// ---- beside the viewer
function readTone() {
  const form = new FormData(find("#tone"));
  return { saturation: Number(form.get("saturation")), warmth: Number(form.get("warmth")), strength: Number(form.get("strength")) };
}

function showTone() {
  for (const input of document.querySelectorAll("#tone input")) input.previousElementSibling.value = input.value;
}

let rest = 0;
function onTone() {
  tone = readTone();
  showTone();
  clearTimeout(rest);
  if (!session.number) return openExample(0);
  if (!session.history) return;
  paintQuickly();
  rest = setTimeout(repaint, REST);
}
find("#tone").addEventListener("input", onTone);
find("#tone").addEventListener("reset", () => setTimeout(onTone));
find("#tone").addEventListener("submit", (event) => event.preventDefault());

find("#late").remove();
props.value = opening();
showExamples(manifest.examples);
showTone(); // a reload may keep the sliders where they were
describe(best);
if (manifest.space) Object.assign(find("#space"), { href: manifest.space, hidden: false });
mount(find("#viewer"), props, (name, detail) => { handlers[name]?.(detail); }, (name, callback) => { update = callback; },
  upload);
if (!navigator.connection?.saveData) load(best.id).then(keep, () => {}); // a photo tries again, and says why
