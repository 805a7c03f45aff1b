// Draws what tabs/_text_view.py sends, after all the others of its scope: see `SCRIPT` in tabs/_text_layout.py.
// Text of people and models goes through textContent only, never through HTML.
let active = null; // the node of the run that is drawn
let run = "";
let taken = 0; // chunks of it that are drawn

function isRunning() {
  return document.body.hasAttribute("data-running");
}

function begin(value) {
  run = value.run;
  taken = 0;
  forget();
  active = newNode(value);
  show(active);
  active.cards.forEach(({ story }) => (story.scrollTop = story.scrollHeight)); // what is told comes after a long text
  treeSays("");
  const { top } = stage.getBoundingClientRect();
  if (top > window.innerHeight * 0.6 || top < -window.innerHeight * 0.2) stage.scrollIntoView({ behavior: "smooth" });
}

/** Nothing is explained. */
function forget() {
  shown?.node.classList.remove("on", "held");
  shown = held = null;
  closeDice();
  part("dice-open").hidden = true;
  ["why-title", "why-text", "why-rows"].forEach((name) => part(name).replaceChildren());
  nodes.forEach((node) => node.cards.forEach((card) => (card.surprise.dot.hidden = true)));
}

/** Take in what is new of a run; what it replaces stays on show until there is something to see. */
function take(value) {
  const something = Object.keys(value.chunks).length > 0;
  if (value.run !== run) {
    if (!something && current) return;
    begin(value);
  }
  const chunks = [];
  while (value.chunks[taken]) chunks.push(JSON.parse(value.chunks[taken++])); // none, if some before them were missed
  const mine = active.cards;
  const following = mine.filter(({ story }) => story.scrollHeight - story.scrollTop - story.clientHeight < 40);
  for (const { tokens, results } of chunks) {
    tokens.forEach((token) => addToken(mine[token[0]], token));
    results.forEach((result, k) => finish(mine[k], result));
  }
  following.forEach(({ story }) => (story.scrollTop = story.scrollHeight));
  mine.forEach(drawSurprise);
  mine.filter((card) => !card.result).forEach(describe);
}

/** A run that has come to nothing leaves no empty card behind. */
function drop(node) {
  nodes.delete(node.id);
  if (current === node) show(null);
  active = null;
}

function ended(value) {
  if (active && run === value.run) {
    active.cards.forEach((card) => card.root.setAttribute("aria-busy", "false"));
    if (!active.cards.some((card) => card.tokens.length || card.result)) drop(active);
  }
  if (shown) offer(shown);
}

part("colours").addEventListener("click", (event) => {
  const on = !stage.classList.toggle("plain");
  event.currentTarget.setAttribute("aria-pressed", String(on));
});
followRuns({ doing: "telling", flag: "data-running", take, ended, isEmpty: () => !current });
