// The colors that a visitor has given, with undo and redo, as demo/photo/history.py keeps them.

const MOST = 64; // hints on a photo
const NEAR = 1 / 50; // a tap this close to a hint, as a share of the photo's longer side, chooses it

export class History {
  constructor(width, height) {
    Object.assign(this, { longer: Math.max(width, height), width, height, steps: [[]], position: 0, place: null });
  }

  get hints() {
    return this.steps[this.position];
  }

  /** The hint at the chosen place, if there is one. */
  get chosen() {
    return this.place && this.hints.find((hint) => this.#isAt(hint, this.place));
  }

  get can() {
    const { position, steps, hints } = this;
    return { undo: position > 0, redo: position + 1 < steps.length, remove: Boolean(this.chosen), clear: hints.length > 0 };
  }

  /** Do what the viewer reports, as `what` says. Returns a message if it can't be done. */
  act({ what, x, y, from, color }) {
    if (from) this.place = { x: from[0], y: from[1] };
    if (what === "point") this.place = this.#nearest(x, y) ?? { x, y };
    else if (what === "paint") return this.#paint(color);
    else if (what === "move") this.#move(x, y);
    else if (what === "remove") this.#step(this.hints.filter((hint) => hint !== this.chosen));
    else if (what === "clear") this.#step([]);
    else if (what === "undo" && this.can.undo) this.position--;
    else if (what === "redo" && this.can.redo) this.position++;
    return "";
  }

  #isAt(hint, { x, y }) {
    return hint.x === x && hint.y === y;
  }

  #nearest(x, y) {
    const far = (hint) => Math.hypot((hint.x - x) * this.width, (hint.y - y) * this.height);
    const [nearest] = [...this.hints].sort((first, second) => far(first) - far(second));
    return nearest && far(nearest) <= NEAR * this.longer ? { x: nearest.x, y: nearest.y } : null;
  }

  #paint(color) {
    if (!this.place) return "Tap the photo first, where this color belongs.";
    const others = this.hints.filter((hint) => hint !== this.chosen);
    if (others.length >= MOST) return `A photo takes ${MOST} colors: remove one first.`;
    const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    this.#step([...others, { ...this.place, rgb }]);
    return "";
  }

  #move(x, y) {
    const { chosen } = this;
    if (chosen) this.#step(this.hints.map((hint) => (hint === chosen ? { ...hint, x, y } : hint)));
    this.place = { x, y };
  }

  #step(hints) {
    this.steps = [...this.steps.slice(0, this.position + 1), hints];
    this.position = this.steps.length - 1;
  }
}
