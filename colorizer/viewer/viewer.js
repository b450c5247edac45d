// The viewer of a photo: the body of a function of `element`, `props`, `trigger`, `watch` and `upload`, run once, by Gradio in
// the app and by page.js in the page without a server. `props.value` is what to show. Nothing that is there
// is drawn anew, so divider, zoom and focus stay. All text is set as textContent.
const find = (selector) => element.querySelector(selector), root = find(".viewer"), stage = find(".stage"), film = find(".film");
const KEPT = "colorizer-photo", GRAY = { id: "gray", name: "Before" }, TRUTH = { id: "truth", name: "True colors" };
const view = { left: "gray", right: null, isChosen: false, position: 50, isGrid: false, isFixing: false, isOldest: false,
  awaited: null, scale: 1, x: 0, y: 0, cross: [0.5, 0.5], isByKey: false, photo: null };
let sent = { items: [] };
const value = () => sent;
const items = () => value().items.slice().sort(view.isOldest ? (a, b) => (a.year || 9999) - (b.year || 9999) : () => 0);
const item = (id) => value().items.find((each) => each.id === id);
const done = () => items().filter((each) => each.src);
const known = (id) => (id === "gray" ? { ...GRAY, src: value().gray } : id === "truth" ? { ...TRUTH, src: value().truth } : item(id));
const befores = () => [known("gray"), ...(value().truth ? [known("truth")] : [])];
const label = (each) => each.name + (each.year ? " · " + each.year : "");
const clamp = (number, low, high) => Math.min(high, Math.max(low, number));
const set = (node, name, text) => { if (node[name] !== text) node[name] = text; };
const say = (text, isShown = true) => { const line = find(".status"); set(line, "textContent", text); line.classList.toggle("quiet", !isShown); };
// Files are served below the page's own root, which on a Space or behind a proxy is not "/".
const address = (src) => (/^(data|blob):/.test(src) ? src : (props.root || window.gradio_config?.root || location.origin) + "/" + src);
const make = (tag, className, parent) => { const node = document.createElement(tag); node.className = className; parent?.append(node); return node; };

// ---- drawing
function show(image, each) {
  if (!each) return;
  if (each.src && image.dataset.src !== each.src) {
    image.dataset.src = each.src;
    const next = new Image(); // the earlier picture stays until this one is here
    next.onload = next.onerror = () => { if (image.dataset.src === each.src) image.src = next.src; };
    next.src = address(each.src);
  }
  const colored = each.id === "truth" ? "The photo in its true colors" : "The photo colored by " + label(each);
  set(image, "alt", each.id === "gray" ? "The photo in black and white" : colored);
}
function draw() {
  const now = value();
  root.classList.toggle("empty", !now.gray); // a photo that could not be read
  for (const name of ["fix", "grid", "in", "out", "full", "copy", "zip", "save"]) find("[data-do=" + name + "]").disabled = !now.gray;
  root.classList.remove("local"); // also where nothing came of a photo: the earlier one is back
  if (view.photo === 0 && now.photo) view.photo = now.photo; // the opening example, now with results: nothing else changes
  if (view.photo !== now.photo) {
    Object.assign(view, { photo: now.photo, isChosen: false, awaited: null, left: "gray", right: null, position: now.sample ? 42 : 50, scale: 1, x: 0, y: 0 });
    setFixing(false);
    if (now.wanted && item(now.wanted)) Object.assign(view, { right: now.wanted, isChosen: true });
  }
  if (item(view.awaited)?.src) Object.assign(view, { right: view.awaited, isChosen: true, awaited: null });
  if (!view.isChosen || !item(view.right) || item(view.right).problem) view.right = (done()[0] || {}).id || view.right;
  root.style.setProperty("--ratio", now.size ? now.size[0] / now.size[1] : 1.4);
  const right = item(view.right);
  show(find(".picture.left"), known(view.left));
  show(find(".picture.right"), right?.src ? right : known("gray"));
  const missing = now.items.filter((each) => !each.src && !each.problem && !each.isOffered).length;
  root.classList.toggle("waiting", !right?.src && missing > 0);
  options(find(".chip.left select"), [...befores(), ...done()], view.left);
  options(find(".chip.right select"), done(), view.right);
  if (now.message) say(now.message);
  else if (now.busy && missing) {
    const expected = now.items.filter((each) => !each.isOffered).length;
    say(right?.src ? "Coloring: " + (expected - missing) + " of " + expected : "Coloring …");
  } else if (right?.src) say(summary(right), false);
  find(".sample").hidden = !now.sample || view.isGrid;
  set(find(".sample"), "textContent", now.sample || "");
  drawFilm(); drawCells(); drawDots(); drawPaint(); place();
  if (now.keep) sessionStorage.setItem(KEPT, JSON.stringify(now.keep));
}
function summary(right) { // for a screen reader
  const number = (value().dots || []).filter((dot) => dot.color).length, name = value().name ? value().name + ": " : "";
  const fixed = number ? ", with " + number + (number === 1 ? " fixed color" : " fixed colors") : "";
  const ready = done().length === 1 ? "1 coloring is ready." : done().length + " colorings are ready.";
  return name + label(right) + " is shown" + fixed + ". " + ready;
}
function options(select, list, chosen) {
  const key = list.map((each) => each.id + each.name).join("\n");
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...list.map((each) => new Option(each.name, each.id)));
  }
  select.value = chosen;
  select.parentNode.hidden = !list.length;
}
function drawFilm() {
  const list = value().truth ? [known("truth"), ...items()] : items(), key = list.map((each) => each.id).join("\n");
  if (film.dataset.key !== key) {
    film.dataset.key = key;
    film.replaceChildren(...list.map((each) => {
      const button = make("button", "");
      Object.assign(button, { type: "button", tabIndex: -1 });
      button.dataset.id = each.id;
      button.setAttribute("role", "option");
      ["span", "b", "small"].forEach((tag) => make(tag, "", button));
      return button;
    }));
  }
  list.forEach((each, number) => {
    const button = film.children[number], thumb = each.thumb || (each.id === "truth" && each.src);
    set(button.children[1], "textContent", each.name);
    set(button.children[2], "textContent", each.problem ? "⚠ failed" : String(each.note || each.year || "as it was"));
    button.title = each.problem || (each.note ? "ΔE: how far off the colors are on average. Lower is better." : "");
    if (thumb && button.dataset.thumb !== thumb) {
      button.dataset.thumb = thumb;
      button.children[0].style.backgroundImage = 'url("' + CSS.escape(address(thumb)).replace(/\\/g, "") + '")';
    }
    button.classList.toggle("wait", !thumb && !each.problem && !each.isOffered && !value().sample);
    button.classList.toggle("offered", !!each.isOffered);
    button.style.setProperty("--progress", each.progress || 0);
    button.classList.toggle("left", each.id === view.left && each.id !== "gray");
    button.setAttribute("aria-selected", each.id === view.right);
    button.tabIndex = each.id === (item(view.right) || items()[0])?.id ? 0 : -1;
  });
  set(find(".order span"), "textContent", value().items.length + " approaches, ");
  set(find("[data-do=order]"), "textContent", view.isOldest ? "oldest first ⇅" : "best first ⇅");
}
function drawCells() {
  const cells = find(".cells"), list = [...befores(), ...done()];
  cells.hidden = !view.isGrid;
  find(".frame").hidden = view.isGrid;
  root.classList.toggle("grid", view.isGrid);
  if (!view.isGrid) return;
  root.style.setProperty("--columns", columns(list.length));
  while (cells.children.length > list.length) cells.lastChild.remove();
  list.forEach((each, number) => {
    let cell = cells.children[number];
    if (!cell) {
      cell = make("button", "cell", cells);
      cell.type = "button";
      make("img", "picture", make("span", "window", cell)).draggable = false;
      make("span", "caption", cell);
    }
    cell.dataset.id = each.id;
    show(cell.querySelector("img"), each);
    set(cell.lastChild, "textContent", each.note ? each.name + " · " + each.note : label(each));
  });
}
function columns(count) { // as many as make the pictures largest in the room there is
  const width = stage.clientWidth, height = find(".room").offsetHeight, ratio = parseFloat(root.style.getPropertyValue("--ratio"));
  if (width < 600) return 2;
  for (let number = 1; number < count; number++) if (Math.ceil(count / number) * (width / number / ratio + 26) <= height) return number;
  return count;
}
function drawDots() {
  const box = find(".dots"), list = value().dots || [];
  while (box.children.length > list.length) box.lastChild.remove();
  list.forEach((dot, number) => {
    const node = box.children[number] || make("button", "dot", box);
    node.type = "button";
    node.setAttribute("aria-label", "Color " + (number + 1) + ": " + (dot.color || "not chosen yet") + ". Arrow keys move it, Delete removes it.");
    node.setAttribute("aria-pressed", !!dot.isChosen);
    Object.assign(node.style, { left: (view.x + dot.x * view.scale) * 100 + "%", top: (view.y + dot.y * view.scale) * 100 + "%", background: dot.color || "transparent" });
  });
}
function drawPaint() {
  const now = value(), swatches = now.swatches || [], key = JSON.stringify(swatches);
  find(".paint").hidden = !view.isFixing;
  set(find(".paint p"), "textContent", now.message || (swatches.length ? "Now pick its color:" : "Tap where a color is wrong."));
  find(".own").hidden = !swatches.length;
  for (const name of ["undo", "redo", "remove", "clear"]) find("[data-do=" + name + "]").disabled = !now.can?.[name];
  const box = find(".swatches");
  if (box.dataset.key !== key) box.replaceChildren(...swatches.map((swatch) => {
    const button = make("button", "");
    Object.assign(button, { type: "button", title: swatch.reason });
    button.dataset.color = swatch.color;
    make("i", "", button).style.background = swatch.color;
    button.append(swatch.name);
    return button;
  }));
  box.dataset.key = key;
  if (view.isByKey && swatches.length) { view.isByKey = false; box.firstChild.focus(); }
}
function place() {
  const styles = { "--position": view.position + "%", "--scale": view.scale, "--x": view.x * 100 + "%", "--y": view.y * 100 + "%" };
  for (const [name, text] of Object.entries(styles)) root.style.setProperty(name, text);
  find(".handle").setAttribute("aria-valuenow", Math.round(view.position));
  find("[data-do=fix]").setAttribute("aria-pressed", view.isFixing);
  find("[data-do=grid]").setAttribute("aria-pressed", view.isGrid);
  root.classList.toggle("fixing", view.isFixing);
  root.classList.toggle("zoomed", view.scale > 1);
  const cross = find(".cross"), [x, y] = view.cross;
  cross.hidden = !view.isFixing;
  Object.assign(cross.style, { left: (view.x + x * view.scale) * 100 + "%", top: (view.y + y * view.scale) * 100 + "%" });
  cross.setAttribute("aria-label", "Place at " + Math.round(x * 100) + " % from the left, " + Math.round(y * 100) + " % from the top. Arrow keys move it, Enter chooses it.");
}

// ---- what the visitor does
function zoom(by, x = 0.5, y = 0.5) {
  const scale = clamp(view.scale * by, 1, 8), factor = scale / view.scale;
  Object.assign(view, { scale, x: x - (x - view.x) * factor, y: y - (y - view.y) * factor });
  bound();
}
function bound() {
  view.x = clamp(view.x, 1 - view.scale, 0);
  view.y = clamp(view.y, 1 - view.scale, 0);
  place(); drawDots();
}
function setFixing(isFixing) {
  if (isFixing === view.isFixing) return;
  if (isFixing) [view.before, view.position, view.isGrid] = [view.position, 0, false];
  else view.position = view.before;
  view.isFixing = isFixing;
}
function choose(id, hasFocus) {
  if (id === "truth") { view.left = view.left === "truth" ? "gray" : "truth"; return draw(); }
  const chosen = item(id);
  if (chosen?.isOffered) { view.awaited = id; return trigger("chosen", { id }); } // it is shown as soon as it is there
  if (!chosen || chosen.problem || !(chosen.src || value().sample)) return;
  if (id === view.left) view.left = "gray";
  Object.assign(view, { right: id, isChosen: true, awaited: null });
  draw();
  const button = [...film.children].find((each) => each.dataset.id === id);
  if (hasFocus) button.focus({ preventScroll: true });
  film.scrollTo({ left: button.offsetLeft - (film.clientWidth - button.offsetWidth) / 2, behavior: "smooth" });
  const query = new URLSearchParams(location.search);
  query.set("approach", id.split(",")[0]);
  history.replaceState(history.state, "", "?" + query);
  trigger("chosen", { id });
}
function step(by) {
  const ids = items().filter((each) => each.src || value().sample).map((each) => each.id);
  if (ids.length) choose(ids[(ids.indexOf(view.right) + by + ids.length) % ids.length]);
}
function walk(from, by) { // what is there is shown; what is offered, or failed, is only reached
  const buttons = [...film.children].filter((each) => each.dataset.id !== "truth"), next = buttons[(buttons.indexOf(from) + by + buttons.length) % buttons.length];
  next.focus();
  const { id, src, isOffered } = item(next.dataset.id);
  if (src || (value().sample && !isOffered)) choose(id, true);
}
const act = (what, more) => trigger("act", { what, id: view.right, ...more });
async function png(source) {
  const image = await createImageBitmap(await (await fetch(source)).blob());
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
async function copy() {
  const source = item(view.right)?.src;
  if (!source) return say("There is no coloring to copy yet.");
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png(address(source)) })]); // at once: Safari allows it on a click alone
  say("Copied");
}
const actions = {
  open: () => find("input[type=file]").click(),
  fix: (event) => {
    setFixing(!view.isFixing);
    draw();
    if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
    if (view.isFixing && !event.detail) find(".cross").focus(); // pressed by a key
  },
  grid: () => { setFixing(false); view.isGrid = !view.isGrid; draw(); },
  order: () => { view.isOldest = !view.isOldest; draw(); film.scrollLeft = 0; },
  in: () => zoom(1.6), out: () => zoom(1 / 1.6), previous: () => step(-1), next: () => step(1),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.()),
  copy: () => copy().catch(() => say("This browser does not let a page copy pictures: download it instead.")),
  save: () => trigger("save", { what: "one", id: view.right }), zip: () => trigger("save", { what: "all" }),
};
for (const name of ["undo", "redo", "remove", "clear"]) actions[name] = () => act(name);
root.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.(event));
find(".chip.left select").onchange = (event) => { view.left = event.target.value === view.right ? "gray" : event.target.value; draw(); };
find(".chip.right select").onchange = (event) => choose(event.target.value);
find(".swatches").onclick = (event) => { const button = event.target.closest("[data-color]"); if (button) act("paint", { color: button.dataset.color }); };
find(".own input").onchange = (event) => act("paint", { color: event.target.value });
film.onclick = (event) => {
  const id = event.target.closest("button")?.dataset.id;
  if (event.shiftKey && item(id)?.src && id !== view.right) { view.left = id; draw(); } else if (id) choose(id, true);
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
film.onkeydown = (event) => { const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]; if (by) { event.preventDefault(); walk(event.target, by); } };
find(".handle").onkeydown = (event) => {
  const by = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 }[event.key];
  if (by) { event.preventDefault(); view.position = clamp(view.position + by, 0, 100); place(); }
};
find(".cross").onkeydown = (event) => {
  const by = ARROWS[event.key], far = event.shiftKey ? 0.1 : 0.02;
  if (by) view.cross = view.cross.map((at, axis) => clamp(at + by[axis] * far, 0, 1));
  else if (event.key === "Enter" || event.key === " ") { view.isByKey = true; act("point", { x: view.cross[0], y: view.cross[1] }); }
  else return;
  event.preventDefault();
  [view.x, view.y] = view.cross.map((at, axis) => clamp([view.x, view.y][axis], -at * view.scale, 1 - at * view.scale));
  bound();
};
find(".dots").onkeydown = (event) => {
  const dot = value().dots[[...event.currentTarget.children].indexOf(event.target)], by = ARROWS[event.key];
  if (by) act("move", { from: [dot.x, dot.y], x: clamp(dot.x + by[0] * 0.01, 0, 1), y: clamp(dot.y + by[1] * 0.01, 0, 1) });
  else if (event.key === "Delete" || event.key === "Backspace") act("remove", { from: [dot.x, dot.y] });
  else if (event.key === "Enter") { view.isByKey = true; act("point", { x: dot.x, y: dot.y }); }
  else return;
  event.preventDefault();
};
find(".paint").onkeydown = (event) => { if (event.key === "Escape") find(".cross").focus(); };
stage.addEventListener("keydown", (event) => { // before the divider gets it
  const by = event.shiftKey && view.scale > 1 && !event.target.closest(".cross, .dot, select") && ARROWS[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  Object.assign(view, { x: view.x - by[0] * 0.1, y: view.y - by[1] * 0.1 });
  bound();
}, true);

// ---- a photo that is chosen, dropped or pasted is seen at once, before a byte is sent
let newest = 0; // number of the photo chosen last: an earlier one that is still on its way is dropped
async function foresee(source) {
  const mine = ++newest, isNewest = () => mine === newest, image = new Image();
  image.src = source;
  const isShown = await image.decode().then(() => true, () => false); // few browsers know TIFF or HEIC
  if (!isNewest()) return isNewest;
  if (isShown) root.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
  setFixing(false);
  Object.assign(view, { isGrid: false, right: null, isChosen: false, left: "gray", scale: 1, x: 0, y: 0, photo: null });
  drawCells(); place();
  root.classList.remove("empty");
  root.classList.add("local", "waiting");
  for (const picture of root.querySelectorAll(".frame .picture")) {
    picture.dataset.src = source;
    if (isShown) picture.src = source; else picture.removeAttribute("src");
  }
  find(".sample").hidden = true;
  for (const button of film.children) {
    button.classList.add("wait");
    button.dataset.thumb = button.children[0].style.backgroundImage = "";
    button.children[2].textContent = "…"; // not what was measured on the photo before
  }
  say("Coloring …");
  if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
  return isNewest;
}
const isPhoto = (file) => file.type.startsWith("image/") || props.accept.split(",").some((ending) => file.name.toLowerCase().endsWith(ending));
async function open(file) {
  if (!file) return;
  if (!isPhoto(file)) return say(file.name + " is not a photo.");
  const isNewest = await foresee(URL.createObjectURL(file));
  try {
    const { path } = await upload(file);
    if (isNewest()) trigger("opened", { path });
  } catch (error) {
    if (isNewest()) { draw(); say("The photo could not be sent: " + (error.message || "try again") + "."); }
  }
}
find("input[type=file]").onchange = (event) => { open(event.target.files[0]); event.target.value = ""; };
window.addEventListener("viewer-example", async (event) => { // from the list of examples
  const isNewest = await foresee(event.detail.source);
  if (isNewest()) trigger("opened", { example: event.detail.number });
});
const isSeen = () => element.offsetParent !== null;
let depth = 0; // dragging over a child leaves its parent
const hasFiles = (event) => isSeen() && [...(event.dataTransfer?.types || [])].includes("Files");
window.addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth++; root.classList.add("dropping"); } });
window.addEventListener("dragleave", (event) => { if (hasFiles(event) && --depth <= 0) root.classList.remove("dropping"); });
window.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
window.addEventListener("drop", (event) => {
  depth = 0;
  root.classList.remove("dropping");
  if (hasFiles(event)) { event.preventDefault(); open(event.dataTransfer.files[0]); }
});
window.addEventListener("paste", (event) => { if (isSeen()) open([...(event.clipboardData?.files || [])][0]); });

// ---- pointer: a drag moves the divider, or the photo if it is zoomed, or a dot; a tap is a place; two fingers zoom
const pointers = new Map();
let start = null, pinch = 0;
const at = (event, box) => { const r = box.getBoundingClientRect(); return [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height]; };
const onPhoto = (event) => at(event, start.box).map((share, axis) => clamp((share - [view.x, view.y][axis]) / view.scale, 0, 1));
/** Distance of two fingers, 0 unless there are two. */
const apart = () => { const [a, b] = pointers.values(); return pointers.size === 2 ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0; };
stage.addEventListener("pointerdown", (event) => {
  if (event.target.closest(".chip") || event.button) return;
  pointers.set(event.pointerId, event);
  const dot = event.target.closest(".dot"), cell = event.target.closest(".cell");
  start = { event, box: cell?.firstChild || find(".frame"), x: view.x, y: view.y, isHandle: !!event.target.closest(".handle"), id: cell?.dataset.id,
    dot, from: dot && value().dots[[...dot.parentNode.children].indexOf(dot)], hasMoved: false };
  pinch = apart();
  stage.setPointerCapture(event.pointerId);
  if (start.isHandle) find(".handle").focus();
});
stage.addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId) || !start) return;
  pointers.set(event.pointerId, event);
  if (pointers.size === 2) {
    const [a, b] = [...pointers.values()], far = apart();
    if (pinch) zoom(far / pinch, ...at({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 }, start.box));
    pinch = far;
    start.hasMoved = true;
    return;
  }
  const box = start.box.getBoundingClientRect(), x = event.clientX - start.event.clientX, y = event.clientY - start.event.clientY;
  if (Math.hypot(x, y) > 4) start.hasMoved = true;
  if (!start.hasMoved) return;
  if (start.dot) [start.dot.style.left, start.dot.style.top] = at(event, start.box).map((share) => share * 100 + "%");
  else if (!view.isGrid && !view.isFixing && (start.isHandle || view.scale === 1)) { view.position = clamp(at(event, start.box)[0] * 100, 0, 100); place(); }
  else { view.x = start.x + x / box.width; view.y = start.y + y / box.height; bound(); }
});
function release(event) {
  pointers.delete(event.pointerId);
  pinch = 0;
  if (!start) return;
  if (pointers.size) { // the finger that is left drags the photo from here
    const [left] = pointers.values();
    Object.assign(start, { event: left, x: view.x, y: view.y });
    return;
  }
  const [x, y] = onPhoto(event), { dot, from, hasMoved, id, isHandle } = start;
  if (event.type === "pointerup") {
    if (dot && hasMoved) act("move", { from: [from.x, from.y], x, y });
    else if (dot) act("point", { x: from.x, y: from.y });
    else if (hasMoved || isHandle) { /* it was a drag */ }
    else if (view.isGrid && item(id)) { view.isGrid = false; choose(id); }
    else if (view.isFixing) { view.cross = [x, y]; place(); act("point", { x, y }); }
    else if (!view.isGrid && view.scale === 1 && start.event.target.closest(".frame")) { view.position = x * 100; place(); }
  }
  start = null;
}
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
find(".cells").onkeydown = (event) => { // a click by pointer is handled above
  const id = event.target.closest(".cell")?.dataset.id;
  if ((event.key === "Enter" || event.key === " ") && item(id)) { event.preventDefault(); view.isGrid = false; choose(id, true); }
};
stage.addEventListener("dblclick", (event) => {
  const box = event.target.closest(".window") || find(".frame");
  if (!view.isFixing && !view.isGrid) zoom(view.scale > 1 ? 1 / view.scale : 2.5, ...at(event, box));
});
stage.addEventListener("wheel", (event) => { // without Ctrl, the wheel scrolls the page
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), ...at(event, event.target.closest(".window") || find(".frame")));
}, { passive: false });

// ---- the start: what there was before a reload, or the approach in the address
function receive() {
  sent = JSON.parse(JSON.stringify(props.value)); // a plain copy: every look into Gradio's own is watched, and slow
  draw();
}
watch("value", receive);
receive();
new ResizeObserver(() => { if (view.isGrid) drawCells(); }).observe(root);
const asked = new URLSearchParams(location.search).get("approach");
let kept = null;
try { kept = JSON.parse(sessionStorage.getItem(KEPT)); } catch (error) { /* nothing is kept then */ }
if (kept?.path) {
  root.classList.add("waiting");
  view.photo = null; // another photo than the opening example comes
  say("Coloring …");
  trigger("kept", { path: kept.path, keep: { ...kept, chosen: asked || kept.chosen } });
} else if (asked && item(asked)) choose(asked);
