// All that takes time, beside the page: photos are decoded, networks run, and pixels get their colors here. The page calls the
// functions of `calls` by name; nothing of a photo leaves this worker but what the page shows and saves.

import { answerCalls } from "./calls.js";
import { adjust, labOf, merger, rootsOf, toLightness } from "./color.js";
import { Gpu } from "./gpu.js";
import { Propagation, drawHints, gridSize } from "./hints.js";
import { Networks } from "./networks.js";
import { RowResizer, resize, resizeColors, roundEven } from "./resize.js";
import { suggest } from "./suggestions.js";

const SHOWN = { preview: 1_200_000, quick: 200_000, thumb: 30_000 }; // pixels of the pictures that the page shows, at most
const REFERENCE = 1_500_000; // pixels of the plane that networks' inputs are resized from, at most
const BAND = 2 ** 20; // pixels of a photo that are read at a time
const MAX_ASPECT = 8;
const MAX_HINTED = 24; // predictions with hints that are kept
const FAINT = 2, RARE = 0.01; // chroma that a black-and-white photo may have, but for this share of its pixels
const ONE_HUE = 0.8; // mean of ab against the mean chroma, from which on a photo counts as toned
const QUALITY = { "image/jpeg": 0.95, "image/webp": 0.95 };

let networks, gpu, photo = null, newest = 0;

const calls = {
  start(manifest, isGpuAlwaysTaken) {
    networks = new Networks(manifest, "wasm", (id, share) => postMessage({ progress: { id, share } }));
    gpu = new Gpu(manifest, isGpuAlwaysTaken);
  },

  load: async (id, graph) => { await networks.load(id, graph); },
  keep: (id) => networks.keep(id),
  isFull: () => networks.store.isFull,

  /** Open a photo. Returns its size, its picture in gray and, if it has colors, as it is; null if another one is chosen by now. */
  async open(number, blob) {
    photo?.bitmap.close();
    photo = null;
    newest = number;
    const bitmap = await createImageBitmap(blob).catch(() => { throw new Error("unreadable"); });
    if (newest !== number) { bitmap.close(); return null; }
    const { width, height } = bitmap;
    const opened = { number, bitmap, width, height, reference: referenceOf(bitmap), shown: {}, colored: new Map(), hinted: new Map() };
    const preview = shownPixels(opened, "preview");
    opened.isOpaque = preview.data.every((level, index) => index % 4 !== 3 || level === 255);
    const gray = await encode(painted(preview, NO_COLOR), opened.isOpaque);
    const truth = isToned(shownPixels(opened, "thumb")) ? null : await encode(preview, opened.isOpaque);
    if (newest !== number) { bitmap.close(); return null; }
    photo = opened;
    return { width, height, gray, truth };
  },

  /** Return a picture of the photo in a network's colors, of one of the sizes SHOWN; null if another photo is open by now. */
  async paint(number, id, tone, hints, size) {
    if (!isCurrent(number)) return null;
    const mine = photo, ab = adjust(await colorsOf(mine, id, hints), tone);
    if (mine !== photo) return null;
    return encode(painted(shownPixels(mine, size), ab), mine.isOpaque);
  },

  /** Return the photo in its own size, as a file of `type`; null if another photo is open by now. */
  async save(number, id, tone, hints, type) {
    if (!isCurrent(number)) return null;
    const mine = photo, { bitmap, width, height } = mine;
    let ab = adjust(await colorsOf(mine, id, hints), tone);
    if (mine !== photo) return null;
    if (ab.width > width || ab.height > height) ab = resizeColors(ab, Math.min(ab.width, width), Math.min(ab.height, height));
    const merge = merger(ab, width, height), context = contextOf(width, height);
    for (const { image, first } of bands(bitmap)) {
      merge(image.data, first);
      context.putImageData(image, 0, first);
    }
    if (type === "image/jpeg") { // which has no transparency
      Object.assign(context, { globalCompositeOperation: "destination-over", fillStyle: "#fff" });
      context.fillRect(0, 0, width, height);
    }
    return context.canvas.convertToBlob({ type, quality: QUALITY[type] });
  },

  /** Suggest colors for a place, by the prediction without hints. */
  async suggest(number, id, x, y) {
    if (!isCurrent(number)) return null;
    const mine = photo, { ab, logits } = await predictionOf(mine, id), { plane, width, height } = mine.reference;
    const row = Math.min(height - 1, Math.floor(y * height)), column = Math.min(width - 1, Math.floor(x * width));
    const [lightness] = toLightness(plane.slice(row * width + column, row * width + column + 1));
    return suggest(ab, logits, networks.manifest.bins, lightness, x, y);
  },
};

answerCalls(calls);

const NO_COLOR = { data: new Float32Array(2), width: 1, height: 1 };
const isCurrent = (number) => photo?.number === number;

function contextOf(width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new RangeError(`no canvas of ${width} × ${height}`);
  return context;
}

/** Yield a bitmap's pixels, whole rows at a time: { image, first }. */
function* bands(bitmap) {
  const rows = Math.min(bitmap.height, Math.max(1, Math.floor(BAND / bitmap.width))), context = contextOf(bitmap.width, rows);
  for (let first = 0; first < bitmap.height; first += rows) {
    const count = Math.min(rows, bitmap.height - first);
    context.clearRect(0, 0, bitmap.width, rows);
    context.drawImage(bitmap, 0, first, bitmap.width, count, 0, 0, bitmap.width, count);
    yield { image: context.getImageData(0, 0, bitmap.width, count), first };
  }
}

/** Return the cube roots of a photo's luminance, { plane, width, height }, at its own size or smaller. */
function referenceOf(bitmap) {
  const scale = Math.min(1, Math.sqrt(REFERENCE / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const resizer = scale < 1 ? new RowResizer(bitmap.width, bitmap.height, width, height) : null;
  const plane = resizer?.plane ?? new Float32Array(width * height);
  for (const { image, first } of bands(bitmap)) {
    if (resizer) resizer.push(rootsOf(image.data));
    else rootsOf(image.data, plane.subarray(first * width, first * width + image.data.length / 4));
  }
  return { plane, width, height };
}

/** Return a photo's pixels in one of the sizes SHOWN, as ImageData. */
function shownPixels({ bitmap, width, height, shown }, size) {
  if (!shown[size]) {
    const scale = Math.min(1, Math.sqrt(SHOWN[size] / (width * height)));
    const sides = [width, height].map((side) => Math.max(1, Math.round(side * scale))), context = contextOf(...sides);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, ...sides);
    shown[size] = context.getImageData(0, 0, ...sides);
  }
  return shown[size];
}

function painted(image, ab) {
  const { width, height } = image, pixels = image.data.slice();
  if (ab.width > width || ab.height > height) ab = resizeColors(ab, Math.min(ab.width, width), Math.min(ab.height, height));
  merger(ab, width, height)(pixels, 0);
  return new ImageData(pixels, width, height);
}

function encode(image, isOpaque) {
  const context = contextOf(image.width, image.height), type = isOpaque ? "image/jpeg" : "image/png";
  context.putImageData(image, 0, 0);
  return context.canvas.convertToBlob({ type, quality: 0.93 });
}

/** Return whether a photo is black and white, or has about one hue as toned and faded ones do: then its colors aren't true ones. */
function isToned({ data }) {
  let sumA = 0, sumB = 0, total = 0, strong = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [, a, b] = labOf([data[at], data[at + 1], data[at + 2]]), chroma = Math.hypot(a, b);
    [sumA, sumB, total] = [sumA + a, sumB + b, total + chroma];
    if (chroma > FAINT) strong++;
  }
  return strong < (RARE * data.length) / 4 || Math.hypot(sumA, sumB) > ONE_HUE * total;
}

/** Return the width and height of a network's input: the photo's aspect ratio, the network's area and multiples. */
function workingSize({ resolution, multiple, isFixed }, { width, height }) {
  if (isFixed) return [resolution, resolution];
  const aspect = Math.min(MAX_ASPECT, Math.max(1 / MAX_ASPECT, width / height)), root = aspect ** 0.5;
  return [resolution * root, resolution / root].map((side) => Math.max(multiple, roundEven(side / multiple) * multiple));
}

async function predict(mine, id, hints) {
  const model = networks.description(id), [width, height] = workingSize(model, mine), { reference } = mine;
  const lightness = toLightness(resize(reference.plane, reference.width, reference.height, width, height));
  const inputs = { lightness, hints: hints && drawHints(hints, width, height), width, height };
  const outputs = (await gpu.run(id, inputs)) ?? (await runByWebAssembly(id, inputs));
  if (!outputs.ab.data.every(Number.isFinite)) throw new Error("its colors are no numbers, so its files are damaged.");
  return { ab: { data: outputs.ab.data, width, height }, logits: outputs.logits ?? null };
}

async function runByWebAssembly(id, inputs) {
  const result = await networks.run(id, inputs);
  gpu.offer(id, inputs, result);
  return result.outputs;
}

/** Return a network's prediction for a photo, { ab, logits }, without hints. Calls at the same time share it. */
function predictionOf(mine, id) {
  if (!mine.colored.has(id)) {
    const predicting = predict(mine, id, null);
    mine.colored.set(id, predicting);
    predicting.catch(() => mine.colored.delete(id));
  }
  return mine.colored.get(id);
}

/** Return ab with the hints: as the network's input where it takes them; their remaining effect is spread up to edges. */
async function colorsOf(mine, id, hints) {
  if (!hints.length) return (await predictionOf(mine, id)).ab;
  const key = `${id} ${JSON.stringify(hints)}`;
  if (!mine.hinted.has(key)) {
    const takesHints = Boolean(networks.description(id).hintsGraph);
    const { ab } = await (takesHints ? predict(mine, id, hints) : predictionOf(mine, id));
    mine.hinted.set(key, propagationOf(mine).spread(ab, hints));
    if (mine.hinted.size > MAX_HINTED) mine.hinted.delete(mine.hinted.keys().next().value);
  }
  return mine.hinted.get(key);
}

function propagationOf(mine) {
  if (!mine.propagation) {
    const { plane, width, height } = mine.reference, [across, down] = gridSize(mine.width, mine.height);
    mine.propagation = new Propagation(toLightness(resize(plane, width, height, across, down)), across, down);
  }
  return mine.propagation;
}
