// More to try: random faces, a face by its features, an upload rebuilt, and the training faces next to a face.
const MANY = 8;
const SPREAD = { vae: "temperature", gan: "truncation ψ" }; // what people call the spread
const SHORT_SEED = 100_000; // short enough to stand below a small picture
let stand = null;
let atlas = null;
let made = {}; // factor → value
const tabs = [...part("tabs").querySelectorAll("button")];

function open(tool) {
  for (const tab of tabs) {
    const on = tab.dataset.tool === tool;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  stage.querySelectorAll("[role=tabpanel]").forEach((panel) => (panel.hidden = panel.dataset.tool !== tool));
}

part("tabs").addEventListener("click", ({ target }) => target.dataset.tool && open(target.dataset.tool));
roving(part("tabs"), (node) => open(node.dataset.tool));

function fill(name, ...nodes) {
  part(name).replaceChildren(...nodes);
}

function problem(name, text) {
  const line = make("p", "tool-empty", text);
  line.setAttribute("role", "status");
  fill(name, line);
}

// ---- random faces ----
let firstSeed = null;
const models = () => (stand.both && atlas ? [stand.model, ...atlas.others.slice(0, 1)] : [stand.model]);

/** A seed draws another face where the tab's own spread is another. */
const drawnAt = (look, seed) => (Number(part("spread").value) === stand.spread ? `seed:${seed}` : look.point);

function drawnRow(model, looks, seeds) {
  const row = make("div", "draw-row");
  if (models().length > 1) row.append(make("p", "caption", model));
  row.append(
    ...looks.map((look, i) => {
      const node = button("", "drawn", () => {
        if (model === stand.model) tell("show", { expression: drawnAt(look, seeds[i]) });
      });
      node.title = `seed ${seeds[i]}`;
      node.setAttribute("aria-label", `${model}, seed ${seeds[i]}: show it on the map`);
      node.append(picture(look.picture, ""), make("span", "", `seed ${seeds[i]}`));
      return node;
    }),
  );
  return row;
}

const drawRandom = latest("draws", (found, { names, seeds }) => {
  if (found.problem) return problem("draws", found.problem);
  fill("draws", ...found.rows.map((looks, i) => drawnRow(names[i], looks, seeds)));
});

function throwDice(first) {
  firstSeed = first;
  const seeds = Array.from({ length: MANY }, (_, i) => first + i);
  const names = models();
  const expressions = seeds.map((seed) => `seed:${seed}`);
  const plain = { edits: "", directions: "", spread: Number(part("spread").value) };
  drawRandom({ ...lookAt(stand, expressions, plain), names, seeds });
}

part("throw").addEventListener("click", () => stand && throwDice(Math.floor(Math.random() * SHORT_SEED)));
part("spread").addEventListener("input", () => {
  part("spread-at").textContent = part("spread").value;
  if (stand && firstSeed !== null) throwDice(firstSeed);
});

// ---- by features ----
const madeExpression = () => `face:${Object.entries(made).map(([name, value]) => `${name}=${value}`).join(",")}`;

function feature(name, { label, low, high, words, choices, cyclic }) {
  const box = make("label", "feature");
  box.dataset.cyclic = String(Boolean(cyclic));
  const field = make(choices ? "select" : "input");
  box.append(make("span", "", label), field);
  if (choices) {
    const labels = { true: "yes", false: "no" };
    field.append(...choices.map((choice) => new Option(labels[choice] ?? choice, String(choice))));
  } else {
    Object.assign(field, { type: "range", min: low, max: high, step: 0.05, value: (low + high) / 2 });
    const ends = make("span", "feature-ends");
    ends.append(make("i", "", words[0]), make("i", "", words[1]));
    if (!cyclic) box.append(ends);
  }
  field.dataset.factor = name;
  field.setAttribute("aria-label", label);
  field.addEventListener("input", () => {
    made[name] = field.value;
    tell("show", { expression: madeExpression() });
  });
  made[name] = field.value;
  return box;
}

function drawMaker() {
  made = {};
  fill("make", ...Object.entries(atlas.factors).map(([name, factor]) => feature(name, factor)));
}

stage.querySelectorAll("[data-make]").forEach((node) =>
  node.addEventListener("click", () => atlas && tell("set", { key: node.dataset.make, expression: madeExpression() })),
);

// ---- an upload ----
function figure(url, text, className) {
  const node = make("figure", className);
  node.append(picture(url, text), make("figcaption", "", text));
  return node;
}

async function rebuild(file) {
  const content = await contentOf(file, (text) => problem("rebuilt", text));
  if (content === null || !stand) return;
  problem("rebuilt", "The model looks at it …");
  const found = await asked("rebuild", { model: stand.model, file: content });
  if (found.problem) return problem("rebuilt", found.problem);
  const said = make("p", "status", `PSNR ${found.psnr} dB · SSIM ${found.ssim}. The more alike, the higher both.`);
  const hint = make("p", "caption hint", found.hint);
  hint.hidden = !found.hint;
  const actions = make("div", "actions");
  actions.append(
    button("Use as A", "quiet", () => tell("set", { key: "a", expression: found.point })),
    button("Use as B", "quiet", () => tell("set", { key: "b", expression: found.point })),
    button("Show it on the map", "quiet", () => tell("show", { expression: found.point })),
  );
  const row = make("div", "figures");
  const shown = { original: "your picture", picture: "rebuilt", difference: "difference × 3 (black: none)" };
  row.append(...Object.entries(shown).map(([name, text]) => figure(found[name], text)));
  fill("rebuilt", row, said, hint, actions);
}

part("choose").addEventListener("click", () => part("picture").click());
part("picture").addEventListener("change", ({ target }) => {
  rebuild(target.files[0]);
  target.value = "";
});

// ---- is it a copy? ----
hear("copy", async ({ expression, picture: url }) => {
  open("copies");
  problem("copies", "Looking through the training faces …");
  const found = await asked("copies", { model: stand.model, expression });
  if (found.problem) return problem("copies", found.problem);
  const row = make("div", "figures");
  row.append(
    figure(url, "this face", "mine"),
    ...found.faces.map((face, i) => figure(face.picture, `${i ? `${i + 1}. ` : "nearest, "}distance ${face.distance}`)),
  );
  fill("copies", row, scale(found), make("p", "status", found.verdict));
  stage.scrollIntoView({ behavior: "smooth", block: "nearest" });
});

/** A ruler from 0 on: the distance of this face, and what is usual. */
function scale({ faces, usual, far }) {
  const most = Math.max(far * 1.3, faces[0]?.distance ?? 0);
  const ruler = make("div", "ruler");
  const mine = "this face";
  for (const [text, at] of [["0: a copy", 0], ["usual", usual], ["95 %", far], [mine, faces[0]?.distance ?? 0]]) {
    const mark = make("span", text === mine ? "mine" : "", text);
    mark.style.left = `${(at / most) * 100}%`;
    ruler.append(mark);
  }
  ruler.setAttribute("role", "img");
  ruler.setAttribute("aria-label", `Distance ${faces[0]?.distance}; usual are ${usual}, and 95 % are below ${far}`);
  return ruler;
}

hear("atlas", (found) => {
  atlas = found;
  part("spread-name").textContent = SPREAD[atlas.kind] ?? "spread";
  drawMaker();
});

function draw() {
  if (!props.value || typeof props.value !== "object") return;
  const before = stand;
  stand = props.value;
  if (document.activeElement !== part("spread")) part("spread").value = stand.spread;
  part("spread-at").textContent = part("spread").value;
  if (before && before.model !== stand.model) firstSeed = null;
}

watch("value", draw);
draw();
