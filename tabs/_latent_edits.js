// Edit sliders, in σ along directions: those that the model learnt and those that a person made. Directions of one's
// own travel in the recipe and are kept in this browser, one store for each model's weights.
const MOST = 3; // σ of a slider; a box of the recipe takes up to 5
const MOST_FACES = 12; // in a tray
const EMPTY = { plus: "faces with more of it", minus: "faces with less of it" };
let stand = null;
let atlas = null;
let trays = { plus: [], minus: [] }; // { picture, point }
const rows = new Map(); // name → { root, slider, value }

function say(text) {
  part("edits-said").textContent = text;
}

function writeEdits(edits) {
  setKnob("edits", writtenEdits(edits));
}

function readOwn() {
  try {
    const own = JSON.parse(knob("directions")?.value || "{}");
    return own && typeof own === "object" && !Array.isArray(own) ? own : {};
  } catch {
    return {};
  }
}

function newRow(name, own) {
  const root = make("div", "edit-row");
  const id = `latent-edit-${Math.random().toString(36).slice(2)}`;
  const label = make("label", "", name);
  label.htmlFor = id;
  const slider = make("input");
  Object.assign(slider, { type: "range", id, min: -MOST, max: MOST, step: 0.1, value: 0 });
  slider.dataset.name = name;
  const value = make("output", "edit-value", "0");
  slider.addEventListener("input", () => {
    const edits = readEdits();
    edits[name] = Number(slider.value);
    writeEdits(edits);
    describe();
  });
  slider.addEventListener("dblclick", () => {
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
  });
  root.append(label, slider, value);
  if (own) {
    const remove = button("×", "link", () => {
      const all = readOwn();
      delete all[name];
      const edits = readEdits();
      delete edits[name];
      writeEdits(edits);
      keepOwn(all);
      arrange();
      part("name").focus();
    });
    remove.setAttribute("aria-label", `Take ${name} away`);
    root.append(remove);
  }
  return { root, slider, value };
}

function arrange() {
  if (!atlas) return;
  const own = Object.keys(readOwn()).filter((name) => !atlas.directions.includes(name));
  const names = [...atlas.directions, ...own];
  if (names.join() === [...rows.keys()].join()) return describe();
  const before = new Map(rows);
  rows.clear();
  names.forEach((name) => rows.set(name, before.get(name) ?? newRow(name, own.includes(name))));
  part("rows").replaceChildren(...[...rows.values()].map((row) => row.root));
  describe();
}

function describe() {
  const edits = readEdits();
  for (const [name, { root, slider, value }] of rows) {
    const sigma = edits[name] ?? 0;
    if (Number(slider.value) !== sigma && document.activeElement !== slider) slider.value = sigma;
    value.textContent = sigma ? `${sigma > 0 ? "+" : "−"}${Math.abs(sigma)} σ` : "0";
    slider.setAttribute("aria-valuetext", `${sigma} σ`);
    root.classList.toggle("on", Boolean(sigma));
  }
  const told = Object.entries(edits).filter(([, sigma]) => sigma);
  const sum = told.map(([name, sigma]) => `${name} ${sigma > 0 ? "+" : "−"}${Math.abs(sigma)}`).join(", ");
  part("edits-sum").textContent = sum || "more smile, fewer years, glasses …";
}

// ---- directions of one's own ----
const storeName = () => `playground-latent-directions-${atlas.fingerprint}`;

function keepOwn(own) {
  const text = Object.keys(own).length ? JSON.stringify(own) : "";
  setKnob("directions", text);
  try {
    localStorage.setItem(storeName(), text);
  } catch {
    say("This browser keeps nothing; save the direction as JSON.");
  }
}

/** Directions of other weights mean nothing here. */
function dropStrangers() {
  const own = Object.entries(readOwn());
  const mine = own.filter(([, entry]) => entry?.fingerprint === atlas.fingerprint);
  if (mine.length === own.length) return;
  setKnob("directions", mine.length ? JSON.stringify(Object.fromEntries(mine)) : "");
  say("Directions of your own that were made with other weights are left out here.");
}

/** Edits along directions that are not here can't be seen on any slider, and no face could be made with them. */
function dropUnknown() {
  const edits = Object.entries(readEdits());
  const known = edits.filter(([name]) => rows.has(name));
  if (known.length === edits.length) return;
  writeEdits(Object.fromEntries(known));
  say("Edits along directions that are not here are left out.");
}

/** What was made in this browser for these weights, where the page's address brought none. */
async function recall() {
  let kept = "";
  try {
    kept = localStorage.getItem(storeName()) ?? "";
  } catch {
    return; // a browser that keeps nothing
  }
  if (kept && !knob("directions")?.value) await join([kept], "");
}

async function join(texts, told) {
  const found = await asked("join", { model: stand.model, texts });
  if (found.problem) return say(found.problem);
  keepOwn(JSON.parse(found.directions));
  arrange();
  if (told) say(told);
}

function drawTray(which) {
  part(which).replaceChildren(
    ...trays[which].map((face, i) => {
      const node = button("", "thumb", () => {
        trays[which].splice(i, 1);
        drawTray(which);
      });
      node.append(picture(face.picture, ""));
      node.title = "Take it out";
      node.setAttribute("aria-label", `Take face ${i + 1} out`);
      return node;
    }),
  );
  if (!trays[which].length) part(which).append(make("span", "caption", EMPTY[which]));
}

function collect(which, face) {
  if (trays[which].length >= MOST_FACES) return say(`${MOST_FACES} faces are enough.`);
  trays[which].push(face);
  drawTray(which);
  part("fold").open = true;
  say(`${trays.plus.length} with more, ${trays.minus.length} with less.`);
}

part("build").addEventListener("click", async () => {
  const [plus, minus] = ["plus", "minus"].map((which) => trays[which].map((face) => face.point));
  const name = part("name").value;
  if (!plus.length && !minus.length) return say("Collect a face or two first: “+ more” and “− less” are below the big face.");
  if (!name.trim()) {
    part("name").focus();
    return say("Give the direction a name: it will stand beside its slider.");
  }
  const found = await asked("build", { model: stand.model, name, plus, minus });
  if (found.problem) return say(found.problem);
  const own = knob("directions").value;
  const all = own ? [own, found.directions] : [found.directions];
  await join(all, `“${name.trim()}” is a slider now. It is kept in this browser.`);
  rows.get(name.trim())?.slider.focus();
});
part("save").addEventListener("click", () => {
  const text = knob("directions").value;
  if (!text) return say("There is no direction of yours yet.");
  download(text, `directions-${stand.model}.json`, "application/json");
});
part("load").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  if (file.size > 2 ** 20) return say("The file is too large for directions.");
  const own = knob("directions").value;
  join([...(own ? [own] : []), await file.text()], "Loaded: see the sliders.");
});
part("reset").addEventListener("click", () => {
  setKnob("edits", "");
  describe();
});
hear("face", (url) => showPicture(part("follows"), url));
hear("collect", ({ which, ...face }) => collect(which, face));
hear("atlas", async (found) => {
  atlas = found;
  trays = { plus: [], minus: [] };
  ["plus", "minus"].forEach(drawTray);
  dropStrangers();
  await recall();
  arrange();
  dropUnknown();
});

function draw() {
  if (!props.value || typeof props.value !== "object") return;
  stand = props.value;
  arrange();
}

["plus", "minus"].forEach(drawTray);
watch("value", draw);
draw();
