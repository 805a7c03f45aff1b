// The map: training faces as points, the place that is looked at, A and B with the path between, and the face itself.
// How it is drawn is _latent_canvas.js' business.
const REACH = 16; // px around a handle that take hold of it
const MOST_SIGMA = 5; // of an edit
const TRACED = 24; // places of the path that is drawn before there is a journey
const EXPRESSION = { pca: "at", tsne: "near" };
let stand = null;
let atlas = null;
let plane = "pca";
let ends = []; // { key, letter, places, … }
let route = null; // { pca, tsne }: where the path leads
let held = null; // what is dragged: a letter, "" for the place itself
let shown = null; // the face on show: { expression, edited, base, look }; see `lookAgain`
const atlases = new Map(); // by model, with its fingerprint

let asks = 0; // so far; those before `silenced` are answered too late
let silenced = 0;

const isWhole = (shown) => Boolean(shown?.look?.picture);
const decimal = (value) => Number(value.toFixed(3));

// ---- the face ----
function face(look, caption) {
  showPicture(part("face"), look.picture);
  part("face-empty").hidden = true;
  part("face").alt = `The face: ${caption}`;
  part("face-said").textContent = caption;
  tellUnusual(look.unusual);
  tell("face", look.picture);
}

function tellUnusual(unusual) {
  part("known").hidden = typeof unusual !== "number";
  if (typeof unusual !== "number") return;
  part("known-mark").style.left = `${Math.min(unusual / 2, 1) * 100}%`;
  part("known").dataset.strange = String(unusual > 1);
  part("known").title = `${unusual.toFixed(2)} of the distance that 95 % of faces keep to what the model knows`;
}

const ask = latest("look", (found, question) => {
  if (question.number <= silenced) return; // a frame of a journey came meanwhile
  if (found.problem) {
    part("face-said").textContent = found.problem;
    return;
  }
  const [look] = found.looks;
  shown = { expression: question.expressions[0], edited: question.edited, base: question.base, look };
  if (held === null) moveTo(look.places);
  face(look, question.base ? `${question.base.caption}, edited` : nameOf(shown.expression));
});

/** Look at an expression; `edited` says that it holds its edits already. */
function lookTo(expression, edited = false) {
  if (atlas) ask({ ...lookAt(stand, [expression], edited ? { edits: "" } : {}), edited, number: ++asks });
}

/** Sliders moved: a frame of a journey holds the edits that it was made with, so only what differs is added to it. */
function lookAgain() {
  const { expression, edited, base } = shown;
  if (!edited) return lookTo(expression);
  if (!base) return;
  const [before, now] = [readEdits(base.edits), readEdits()];
  const names = Object.keys({ ...before, ...now });
  const differing = (name) => Math.min(Math.max((now[name] ?? 0) - (before[name] ?? 0), -MOST_SIGMA), MOST_SIGMA);
  const edits = writtenEdits(Object.fromEntries(names.map((name) => [name, differing(name)])));
  if (edits) return ask({ ...lookAt(stand, [expression], { edits }), edited, base, number: ++asks });
  silenced = ++asks;
  shown = { ...shown, look: base.look };
  face(base.look, base.caption);
  moveTo(base.look.places);
}

/** Put the cursor where a face lies on both planes. */
function moveTo(places) {
  if (!places) return;
  cursor = places;
  const [x, y] = places[plane];
  if (document.activeElement !== part("x")) part("x").value = x;
  if (document.activeElement !== part("y")) part("y").value = y;
  drawOver();
}

function goTo(x, y) {
  cursor = { ...cursor, [plane]: [x, y] };
  part("x").value = x;
  part("y").value = y;
  part("hint").hidden = true;
  drawOver();
  lookTo(`${EXPRESSION[plane]}:${decimal(x)},${decimal(y)}`);
}

// ---- the pointer ----
function handleAt(x, y, reach = REACH) {
  const near = ({ places }) => Math.hypot(...toPixels(places[plane]).map((value, i) => value - [x, y][i])) <= reach;
  return ends.filter((end) => end.letter).findLast(near) ?? null;
}

const placeOf = (event) => {
  const box = part("canvas").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

part("canvas").addEventListener("pointerdown", (event) => {
  if (!atlas || event.button) return;
  event.preventDefault();
  part("canvas").setPointerCapture(event.pointerId);
  held = handleAt(...placeOf(event))?.letter ?? "";
  follow(event);
});
part("canvas").addEventListener("pointermove", (event) => {
  if (held !== null) return follow(event);
  part("canvas").classList.toggle("on-handle", Boolean(atlas && handleAt(...placeOf(event))));
});
part("canvas").addEventListener("lostpointercapture", () => {
  const [letter, end] = [held, ends.find((other) => other.letter === held)];
  held = null;
  if (letter && end) {
    const [x, y] = end.places[plane];
    tell("set", { key: end.key, expression: `${EXPRESSION[plane]}:${decimal(x)},${decimal(y)}` });
  }
});

function follow(event) {
  const at = fromPixels(placeOf(event));
  const end = held && ends.find((other) => other.letter === held);
  if (end) end.places = { ...end.places, [plane]: at };
  goTo(...at);
}

["x", "y"].forEach((name) =>
  part(name).addEventListener("input", () => goTo(Number(part("x").value), Number(part("y").value))),
);

// ---- what can be done with the face ----
/** A frame holds the edits that it was made with: an end, to which edits are added, is the point before them. */
async function becomeEnd(key, { expression, base }) {
  const made = Object.entries(readEdits(base?.edits ?? ""));
  const back = writtenEdits(Object.fromEntries(made.map(([name, sigma]) => [name, -sigma])));
  if (!back) return tell("set", { key, expression });
  const found = await asked("look", lookAt(stand, [expression], { edits: back }));
  part("face-said").textContent = found.problem ?? "";
  if (!found.problem) tell("set", { key, expression: found.looks[0].point });
}

part("face-actions").addEventListener("click", ({ target }) => {
  const act = target.closest("button")?.dataset.act;
  if (!act || !isWhole(shown)) return;
  const { look } = shown;
  if (act === "copy") return tell("copy", { expression: look.point, picture: look.picture });
  if (act === "a" || act === "b") return void becomeEnd(act, shown);
  tell("collect", { which: act, picture: look.picture, point: look.point });
});

// ---- which map ----
function choosePlane(name) {
  plane = name;
  for (const node of part("planes").querySelectorAll("button")) {
    node.setAttribute("aria-pressed", String(node.dataset.plane === name));
  }
  measure();
  drawAll();
  moveTo(cursor);
}

part("planes").addEventListener("click", ({ target: { dataset } }) => {
  if (dataset.plane && atlas) choosePlane(dataset.plane);
});
roving(part("planes"), (node) => atlas && choosePlane(node.dataset.plane));
part("colour").addEventListener("change", drawAll);

function wait(text) {
  part("wait-said").textContent = text;
  part("wait").hidden = false;
}

async function fetchAtlas(model) {
  if (!atlases.has(model)) {
    wait("Loading the model and its map …");
    atlases.set(model, asked("atlas", { model }));
  }
  const found = await atlases.get(model);
  if (stand.model !== model) return; // another was chosen meanwhile
  if (found.problem) {
    atlases.delete(model);
    stage.dataset.state = "none";
    return wait(found.problem);
  }
  take(found);
}

function take(found) {
  const first = !atlas;
  atlas = found;
  [ends, route] = [[], null];
  stage.dataset.state = "ready";
  part("wait").hidden = true;
  part("hint").hidden = !first;
  part("sliders").hidden = false;
  const colour = part("colour").value || "kind";
  const options = Object.entries(atlas.factors).map(([name, { label }]) => new Option(label.toLowerCase(), name));
  part("colour").replaceChildren(...options);
  part("colour").value = colour in atlas.factors ? colour : Object.keys(atlas.factors)[0];
  measure();
  drawAll();
  tell("atlas", atlas);
  lookTo(first ? "at:0,0" : shown?.expression.startsWith("point:") ? "at:0,0" : shown?.expression ?? "at:0,0");
}

// ---- what the others tell ----
const wayOf = (stand) => ({ ...stand, frames: TRACED });
const trace = latest("trace", (found) => {
  route = found.problem || stand.layout === "grid" ? null : found.places;
  drawOver();
});

hear("ends", (found) => {
  if (held === null) ends = found;
  drawOver();
  trace(wayOf(stand));
});
hear("show", ({ expression, edited }) => lookTo(expression, edited));
/** A frame of a journey: its picture is there already. */
hear("frame", ({ expression, picture, caption, places, unusual, edits }) => {
  silenced = asks;
  part("hint").hidden = true;
  const look = { picture, point: expression, places, unusual };
  shown = { expression, edited: true, base: { edits, caption, look }, look };
  face(look, caption);
  moveTo(places);
});

/** Where the frame on show lies, which is told only after it. */
hear("place", ({ expression, places, unusual }) => {
  if (shown?.expression !== expression || !shown.base) return;
  Object.assign(shown.base.look, { places, unusual });
  if (shown.look !== shown.base.look) return; // it is edited
  moveTo(places);
  tellUnusual(unusual);
});

const textsNow = () => JSON.stringify([knob("edits")?.value, knob("directions")?.value, stand.spread]);
let texts = "";

function draw() {
  if (!props.value || typeof props.value !== "object") return;
  const before = stand;
  stand = props.value;
  if (!stand.model) return wait("There is no model for faces here: put one into checkpoints/.");
  const now = textsNow();
  if (before?.model !== stand.model) {
    texts = now;
    return void fetchAtlas(stand.model);
  }
  if (now !== texts && isWhole(shown)) lookAgain();
  texts = now;
  if (atlas && ends.length) trace(wayOf(stand));
}

new ResizeObserver(() => atlas && (measure(), drawAll())).observe(part("sheet"));
new MutationObserver(() => atlas && drawAll()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", draw);
draw();
