// Colors to choose from for a place, as demo/photo/color_suggestions.py suggests them.

import { colorOf, labOf } from "./color.js";

const MOST = 8;
const APART = 16; // distance in ab of two suggestions
const ALIKE = 12; // distance in sRGB below which two are one
const DARKEST = 45, LIGHTEST = 80; // CIE L of swatches: very dark and very bright places can show almost no color
const GRAY = 8, PALE = 22; // chroma
const HUES = [[20, "pink"], [50, "red"], [80, "orange"], [112, "yellow"], [165, "green"], [215, "turquoise"], [310, "blue"],
  [345, "purple"], [360, "pink"]];
const VARIATIONS = [[0, 1.8], [40, 1.2], [-40, 1.2], [100, 1.2], [-100, 1.2], [180, 1.2]]; // degrees, and factors of chroma

const polar = ([a, b]) => [Math.hypot(a, b), ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360];
const distance = (first, second) => Math.hypot(...first.map((value, index) => value - second[index]));

/**
 * Suggest colors, { rgb, name, reason }, for the place x, y (shares of width and height) of lightness L, the likeliest first.
 * `ab` is the prediction; `logits` = { data, dims } over `bins`, [[a, b], …], or null: then the prediction is varied.
 */
export function suggest(ab, logits, bins, lightness, x, y) {
  const row = Math.min(ab.height - 1, Math.floor(y * ab.height)), column = Math.min(ab.width - 1, Math.floor(x * ab.width));
  const at = row * ab.width + column, predicted = [ab.data[at], ab.data[ab.width * ab.height + at]];
  const shown = Math.min(LIGHTEST, Math.max(DARKEST, lightness));
  if (!logits) {
    const [richer, ...turned] = vary(predicted);
    const last = polar(predicted)[0] >= GRAY ? [0, 0] : richer.map((value) => 0.4 * value);
    const reasons = ["predicted", "richer"];
    return [predicted, richer, ...turned, last].map((color, number) => swatch(color, shown, reasons[number] ?? ""));
  }
  const likely = [];
  for (const [color, share] of likeliest(probabilitiesAt(logits, x, y), bins)) {
    const next = swatch(color, shown, share >= 0.01 ? `${Math.round(100 * share)} %` : "< 1 %");
    // Colors outside sRGB lose chroma, and may then repeat one that is already suggested.
    if (likely.every((other) => distance(next.rgb, other.rgb) > ALIKE)) likely.push(next);
  }
  return [...likely.slice(0, MOST - 1), swatch(predicted, shown, "predicted")];
}

/** Return the mean probability of each bin at a place and the cells around it, since nobody taps the exact pixel. */
function probabilitiesAt({ data, dims: [, count, height, width] }, x, y) {
  const row = Math.min(height - 1, Math.floor(y * height)), column = Math.min(width - 1, Math.floor(x * width));
  const means = new Float32Array(count);
  let cells = 0;
  for (let down = Math.max(0, row - 1); down <= Math.min(height - 1, row + 1); down++) {
    for (let across = Math.max(0, column - 1); across <= Math.min(width - 1, column + 1); across++, cells++) {
      const logits = means.map((_, bin) => data[(bin * height + down) * width + across]), top = Math.max(...logits);
      const shares = logits.map((logit) => Math.exp(logit - top)), total = shares.reduce((sum, share) => sum + share, 0);
      shares.forEach((share, bin) => { means[bin] += share / total; });
    }
  }
  return means.map((sum) => sum / cells);
}

/** Return distinct colors, each with the probability of all bins closest to it. */
function likeliest(probabilities, bins) {
  const order = [...probabilities.keys()].sort((first, second) => probabilities[second] - probabilities[first]), chosen = [];
  for (const bin of order) {
    if (chosen.length < MOST + 3 && chosen.every((other) => distance(bins[bin], bins[other]) >= APART)) chosen.push(bin);
  }
  const shares = chosen.map(() => 0);
  probabilities.forEach((probability, bin) => {
    const distances = chosen.map((other) => distance(bins[bin], bins[other]));
    shares[distances.indexOf(Math.min(...distances))] += probability;
  });
  return chosen.map((bin, number) => [bins[bin], shares[number]]).sort((first, second) => second[1] - first[1]);
}

function vary(ab) {
  const [chroma, hue] = polar(ab), strong = Math.max(chroma, 25); // a nearly gray prediction would only give grays
  return VARIATIONS.map(([turn, factor]) => {
    const angle = ((hue + turn) * Math.PI) / 180;
    return [Math.cos(angle) * strong * factor, Math.sin(angle) * strong * factor];
  });
}

function swatch(ab, lightness, reason) {
  const rgb = colorOf(lightness, ab), [shown, a, b] = labOf(rgb);
  return { rgb, name: nameOf([a, b], shown), reason };
}

function nameOf(ab, lightness) {
  const [chroma, hue] = polar(ab);
  if (chroma < GRAY) return "gray";
  let name = HUES.find(([limit]) => hue <= limit)[1];
  if (name === "orange" && lightness < 55) name = "brown";
  return chroma < PALE ? `pale ${name}` : name;
}
