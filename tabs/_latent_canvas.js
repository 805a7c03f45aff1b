// Draws the map: the points once for each plane, colour and size, and over them what moves. Before _latent_map.js.
const MARGIN = 14; // px
const LETTER = 12; // px, radius of a handle with its rim
const POINT = 2.6; // px, radius
const HUES = [28, 205, 145, 265, 340, 85, 180, 235, 5, 310, 55]; // of values without an order
let cursor = null; // plane → [x, y]
let frame = null; // { x, y, scale, width, height }: how places become pixels
let ground = null; // the points, drawn

const colourOf = (name) => getComputedStyle(stage).getPropertyValue(`--${name}`).trim();
const isDark = () => document.body.classList.contains("dark");

/** How the plane's places fit into the sheet: both axes to one scale. */
function measure() {
  const { clientWidth: width, clientHeight: height } = part("sheet");
  const [xs, ys] = [0, 1].map((i) => atlas.places[plane].map((place) => place[i]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((width - 2 * MARGIN) / (right - left || 1), (height - 2 * MARGIN) / (high - low || 1));
  frame = { x: (left + right) / 2, y: (low + high) / 2, scale, width, height };
  const [reachX, reachY] = [(width / 2 - MARGIN / 2) / scale, (height / 2 - MARGIN / 2) / scale];
  Object.assign(part("x"), { min: frame.x - reachX, max: frame.x + reachX });
  Object.assign(part("y"), { min: frame.y - reachY, max: frame.y + reachY });
}

function toPixels([x, y]) {
  return [frame.width / 2 + (x - frame.x) * frame.scale, frame.height / 2 - (y - frame.y) * frame.scale];
}

function fromPixels([left, top]) {
  const clamp = (value, most) => Math.min(Math.max(value, MARGIN / 2), most - MARGIN / 2);
  const [x, y] = [clamp(left, frame.width), clamp(top, frame.height)];
  return [(x - frame.width / 2) / frame.scale + frame.x, (frame.height / 2 - y) / frame.scale + frame.y];
}

// ---- colours ----
const category = (i) => `hsl(${HUES[i % HUES.length]} ${isDark() ? "48% 62%" : "52% 48%"})`;

/** Value → colour, or null where the factor does not apply; and what a legend shows of it. */
function palette({ values, low, high, words, choices, cyclic }) {
  const orNull = (shade) => (value) => (value === null ? null : shade(value));
  if (choices) {
    const isPlain = (value) => value === "none" || value === false;
    const shade = (value) => (isPlain(value) ? colourOf("faint") : category(choices.indexOf(value)));
    const held = choices.filter((choice) => values.includes(choice));
    return { colour: orNull(shade), legend: held.map((choice) => [shade(choice), told(choice)]) };
  }
  const ramp = cyclic ? (share) => `hsl(${share * 360} 62% 55%)` : shadeOf;
  const names = [words[0], "", "", "", words[1]];
  return {
    colour: orNull((value) => ramp((value - low) / (high - low || 1))),
    legend: names.map((name, i) => [ramp(i / (names.length - 1)), name]),
  };
}

/** From little to much, in the one hue of the page. */
function shadeOf(share) {
  return `hsl(174 ${20 + 55 * share}% ${isDark() ? 26 + 44 * share : 82 - 56 * share}%)`;
}

const told = (choice) => ({ true: "yes", false: "no" })[String(choice)] ?? String(choice);

function drawLegend(legend) {
  part("legend").replaceChildren(
    ...legend.map(([colour, text]) => {
      const item = make("span", text ? "" : "bare");
      const dot = make("i");
      dot.style.background = colour;
      item.append(dot, text);
      return item;
    }),
  );
}

// ---- drawing ----
function sheet(canvas) {
  const sharp = window.devicePixelRatio || 1;
  canvas.width = Math.round(frame.width * sharp);
  canvas.height = Math.round(frame.height * sharp);
  const context = canvas.getContext("2d");
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  return context;
}

function drawAll() {
  if (!frame?.width) return;
  ground = make("canvas");
  const context = sheet(ground);
  const factor = atlas.factors[part("colour").value];
  const { colour, legend } = palette(factor);
  const places = atlas.places[plane];
  drawAxes(context);
  factor.values.forEach((value, i) => {
    const [x, y] = toPixels(places[i]);
    context.beginPath();
    context.arc(x, y, POINT, 0, 2 * Math.PI);
    const shade = colour(value);
    context.globalAlpha = shade ? 0.8 : 0.5;
    context.fillStyle = shade ?? colourOf("rule");
    context.fill();
  });
  drawLegend(legend);
  drawOver();
}

function drawAxes(context) {
  if (plane !== "pca") return; // its islands have no axes
  const [x, y] = toPixels([0, 0]);
  context.strokeStyle = colourOf("rule");
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(frame.width, y);
  context.moveTo(x, 0);
  context.lineTo(x, frame.height);
  context.stroke();
}

function drawOver() {
  if (!ground || !frame?.width) return;
  const context = sheet(part("canvas"));
  context.drawImage(ground, 0, 0, frame.width, frame.height);
  drawRoute(context);
  ends.forEach((end) => drawHandle(context, toPixels(end.places[plane]), end.letter));
  if (cursor) drawCursor(context, toPixels(cursor[plane]));
}

function drawRoute(context) {
  const places = route?.[plane];
  if (!places?.length || held) return;
  context.lineJoin = "round";
  context.setLineDash(plane === "tsne" ? [2, 5] : []); // there it leaps
  for (const [width, colour] of [[5, colourOf("paper")], [2, colourOf("accent")]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: colour });
    context.beginPath();
    places.map(toPixels).forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  context.setLineDash([]);
}

function drawHandle(context, [x, y], letter) {
  context.beginPath();
  context.arc(x, y, letter ? 11 : 5, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: colourOf("accent"), strokeStyle: colourOf("paper"), lineWidth: 2.5 });
  context.fill();
  context.stroke();
  if (!letter) return;
  Object.assign(context, { textAlign: "center", textBaseline: "middle", font: "700 12px system-ui, sans-serif" });
  context.fillStyle = colourOf("paper");
  context.fillText(letter, x, y + 0.5);
}

function drawCursor(context, [x, y]) {
  const [ring, arm, end] = handleAt(x, y, LETTER) ? [14, 14, 20] : [8, 4, 13]; // around a letter, which stays readable
  for (const [width, colour] of [[5, colourOf("paper")], [2, colourOf("ink")]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: colour });
    context.beginPath();
    context.arc(x, y, ring, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + arm * dx, y + arm * dy);
      context.lineTo(x + end * dx, y + end * dy);
    }
    context.stroke();
  }
}
