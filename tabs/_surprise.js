// The surprise along a tale, bits per token, as a small line; the token under the pointer is a dot on it.
const LINE = { width: 600, height: 44, top: 4 };
const LEAST_BITS = 8; // of the scale, so that a tale without surprises looks like one
const SVG = "http://www.w3.org/2000/svg";

function drawing(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** The line of a card; the keyboard has its twin in the tokens themselves. */
function newSurprise(card) {
  const root = make("figure", "surprise");
  const svg = drawing("svg", { viewBox: `0 0 ${LINE.width} ${LINE.height}`, preserveAspectRatio: "none", role: "img" });
  const area = drawing("path", { class: "surprise-area" });
  const line = drawing("path", { class: "surprise-line", "vector-effect": "non-scaling-stroke" });
  const mean = drawing("line", { class: "surprise-mean", "vector-effect": "non-scaling-stroke", x1: 0, x2: LINE.width });
  svg.append(area, mean, line);
  const dot = make("i", "surprise-dot");
  dot.hidden = true;
  const plot = make("div", "surprise-plot");
  plot.append(svg, dot);
  const caption = make("figcaption", "surprise-caption");
  root.append(plot, caption);
  plot.addEventListener("pointermove", (event) => held || explainAt(card, event));
  plot.addEventListener("click", (event) => {
    const token = explainAt(card, event);
    if (token) step(card, token.index);
  });
  return { root, svg, area, line, mean, dot, caption, drawn: 0 };
}

function explainAt(card, event) {
  const box = event.currentTarget.getBoundingClientRect();
  const place = Math.floor(((event.clientX - box.left) / box.width) * card.tokens.length);
  const token = card.tokens[Math.max(0, Math.min(place, card.tokens.length - 1))];
  if (token && event.type === "pointermove") explain(token);
  return token;
}

function scaleOf(card) {
  return Math.max(LEAST_BITS, ...card.tokens.map((token) => token.bits));
}

const high = (bits, most) => LINE.height - (bits / most) * (LINE.height - LINE.top);
const across = (index, count) => ((index + 0.5) / count) * LINE.width;

function meanBits(card) {
  return card.tokens.reduce((sum, token) => sum + token.bits, 0) / card.tokens.length;
}

function drawSurprise(card) {
  const { surprise, tokens } = card;
  if (!tokens.length || surprise.drawn === tokens.length) return;
  surprise.drawn = tokens.length;
  const most = scaleOf(card);
  const points = tokens.map((token, i) => `${across(i, tokens.length).toFixed(1)} ${high(token.bits, most).toFixed(1)}`);
  surprise.line.setAttribute("d", `M${points.join("L")}`);
  surprise.area.setAttribute("d", `M0 ${LINE.height}L${points.join("L")}L${LINE.width} ${LINE.height}Z`);
  const mean = meanBits(card);
  surprise.mean.setAttribute("y1", high(mean, most));
  surprise.mean.setAttribute("y2", high(mean, most));
  const unsure = 2 ** mean; // perplexity
  const said = `${mean.toFixed(2)} bits a token: perplexity ${unsure.toFixed(unsure < 100 ? 1 : 0)}`;
  surprise.caption.textContent = `Surprise ${said}`;
  surprise.caption.title = "As unsure as if it had chosen among so many equally likely tokens each time";
  surprise.svg.setAttribute("aria-label", `Surprise along the text, on average ${said}`);
  if (shown?.card === card) point(shown);
}

/** Show the place of a token on its card's line. */
function point(token) {
  cards.forEach((card) => (card.surprise.dot.hidden = card !== token.card));
  const { surprise, tokens } = token.card;
  surprise.dot.style.left = `${(across(token.index, tokens.length) / LINE.width) * 100}%`;
  surprise.dot.style.top = `${(high(token.bits, scaleOf(token.card)) / LINE.height) * 100}%`;
}
