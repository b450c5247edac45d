// Lightness of pixels, and their colors from predicted chroma, as photos/lightness.py and photos/painting.py compute them.
// Pixels are RGBA in sRGB, as a canvas gives them; planes are Float32Array, row by row.

const DELTA = 6 / 29; // CIE Lab: below DELTA³ a line replaces the cube root
const ROOT = Math.sqrt(3) * DELTA; // unit of cube roots, in which that line has the slope 1
const BLACK = 4 / 29 / ROOT; // the root of 0
const TANGENT = 1 / Math.sqrt(3); // root from which on a cube is steeper than 1
const LEVELS = 65535;
const EDGE = 10; // of LEVELS, by which light may leave sRGB and counts as inside
const HALVINGS = 10; // in the search for the edge of sRGB
const RGB_TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
const WHITE = RGB_TO_XYZ.map((row) => row[0] + row[1] + row[2]);
const WARM = [0.135, 0.991]; // direction in which white moves as daylight gets warmer

const decode = (level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4);
const encode = (light) => (light <= 0.04045 / 12.92 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
const tabulate = (Kind, length, compute) => Kind.from({ length }, (_, index) => compute(index));
const luminance = (channel) => tabulate(Uint16Array, 256, (level) => Math.round(LEVELS * RGB_TO_XYZ[1][channel] * decode(level / 255)));

const RED = luminance(0), GREEN = luminance(1), BLUE = luminance(2);
const MOST = LEVELS - RED[255]; // of green and blue together, since the rounded sum may exceed white
const ROOTS = tabulate(Float32Array, LEVELS + 1, (count) => {
  const ratio = count / LEVELS;
  return ratio > DELTA ** 3 ? Math.cbrt(ratio) / ROOT : ratio / ROOT ** 3 + BLACK;
});
const ENCODED = tabulate(Uint8Array, LEVELS + 2 * EDGE + 2, (index) =>
  Math.round(255 * encode(Math.min(LEVELS, Math.max(0, index - EDGE)) / LEVELS)));

function invert([[a, b, c], [d, e, f], [g, h, i]]) {
  const cofactors = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  const determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0];
  return cofactors.map((row) => row.map((value) => value / determinant));
}

// From cubes of roots (of X and Z) and Y in 65535ths to linear sRGB in 65535ths, counted from the lowest that is inside.
const SCALES = [LEVELS * ROOT ** 3 * WHITE[0], 1, LEVELS * ROOT ** 3 * WHITE[2]];
const MATRIX = invert(RGB_TO_XYZ).map((row) => row.map((value, column) => value * SCALES[column]));
const [[RX, RY, RZ], [GX, GY, GZ], [BX, BY, BZ]] = MATRIX;
const LOWEST = EDGE + 0.5, HIGHEST = LEVELS + 2 * LOWEST;

const cube = (root) => { const steep = Math.max(root, TANGENT); return (steep * steep - 1) * steep + root; };
const countOf = (pixels, at) => RED[pixels[at]] + Math.min(MOST, GREEN[pixels[at + 1]] + BLUE[pixels[at + 2]]);

/** Return the cube roots of the luminance of RGBA pixels; `toLightness` makes them CIE L after resizing, since L is linear in them. */
export function rootsOf(pixels, roots = new Float32Array(pixels.length / 4)) {
  for (let index = 0; index < roots.length; index++) roots[index] = ROOTS[countOf(pixels, 4 * index)];
  return roots;
}

/** Turn cube roots into CIE L, 0…100, in place. */
export function toLightness(roots) {
  for (let index = 0; index < roots.length; index++) roots[index] = Math.min(100, Math.max(0, roots[index] * 116 * ROOT - 16));
  return roots;
}

/** Return CIE Lab of an sRGB color, 0…255. */
export function labOf(rgb) {
  const linear = rgb.map((level) => decode(level / 255));
  const [x, y, z] = RGB_TO_XYZ.map((row, axis) => {
    const ratio = (row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]) / WHITE[axis];
    return ratio > DELTA ** 3 ? Math.cbrt(ratio) : ratio / (3 * DELTA ** 2) + 4 / 29;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Return the sRGB levels of the gray with CIE L. */
export function grayOf(lightness) {
  const root = (lightness + 16) / 116;
  const level = Math.round(255 * encode(root > DELTA ? root ** 3 : 3 * DELTA ** 2 * (root - 4 / 29)));
  return [level, level, level];
}

/** Return ab = { data (2 · h · w), height, width } with other saturation, 0…2, warmth, in CIE units, and strength, 0…1. */
export function adjust(ab, { saturation = 1, warmth = 0, strength = 1 }) {
  const area = ab.width * ab.height;
  const data = ab.data.map((value, index) => strength * (saturation * value + warmth * WARM[index < area ? 0 : 1]));
  return { ...ab, data };
}

/** Return for `target` places between `source` samples, centers aligned: the lower sample and the share of the next one. */
function between(source, target) {
  const low = new Int32Array(target), share = new Float32Array(target);
  for (let index = 0; index < target; index++) {
    const position = Math.min(source - 1, Math.max(0, (index + 0.5) * (source / target) - 0.5));
    low[index] = Math.floor(position);
    share[index] = position - low[index];
  }
  return { low, share };
}

/**
 * Return a function that colors bands of a photo of `width` × `height` in place, keeping their own lightness: it takes the
 * band's RGBA pixels and its first row. `ab` is bilinearly upsampled; where a color would leave sRGB, its chroma shrinks until
 * it fits, at the same lightness and hue.
 */
export function merger(ab, width, height) {
  const area = ab.width * ab.height, across = between(ab.width, width), down = between(ab.height, height);
  const rowA = new Float32Array(ab.width + 1), rowB = new Float32Array(ab.width + 1); // the last sample twice
  return (pixels, first) => {
    for (let at = 0, y = first; at < pixels.length; y++) {
      const top = down.low[y] * ab.width, bottom = Math.min(down.low[y] + 1, ab.height - 1) * ab.width, share = down.share[y];
      for (let x = 0; x <= ab.width; x++) {
        const column = Math.min(x, ab.width - 1), here = top + column, below = bottom + column;
        rowA[x] = (ab.data[here] + share * (ab.data[below] - ab.data[here])) / (500 * ROOT);
        rowB[x] = -(ab.data[area + here] + share * (ab.data[area + below] - ab.data[area + here])) / (200 * ROOT);
      }
      for (let x = 0; x < width; x++, at += 4) {
        const low = across.low[x], part = across.share[x], count = countOf(pixels, at), root = ROOTS[count];
        const a = rowA[low] + part * (rowA[low + 1] - rowA[low]), b = rowB[low] + part * (rowB[low + 1] - rowB[low]);
        let cubeX = cube(root + a), cubeZ = cube(root + b);
        let red = RX * cubeX + RY * count + RZ * cubeZ + LOWEST;
        let green = GX * cubeX + GY * count + GZ * cubeZ + LOWEST;
        let blue = BX * cubeX + BY * count + BZ * cubeZ + LOWEST;
        if (!(red >= 0 && red <= HIGHEST && green >= 0 && green <= HIGHEST && blue >= 0 && blue <= HIGHEST)) {
          const kept = shareInside(root, count, a, b);
          cubeX = cube(root + kept * a);
          cubeZ = cube(root + kept * b);
          red = RX * cubeX + RY * count + RZ * cubeZ + LOWEST;
          green = GX * cubeX + GY * count + GZ * cubeZ + LOWEST;
          blue = BX * cubeX + BY * count + BZ * cubeZ + LOWEST;
        }
        pixels[at] = ENCODED[red | 0];
        pixels[at + 1] = ENCODED[green | 0];
        pixels[at + 2] = ENCODED[blue | 0];
      }
    }
  };
}

/** Return the share of a pixel's chroma that fits into sRGB. Bisection, since the path to the edge may bend. */
function shareInside(root, count, a, b) {
  let share = 0; // the gray of this lightness is always inside
  for (let halving = 1, step = 0.5; halving <= HALVINGS; halving++, step /= 2) {
    const cubeX = cube(root + (share + step) * a), cubeZ = cube(root + (share + step) * b);
    const lights = MATRIX.map(([x, y, z]) => x * cubeX + y * count + z * cubeZ + LOWEST);
    if (lights.every((light) => light >= 0 && light <= HIGHEST)) share += step;
  }
  return share;
}

/** Return the sRGB color, 0…255, of a place with CIE L and ab, its chroma reduced where it would leave sRGB. */
export function colorOf(lightness, [a, b]) {
  const pixels = Uint8ClampedArray.of(...grayOf(lightness), 255);
  merger({ data: Float32Array.of(a, b), width: 1, height: 1 }, 1, 1)(pixels, 0);
  return [...pixels.slice(0, 3)];
}
