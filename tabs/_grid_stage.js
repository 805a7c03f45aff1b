// Draws what tabs/_grid_view.py sends. Text of people and models goes through textContent only, never through HTML.
let active = ""; // the run that is drawn
let cells = []; // of its table: button and content, row by row
let chosen = -1;
let shape = null;
const ANEW = "For its own file a cell is made once more, which takes as long as it did before.";
const over = new Set(); // runs that are complete; what still comes in of them is late

function begin(value) {
  active = value.run;
  shape = value;
  cells = [];
  chosen = -1;
  part("look").hidden = true;
  const { columns, rows } = value;
  const head = make("tr");
  if (rows.length) head.append(make("td", "lattice-corner", `${value.down} ↓ · ${value.across} →`));
  head.append(...columns.map((label) => heading("col", label, rows.length ? "" : value.across)));
  const body = (rows.length ? rows : [""]).map((label, row) => {
    const line = make("tr");
    if (rows.length) line.append(heading("row", label, ""));
    line.append(...columns.map((_, column) => newCell(row * columns.length + column)));
    return line;
  });
  const top = make("thead");
  top.append(head);
  const rest = make("tbody");
  rest.append(...body);
  part("table").className = "";
  part("table").replaceChildren(top, rest);
  part("scroll").hidden = false;
  const { top: edge } = stage.getBoundingClientRect();
  if (edge > window.innerHeight * 0.6 || edge < -window.innerHeight * 0.2) stage.scrollIntoView({ behavior: "smooth" });
}

function heading(scope, label, axis) {
  const node = make("th");
  node.scope = scope;
  if (axis) node.append(make("span", "lattice-axis", axis));
  const text = make("span", "lattice-label", label || "(empty)");
  text.title = label;
  node.append(text);
  return node;
}

function nameOf(index) {
  const { columns, rows, across, down } = shape;
  const place = `${across}: ${columns[index % columns.length]}`;
  return rows.length ? `${place}, ${down}: ${rows[Math.floor(index / columns.length)]}` : place;
}

function newCell(index) {
  const box = make("td");
  const node = button("", "grid-cell", () => choose(index));
  node.disabled = true;
  node.setAttribute("aria-label", `${nameOf(index)}: not there yet`);
  node.addEventListener("keydown", (event) => walk(index, event));
  node.addEventListener("focus", () => only(index));
  box.append(node);
  cells.push({ node, result: null });
  return box;
}

/** One cell can be reached with Tab, the others from it with the arrow keys. */
function only(index) {
  cells.forEach(({ node }, i) => (node.tabIndex = i === index ? 0 : -1));
}

function walk(index, event) {
  const wide = shape.columns.length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const column = index % wide;
  for (let next = index + step; next >= 0 && next < cells.length; next += step) {
    if (Math.abs(step) === 1 && (next % wide) - column !== step * Math.abs(next - index)) return; // the row is over
    if (!cells[next].node.disabled) return cells[next].node.focus();
  }
}

function fill(index, result) {
  const cell = cells[index];
  if (!cell || cell.result) return;
  cell.result = result;
  const { node } = cell;
  node.disabled = false;
  if (!cells.some((other) => other.node.tabIndex === 0 && other !== cell && !other.node.disabled)) only(index);
  else node.tabIndex = -1;
  node.classList.toggle("broken", Boolean(result.problem));
  if (result.picture) {
    const image = make("img");
    image.addEventListener("load", () => {
      part("table").classList.add("pictures"); // the cells to come take as much room
      part("table").style.setProperty("--aspect", `${image.naturalWidth} / ${image.naturalHeight}`);
    });
    image.src = result.picture;
    image.alt = "";
    node.replaceChildren(image);
    node.setAttribute("aria-label", nameOf(index));
  } else {
    const text = result.problem || result.text.trim() || "(nothing)";
    node.replaceChildren(make("span", "grid-cell-text", text));
    node.setAttribute("aria-label", `${nameOf(index)}: ${text.slice(0, 200)}`);
  }
  node.setAttribute("aria-pressed", "false");
}

/** Show a cell large, with the way to its own tab. */
function choose(index) {
  const { result } = cells[index];
  chosen = index;
  cells.forEach(({ node }, i) => !node.disabled && node.setAttribute("aria-pressed", String(i === index)));
  part("look").hidden = false;
  part("look-name").textContent = nameOf(index);
  part("look-result").replaceChildren(large(result));
  part("look-said").textContent = result.said;
  const open = button(`Open in the ${shape.tab} tab`, "quiet strong", () => trigger("visit", { link: result.link }));
  open.title = "All settings of this cell, ready to run there";
  const copy = button("Copy", "quiet", () => copied(copy, result.text, "Copied"));
  const share = button("Share", "quiet", () =>
    openShare({ what: "this cell", result, saves: savesOf(index), note: result.samples ? ANEW : "" }),
  );
  share.title = "A link, a QR code and code that make the same anywhere";
  open.hidden = !result.link;
  part("look-actions").replaceChildren(open, ...(result.text ? [copy] : []), share);
}

/** Buttons for the files of a cell, one for each of its samples, and for that of the whole grid. */
function savesOf(cell) {
  const { samples } = cells[cell].result;
  const own = [...Array(samples).keys()].map((sample) => {
    const which = samples > 1 ? ` (sample ${sample + 1})` : "";
    return button(`This cell${which}`, "quiet", () => trigger("take", { cell, sample }));
  });
  return [...own, button("The whole grid as PNG", "quiet", () => trigger("export", { format: "png" }))];
}

function large(result) {
  if (!result.picture) return make("p", result.problem ? "caption" : "story", result.problem || result.text);
  const image = make("img", "cell-large");
  image.src = result.picture;
  image.alt = `Result of ${nameOf(chosen)}`;
  return image;
}

function say(message) {
  part("notice").textContent = message;
  part("notice").hidden = !message;
}

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object" || over.has(value.run)) return;
  const running = value.state === "waiting" || value.state === "drawing";
  if (value.run !== active) begin(value);
  say(value.state === "failed" ? value.message : "");
  part("progress").textContent = value.state === "failed" ? "" : value.message;
  document.body.toggleAttribute("data-gridding", running);
  for (const i of Object.keys(value.chunks).map(Number).sort((a, b) => a - b)) {
    JSON.parse(value.chunks[i]).forEach(([index, result]) => fill(index, result));
  }
  cells.forEach(({ node }, i) => node.classList.toggle("busy", running && i === value.current));
  const [done, whole, left] = value.far;
  part("forming").hidden = !running;
  Object.assign(part("bar"), { max: whole, value: done });
  part("far").textContent = `${done} of ${whole}${left ? ` · ${left} left` : ""}`;
  part("exports").hidden = running || !done;
  stage.dataset.state = value.state;
  if (!running) over.add(value.run);
}

part("exports").addEventListener("click", ({ target }) => {
  if (target.dataset.save) trigger("export", { format: target.dataset.save });
});
watch("value", draw);
draw();
