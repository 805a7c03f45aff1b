// Draws what tabs/_image_view.py sends, after all the others of its scope: see `SCRIPT` in tabs/_image_layout.py.
// Text of people and models goes through textContent only, never through HTML.
const KEPT = 32; // earlier pictures
let active = null; // the run that is drawn
let taken = -1; // the last chunk of it that is drawn
const earlier = [];

function begin(value) {
  taken = -1;
  active = { run: value.run, prompt: value.prompt, seeds: value.seeds, recipe: {}, cards: [] };
  active.cards = value.seeds.map((seed, k) => newCard(active, seed, k));
  hang(active);
  const { top } = stage.getBoundingClientRect();
  if (top > window.innerHeight * 0.6 || top < -window.innerHeight * 0.2) stage.scrollIntoView({ behavior: "smooth" });
}

/** Put the pictures of a run on show. */
function hang(node) {
  unlight();
  if (seen) rest(seen);
  seen = null;
  cards = node ? node.cards : [];
  part("look").hidden = true;
  part("gallery").dataset.count = cards.length;
  part("gallery").replaceChildren(...cards.map((card) => card.root));
  if (cards[0]?.result) look(cards[0]);
}

/** Take in what is new of a run; what it replaces stays on show until there is something to see. */
function take(value) {
  const chunks = Object.keys(value.chunks).map(Number).sort((a, b) => a - b);
  if (value.run !== active?.run) {
    if (!chunks.length && !value.results.length && cards.length) return;
    begin(value);
  }
  for (const i of chunks.filter((i) => i > taken)) {
    taken = i;
    JSON.parse(value.chunks[i]).forEach(([k, step, steps, url]) => addPreview(active.cards[k], step, steps, url));
  }
  if (!value.results.length) return;
  active.recipe = value.recipe;
  value.results.forEach((result, k) => finish(active.cards[k], result));
  keep(active);
  if (cards === active.cards) look(active.cards[0]);
}

/** Add the pictures of a run to those that can be looked at again. */
function keep(node) {
  const mine = node.cards.filter((card) => card.result.picture);
  earlier.unshift(...mine);
  earlier.splice(KEPT);
  part("earlier").hidden = earlier.length < 2;
  part("earlier-list").replaceChildren(
    ...earlier.map((card) => {
      const again = button("", "thumb", () => {
        if (isDrawing()) return;
        hang(card.node);
        look(card);
      });
      const image = make("img");
      image.src = card.result.picture;
      image.alt = "";
      again.append(image);
      const name = `${card.node.prompt || "No prompt"}, seed ${card.seed}`;
      again.title = name;
      again.setAttribute("aria-label", name);
      return again;
    }),
  );
}

function isDrawing() {
  return document.body.hasAttribute("data-drawing");
}

/** A run that has come to nothing leaves no empty card behind. */
function ended(value) {
  if (active?.run !== value.run) return;
  active.cards.forEach((card) => card.root.setAttribute("aria-busy", "false"));
  if (active.cards.some((card) => card.previews.length || card.result)) return;
  hang(null);
  active = null;
}

followRuns({ doing: "drawing", flag: "data-drawing", unit: "step", take, ended, isEmpty: () => !cards.length });
