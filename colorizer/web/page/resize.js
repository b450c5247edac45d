// Antialiased bilinear resizing of planes: the triangle filter of Pillow and torch, and of the graphs.

/** Round to a whole number, halves to the even one, as Python does. */
export function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** Return for each target sample the first source sample that it takes, and the weights of the ones from there on. */
function weightsOf(source, target) {
  const scale = source / target, reach = Math.max(scale, 1);
  return Array.from({ length: target }, (_, index) => {
    const center = (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - reach + 0.5)), last = Math.min(source, Math.floor(center + reach + 0.5));
    const weights = Array.from({ length: last - first }, (_, step) => Math.max(0, 1 - Math.abs(first + step + 0.5 - center) / reach));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: Float32Array.from(weights, (weight) => weight / total) };
  });
}

/** Resizer that takes a plane's rows in turn, so that a large photo's plane is never in memory as a whole. */
export class RowResizer {
  constructor(width, height, newWidth, newHeight) {
    Object.assign(this, { width, newWidth, newHeight, across: weightsOf(width, newWidth), down: weightsOf(height, newHeight) });
    this.plane = new Float32Array(newWidth * newHeight);
    this.row = 0;
    this.begin = 0; // first new row that later rows still belong to
    this.resized = new Float32Array(newWidth);
  }

  /** Take the next rows, whole ones. */
  push(rows) {
    const { across, down, resized, newWidth, plane } = this;
    for (let start = 0; start < rows.length; start += this.width, this.row++) {
      for (let x = 0; x < newWidth; x++) {
        const { first, weights } = across[x];
        let sum = 0;
        for (let step = 0; step < weights.length; step++) sum += weights[step] * rows[start + first + step];
        resized[x] = sum;
      }
      while (this.begin < this.newHeight && down[this.begin].first + down[this.begin].weights.length <= this.row) this.begin++;
      for (let y = this.begin; y < this.newHeight && down[y].first <= this.row; y++) {
        const weight = down[y].weights[this.row - down[y].first] ?? 0;
        for (let x = 0; weight && x < newWidth; x++) plane[y * newWidth + x] += weight * resized[x];
      }
    }
  }
}

/** Return a plane of `width` × `height` in another size. */
export function resize(plane, width, height, newWidth, newHeight) {
  const resizer = new RowResizer(width, height, newWidth, newHeight);
  resizer.push(plane);
  return resizer.plane;
}

/** Return ab = { data (2 · h · w), height, width } in another size. */
export function resizeColors(ab, width, height) {
  const area = ab.width * ab.height, data = new Float32Array(2 * width * height);
  for (const axis of [0, 1]) {
    const plane = ab.data.subarray(axis * area, (axis + 1) * area);
    data.set(resize(plane, ab.width, ab.height, width, height), axis * width * height);
  }
  return { data, width, height };
}
