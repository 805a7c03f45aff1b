// The ends of a journey of a model for pictures: two prompts, two noises, or both. What is chosen here is written into
// the tab's own boxes A and B, which decide.
const END = /^(?:seed:(\d{1,10})(?=\s|$))?\s*(?:prompt:([^]*))?$/;
const TOP_SEED = 2 ** 31;
const SHORT_SEED = 100_000; // easy to read and to tell others
let stand = null; // what the knobs stand at
let varies = "prompt"; // or "noise", or "both"

/** What an end tells: { seed, prompt }, each only where it is there; null for what is no such end. */
function read(text) {
  const match = text.trim().match(END);
  return match && { seed: match[1] === undefined ? undefined : Number(match[1]), prompt: match[2]?.trim() };
}

const fill = (name, text) => document.activeElement !== part(name) && (part(name).value = text);

function write() {
  const [a, b, seed] = ["prompt-a", "prompt-b", "seed-b"].map((name) => part(name).value.trim());
  setKnob("a", `prompt:${a}`);
  const noise = `seed:${/^\d{1,10}$/.test(seed) ? Math.min(Number(seed), TOP_SEED - 1) : 0}`;
  setKnob("b", { prompt: `prompt:${b}`, noise, both: `${noise} prompt:${b}` }[varies]);
}

function arrange() {
  for (const node of part("varies").querySelectorAll("button")) {
    node.setAttribute("aria-pressed", String(node.dataset.varies === varies));
  }
  part("row-b").hidden = part("foot").hidden = varies === "noise";
  part("row-seed").hidden = varies === "prompt";
}

function draw() {
  if (!props.value || typeof props.value !== "object") return;
  stand = props.value;
  const [a, b] = [read(stand.a), read(stand.b)];
  const first = a?.seed ?? stand.seed;
  fill("prompt-a", a?.prompt ?? "");
  part("own").hidden = a?.seed === undefined;
  part("own-said").textContent = `Its noise has a seed of its own, ${a?.seed}:`;
  if (b && stand.b.trim()) varies = b.seed === undefined ? "prompt" : b.prompt === undefined ? "noise" : "both";
  else varies = "noise";
  if (b?.prompt !== undefined) fill("prompt-b", b.prompt);
  if (varies !== "prompt" || !part("seed-b").value) fill("seed-b", b?.seed ?? (first + 1) % TOP_SEED);
  arrange();
  const wrong = [["A", stand.a, a], ["B", stand.b, b]].find(([, , found]) => !found);
  if (wrong) return say(`${wrong[0]} is ${wrong[1]}; here it is a prompt: write it anew.`);
  lookUp({ model: stand.model, texts: [a.prompt ?? "", varies === "noise" ? "" : b.prompt ?? ""] });
}

function say(text) {
  part("prompts-said").textContent = text;
  part("prompts-said").hidden = !text;
}

let lookedUp = "";
const ask = latest("unknown", (found) => {
  const told = (found.unknown ?? []).map(({ word, near }) => `“${word}”` + (near.length ? ` (but ${near.join(", ")})` : ""));
  say(found.problem ?? (told.length ? `The model has never seen ${told.join(", ")}.` : ""));
});

function lookUp(question) {
  if (JSON.stringify(question) === lookedUp) return;
  lookedUp = JSON.stringify(question);
  ask(question);
}

function choose(node) {
  varies = node.dataset.varies;
  arrange();
  write();
}

for (const name of ["prompt-a", "prompt-b", "seed-b"]) part(name).addEventListener("input", write);
part("varies").addEventListener("click", ({ target }) => target.dataset.varies && choose(target));
roving(part("varies"), choose);
part("random-b").addEventListener("click", () => {
  part("seed-b").value = Math.floor(Math.random() * SHORT_SEED);
  write();
});
part("own-off").addEventListener("click", write);
part("swap-prompts").addEventListener("click", () => {
  const [a, b] = ["prompt-a", "prompt-b"].map(part);
  [a.value, b.value] = [b.value, a.value];
  write();
});
watch("value", draw);
draw();
