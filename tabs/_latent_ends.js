// The ends of a journey as faces: A, B, what lies between, and the other corners of a grid. What is chosen here is
// written into the tab's own boxes, which decide.
const MOST_VIA = 6;
const FORMS = "seed:7 · preset:cat · face:kind=dog · at:0.3,-1.2 · or a sum: seed:3 + preset:cat - preset:dog";
const TOP_SEED = 2 ** 31;
const SHORT_SEED = 100_000; // easy to read and to tell others
let stand = null; // what the knobs stand at
let presets = [];
let ready = false; // whether the map is there, and with it the model
let stops = []; // on show: { key, letter, root, image, choice, text }
let uploadFor = null;
const looks = new Map(); // key → the face there

const vias = () => (knob("via")?.value ?? "").split(";").map((text) => text.trim()).filter(Boolean);

function keys() {
  if (stand?.layout === "grid") return ["a", "b", "c", "d"];
  return ["a", ...vias().map((_, i) => `via${i}`), "b"];
}

function expressionAt(key) {
  return key.startsWith("via") ? vias()[Number(key.slice(3))] ?? "" : knob(key)?.value ?? "";
}

function setExpression(key, text) {
  if (!key.startsWith("via")) return setKnob(key, text.trim());
  const all = vias();
  all[Number(key.slice(3))] = text.replaceAll(";", " ").trim();
  setKnob("via", all.filter(Boolean).join("; "));
}

/** What an empty box stands for. */
function seedOf(key) {
  return ((stand?.seed ?? 0) + "abcd".indexOf(key)) % TOP_SEED;
}

function wholeAt(key) {
  return expressionAt(key) || `seed:${seedOf(key)}`;
}

function newStop(key, i) {
  const via = key.startsWith("via");
  const letter = via ? String(i) : key.toUpperCase();
  const name = via ? `Way-point ${i}` : letter;
  const stop = { key, letter, name, root: make("div", "end") };
  stop.root.dataset.key = key;
  const frame = button("", "end-face", () => looks.has(key) && tell("show", { expression: wholeAt(key) }));
  frame.setAttribute("aria-label", `${name}: show it on the map`);
  stop.image = picture("", "");
  frame.append(stop.image, make("span", "badge", letter));
  stop.choice = make("select");
  stop.choice.setAttribute("aria-label", `${name}: a face to begin with`);
  stop.choice.addEventListener("change", () => setExpression(key, stop.choice.value));
  stop.text = make("input", "end-text");
  Object.assign(stop.text, { type: "text", spellcheck: false, autocomplete: "off" });
  stop.text.setAttribute("aria-label", `${name} as text`);
  stop.text.title = FORMS;
  stop.text.addEventListener("change", () => setExpression(key, stop.text.value));
  const tools = make("div", "end-tools");
  const random = button("random", "link", () => setExpression(key, `seed:${Math.floor(Math.random() * SHORT_SEED)}`));
  random.setAttribute("aria-label", `${name}: a random face`);
  const upload = button("upload", "link", () => {
    uploadFor = key;
    part("upload").click();
  });
  upload.setAttribute("aria-label", `${name}: a picture of yours`);
  tools.append(random, upload);
  if (via) {
    const others = () => vias().filter((_, k) => `via${k}` !== key);
    const remove = button("remove", "link", () => setKnob("via", others().join("; ")));
    remove.setAttribute("aria-label", `${name}: take it away`);
    tools.append(remove);
  }
  stop.root.append(frame, stop.choice, stop.text, tools);
  return stop;
}

/** Show as many ends as there are; those that stay keep their focus. */
function arrange() {
  const wanted = keys();
  if (wanted.join() !== stops.map((stop) => stop.key).join()) {
    stops = wanted.map((key, i) => stops.find((stop) => stop.key === key) ?? newStop(key, i));
    part("stops").replaceChildren(...stops.map((stop) => stop.root));
    part("stops").dataset.count = stops.length;
  }
  stage.dataset.layout = stand?.layout === "grid" ? "grid" : "path";
  part("add").hidden = stand?.layout === "grid" || vias().length >= MOST_VIA;
  stops.forEach(describe);
}

function describe(stop) {
  const expression = expressionAt(stop.key);
  const isVia = stop.key.startsWith("via");
  const seed = isVia ? "" : `seed ${seedOf(stop.key)}`;
  const options = presets.map((name) => [`preset:${name}`, name]);
  if (!isVia) options.unshift(["", `By the seed (${seed})`]);
  if (!options.some(([value]) => value === expression)) options.unshift([expression, nameOf(expression)]);
  if (stop.options !== JSON.stringify(options)) {
    stop.options = JSON.stringify(options);
    stop.choice.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  }
  stop.choice.value = expression;
  if (document.activeElement !== stop.text || !expression) stop.text.value = expression;
  stop.text.placeholder = seed && `seed:${seedOf(stop.key)}`;
}

let complaint = ""; // what is wrong with the ends, or with the file that was to become one
let foreign = { expression: "", hint: "" }; // an end from a picture that is unlike all that the model knows

/** What is wrong, or else the hint of an upload for as long as it is one of the ends. */
function say() {
  const stands = foreign.expression && keys().some((key) => expressionAt(key) === foreign.expression);
  const text = complaint || (stands ? foreign.hint : "");
  if (part("ends-said").textContent !== text) part("ends-said").textContent = text;
  part("ends-said").hidden = !text;
}

const look = latest("look", (found, question) => {
  complaint = found.problem ?? "";
  say();
  stops.forEach((stop) => stop.root.classList.toggle("outdated", Boolean(found.problem)));
  if (found.problem) return;
  question.keys.forEach((key, i) => {
    looks.set(key, found.looks[i]);
    const stop = stops.find((other) => other.key === key);
    if (stop) showPicture(stop.image, found.looks[i].picture);
  });
  const letterOf = (key) => (key.startsWith("via") ? "" : key.toUpperCase());
  tell("ends", question.keys.map((key, i) => ({ key, letter: letterOf(key), ...found.looks[i] })));
});

let looked = "";

function refresh() {
  if (!stand?.model || !ready) return;
  arrange();
  say();
  const shown = keys();
  const question = lookAt(stand, shown.map(wholeAt));
  if (JSON.stringify(question) === looked) return;
  looked = JSON.stringify(question);
  look({ ...question, keys: shown });
}

async function takeUpload(file) {
  const complain = (text) => {
    complaint = text;
    say();
  };
  const content = await contentOf(file, complain);
  if (content === null) return;
  const found = await asked("rebuild", { model: stand.model, file: content });
  if (!found.problem) {
    foreign = { expression: found.point, hint: found.hint ?? "" };
    setExpression(uploadFor, found.point);
  }
  complain(found.problem ?? "");
}

function draw() {
  if (!props.value || typeof props.value !== "object") return;
  stand = props.value;
  arrange();
  refresh();
}

part("swap").addEventListener("click", () => {
  const [a, b] = ["a", "b"].map(wholeAt);
  setKnob("a", b);
  setKnob("b", a);
});
part("add").addEventListener("click", () => {
  setKnob("via", [...vias(), `seed:${Math.floor(Math.random() * SHORT_SEED)}`].join("; "));
});
part("upload").addEventListener("change", ({ target }) => {
  takeUpload(target.files[0]);
  target.value = "";
});
hear("atlas", (atlas) => {
  presets = atlas.presets;
  ready = true;
  looked = "";
  stops.forEach((stop) => (stop.options = ""));
  refresh();
});
hear("set", ({ key, expression }) => setExpression(key, expression));
watch("value", draw);
draw();
