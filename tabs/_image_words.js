// The words of the prompt as buttons: each lights up the part of the picture to which it spoke.
const DARKNESS = 0.84; // of what a word has nothing to do with
const PLACES = [
  ...["at the top left", "at the top", "at the top right"],
  ...["on the left", "in the middle", "on the right"],
  ...["at the bottom left", "at the bottom", "at the bottom right"],
];
let lit = null; // the word that is lit

/** [{ text, start, end }]: places count characters, as Python does. */
function wordsOf(card) {
  if (card.inside) return card.inside.words;
  const found = [];
  for (const match of card.node.prompt.matchAll(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu)) {
    const start = [...card.node.prompt.slice(0, match.index)].length;
    found.push({ text: match[0], start, end: start + [...match[0]].length });
  }
  return found;
}

function drawWords(card) {
  const characters = [...card.node.prompt];
  const pieces = [];
  let at = 0;
  for (const word of wordsOf(card)) {
    const node = button(characters.slice(word.start, word.end).join(""), "word", () => choose(card, word.start));
    node.dataset.start = word.start;
    node.setAttribute("aria-pressed", String(lit?.card === card && lit.start === word.start));
    pieces.push(characters.slice(at, word.start).join(""), node);
    at = word.end;
  }
  pieces.push(characters.slice(at).join(""));
  const focused = document.activeElement?.dataset?.start;
  part("words").replaceChildren(...pieces);
  part("words-head").hidden = pieces.length < 2 || !card.result.picture;
  const nodes = buttons();
  const current = nodes.find((node) => node.dataset.start === focused);
  nodes.forEach((node, i) => (node.tabIndex = node === (current ?? nodes[0]) ? 0 : -1)); // one tab stop in all
  current?.focus();
}

function buttons() {
  return [...part("words").querySelectorAll("button")];
}

function unlight() {
  if (lit) lit.card.heat.hidden = true;
  lit = null;
  buttons().forEach((node) => node.setAttribute("aria-pressed", "false"));
}

async function choose(card, start) {
  if (lit?.card === card && lit.start === start) {
    unlight();
    return said("");
  }
  unlight();
  lit = { card, start };
  buttons().forEach((node) => node.setAttribute("aria-pressed", String(Number(node.dataset.start) === start)));
  const inside = await inspect(card);
  if (!inside || lit?.card !== card || lit.start !== start) return;
  const word = inside.words.find((other) => other.start <= start && start < other.end);
  if (!word) return said("The model did not read this word.");
  const levels = bytesOf(word.map);
  drawHeat(card, word, levels);
  said(`“${word.text}” spoke most ${placeOf(word, levels)}.`);
}

/** Darkness over all that the word did not speak to. */
function drawHeat(card, { width, height }, levels) {
  Object.assign(card.heat, { width, height });
  const context = card.heat.getContext("2d");
  const pixels = context.createImageData(width, height);
  levels.forEach((level, i) => pixels.data.set([12, 10, 9, Math.round(DARKNESS * (255 - level))], i * 4));
  context.putImageData(pixels, 0, 0);
  card.heat.hidden = false;
}

/** In which ninth of the picture most of it lies. */
function placeOf({ width, height }, levels) {
  const sums = Array(9).fill(0);
  levels.forEach((level, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    sums[Math.floor((y * 3) / height) * 3 + Math.floor((x * 3) / width)] += level ** 2;
  });
  return PLACES[sums.indexOf(Math.max(...sums))];
}

part("words").addEventListener("keydown", (event) => {
  const nodes = buttons();
  const at = nodes.indexOf(document.activeElement);
  if (event.key === "Escape") {
    unlight();
    return said("");
  }
  const last = nodes.length - 1;
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  if (!nodes[to]) return;
  nodes.forEach((node) => (node.tabIndex = -1));
  nodes[to].tabIndex = 0;
  nodes[to].focus();
});
