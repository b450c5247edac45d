// Colors that the visitor gives: as a network's input, and spread over the photo, as pipelines/hints.py and
// pipelines/hint_propagation.py do it. A hint is { x, y, rgb }: shares of the photo's width and height, and sRGB, 0…255.

import { labOf } from "./color.js";
import { resizeColors, roundEven } from "./resize.js";

const SHARE = 1 / 50; // side of the square drawn around a place, of the photo's side
const SIDE = 192; // side of the square with the area of the grid on which colors spread
const MOST_SIDE = 3 * SIDE;
const REACH = 1 / 12; // about how far they do, of the photo's side
const CURVATURE = 0.375, TOLERANCE = 1e-3, NEARLY_ONE = 0.999;
const VARIANCE_SHARE = 0.6, LEAST_VARIANCE = 1, MOST_VARIANCE = 50;
const NEIGHBORS = [[0, 1], [1, -1], [1, 0], [1, 1]]; // half of the eight, down and right

const cellOf = ({ x, y }, width, height) => [Math.min(height - 1, Math.floor(y * height)), Math.min(width - 1, Math.floor(x * width))];

/** Return hints as a network's input of `width` × `height`: the planes a*, b* and a mask. */
export function drawHints(hints, width, height) {
  const drawn = new Float32Array(3 * width * height), area = width * height;
  const radius = Math.max(0, Math.round((Math.sqrt(area) * SHARE) / 2));
  for (const hint of hints) {
    const [, a, b] = labOf(hint.rgb), [row, column] = cellOf(hint, width, height);
    for (let y = Math.max(0, row - radius); y <= Math.min(height - 1, row + radius); y++) {
      for (let x = Math.max(0, column - radius); x <= Math.min(width - 1, column + radius); x++) {
        [a, b, 1].forEach((value, plane) => { drawn[plane * area + y * width + x] = value; });
      }
    }
  }
  return drawn;
}

/** Return the size, [width, height], of the grid for a photo of this size. */
export function gridSize(width, height) {
  const scale = Math.min(1, SIDE / Math.sqrt(width * height));
  return [width, height].map((side) => Math.min(MOST_SIDE, Math.max(1, roundEven(side * scale))));
}

/** Spreading of colors on one photo: neighbors of similar lightness have similar colors (Levin, Lischinski and Weiss 2004). */
export class Propagation {
  /** Take the photo's lightness on the grid. */
  constructor(lightness, width, height) {
    Object.assign(this, { width, height, influences: new Map() });
    const area = width * height, variance = varianceOf(lightness, width, height);
    this.links = NEIGHBORS.map(([down, right]) => {
      const values = new Float32Array(area); // of each pixel to that neighbor, 0 where there is none
      for (let y = 0; y < height - down; y++) {
        for (let x = Math.max(0, -right); x < width - Math.max(0, right); x++) {
          const here = y * width + x, there = here + down * width + right;
          values[here] = Math.exp(-((lightness[here] - lightness[there]) ** 2) / (variance[here] + variance[there]));
        }
      }
      return { step: down * width + right, values };
    });
    this.degree = new Float32Array(area);
    for (const { step, values } of this.links) {
      for (let here = 0; here < area; here++) if (values[here]) { this.degree[here] += values[here]; this.degree[here + step] += values[here]; }
    }
    this.degree = this.degree.map((degree) => Math.max(degree, 1e-6));
    for (const link of this.links) {
      link.values = link.values.map((value, here) => value && value / Math.sqrt(this.degree[here] * this.degree[here + link.step]));
    }
    this.diagonal = 1 + CURVATURE / (REACH * Math.sqrt(area)) ** 2;
  }

  /** Return ab = { data, width, height } with the hints spread over it, in its size or the grid's, whichever is larger. */
  spread(ab, hints) {
    const { width, height } = this, area = width * height;
    if (ab.width * ab.height < area) ab = resizeColors(ab, width, height);
    const cells = new Map(); // the later of two hints in one cell counts
    for (const hint of hints) {
      const [row, column] = cellOf(hint, width, height), [abRow, abColumn] = cellOf(hint, ab.width, ab.height);
      const at = abRow * ab.width + abColumn, [, a, b] = labOf(hint.rgb);
      cells.set(row * width + column, [a - ab.data[at], b - ab.data[ab.width * ab.height + at]]);
    }
    const total = new Float32Array(area).fill(1), weighted = new Float32Array(2 * area);
    for (const [cell, [a, b]] of cells) {
      const influence = this.#influence(cell);
      for (let here = 0; here < area; here++) {
        const share = Math.min(NEARLY_ONE, influence[here]), weight = (share / (1 - share)) ** 2;
        total[here] += weight;
        weighted[here] += a * weight;
        weighted[area + here] += b * weight;
      }
    }
    let spread = { data: weighted.map((value, index) => value / total[index % area]), width, height };
    if (ab.width !== width || ab.height !== height) spread = resizeColors(spread, ab.width, ab.height);
    return { ...ab, data: ab.data.map((value, index) => value + spread.data[index]) };
  }

  /** Return the influence, 0…1, of a hint in one cell on each cell. */
  #influence(cell) {
    if (!this.influences.has(cell)) {
      const impulse = new Float32Array(this.degree.length);
      impulse[cell] = 1;
      const inner = this.#solve(impulse).map((value, here) => value * this.degree[here]);
      const solution = this.#solve(inner).map((value, here) => value / Math.sqrt(this.degree[here]));
      const peak = solution[cell];
      this.influences.set(cell, solution.map((value) => Math.min(1, Math.max(0, value / peak))));
    }
    return this.influences.get(cell);
  }

  #multiply(vector) {
    const product = vector.map((value) => this.diagonal * value);
    for (const { step, values } of this.links) {
      for (let here = 0; here < values.length; here++) {
        const value = values[here];
        if (value) {
          product[here] -= value * vector[here + step];
          product[here + step] -= value * vector[here];
        }
      }
    }
    return product;
  }

  /** Solve the system for one right-hand side, by conjugate gradients. */
  #solve(right) {
    const solution = new Float32Array(right.length), residual = right.slice(), direction = right.slice();
    let square = dot(residual, residual);
    const goal = TOLERANCE ** 2 * square;
    for (let count = 0; count < right.length && square > goal; count++) {
      const image = this.#multiply(direction), step = square / dot(direction, image);
      for (let index = 0; index < right.length; index++) {
        solution[index] += step * direction[index];
        residual[index] -= step * image[index];
      }
      const last = square;
      square = dot(residual, residual);
      for (let index = 0; index < right.length; index++) direction[index] = residual[index] + (square / last) * direction[index];
    }
    return solution;
  }
}

const dot = (first, second) => { let sum = 0; for (let index = 0; index < first.length; index++) sum += first[index] * second[index]; return sum; };

/** Return the variance of lightness in 3 × 3 pixels, bounded, so that colors don't cross strong but blurred edges. */
function varianceOf(lightness, width, height) {
  const variance = new Float32Array(width * height), inside = (place, side) => Math.min(side - 1, Math.max(0, place));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0, squares = 0;
      for (let down = -1; down <= 1; down++) {
        for (let right = -1; right <= 1; right++) {
          const value = lightness[inside(y + down, height) * width + inside(x + right, width)];
          sum += value;
          squares += value * value;
        }
      }
      variance[y * width + x] = Math.min(MOST_VARIANCE, Math.max(LEAST_VARIANCE, VARIANCE_SHARE * (squares / 9 - (sum / 9) ** 2)));
    }
  }
  return variance;
}
