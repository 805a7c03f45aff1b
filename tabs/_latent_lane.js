// A journey of one model: its frames as a strip or a grid, and what can be done with the whole. Two models that go the
// same way stand beside each other (on a phone one below the other), each with a screen of its own.
const SHEET = { png: "PNG" };
const FORMATS = { gif: "GIF", webp: "WebP", mp4: "MP4", ...SHEET };

function newLane({ model, frames, columns, drawn }, k, alone) {
  const lane = { k, model, columns, drawn, count: frames, frames: [], points: [], way: null, result: null };
  lane.edits = knob("edits")?.value ?? ""; // which its frames hold already
  lane.root = make("article", "lane");
  lane.root.setAttribute("aria-label", `Journey of ${model}`);
  lane.root.setAttribute("aria-busy", "true");
  lane.root.dataset.alone = drawn ? "drawn" : String(alone);
  lane.strip = make("div", columns ? "sheet-grid" : "strip");
  lane.strip.setAttribute("role", "group");
  lane.strip.setAttribute("aria-label", `Frames of ${model}; the arrow keys walk through them`);
  if (columns) lane.strip.style.setProperty("--columns", columns);
  lane.cells = Array.from({ length: frames }, (_, i) => newCell(lane, i));
  lane.strip.append(...lane.cells);
  roving(lane.strip, (node) => scrubTo(Number(node.dataset.i)));
  lane.screen = picture("", `${model}, the frame on show`, "screen");
  lane.status = make("p", "status", model);
  lane.actions = make("div", "actions");
  const side = make("div", "lane-side");
  side.append(lane.status, lane.actions);
  const screen = drawn ? newDrawnFrame(lane) : lane.screen; // no map shows what is drawn from prompts
  lane.root.append(...(alone && !drawn ? [] : [screen]), lane.strip, newStrides(lane), side);
  return lane;
}

/** The frame on show, large, with what it is and the way to its own tab. */
function newDrawnFrame(lane) {
  const figure = make("figure", "drawn-frame");
  lane.caption = make("figcaption", "caption");
  lane.open = make("a", "", "Open in Image ↗");
  Object.assign(lane.open, { target: "_blank", rel: "noopener", hidden: true });
  lane.open.title = "This frame with its own recipe, on the tab for pictures";
  figure.append(lane.screen, lane.caption, lane.open);
  return figure;
}

function newCell(lane, i) {
  const cell = button("", "cell", () => scrubTo(i));
  cell.dataset.i = i;
  cell.disabled = true;
  cell.tabIndex = i ? -1 : 0;
  cell.setAttribute("aria-label", `Frame ${i + 1} of ${lane.count}`);
  return cell;
}

function addFrame(lane, i, url, point) {
  if (lane.frames[i] || i >= lane.count) return;
  lane.frames[i] = url;
  lane.points[i] = point;
  lane.cells[i].replaceChildren(picture(url, ""));
  lane.cells[i].disabled = false;
}

/** Show the next frame while it is still forming. */
function addForming(lane, i, url) {
  const cell = lane?.cells[i];
  if (!cell || lane.frames[i]) return;
  if (!cell.firstChild) cell.append(picture(url, "", "forming-frame"));
  showPicture(cell.firstChild, url);
}

/** What a frame of a journey between prompts is. */
function describeDrawn(lane, at) {
  const near = { 0: " · A", [lane.count - 1]: part("to").textContent === "B" ? " · B" : "" }[at] ?? "";
  lane.caption.textContent = `frame ${at + 1} of ${lane.count}${near}`;
  const link = lane.points[at] ?? "";
  lane.open.hidden = !link.startsWith("?tab=image&");
  if (!lane.open.hidden) lane.open.href = link;
}

/** Show frame i; where it has not come yet, the last one before it. */
function showFrame(lane, i) {
  const last = lane.frames.length - 1;
  const at = Math.min(i, last);
  if (at < 0) return;
  lane.cells.forEach((cell, n) => {
    cell.setAttribute("aria-pressed", String(n === at));
    cell.tabIndex = n === at ? 0 : -1;
  });
  showPicture(lane.screen, lane.frames[at]);
  const cell = lane.cells[at];
  if (!lane.columns) lane.strip.scrollLeft = cell.offsetLeft - (lane.strip.clientWidth - cell.offsetWidth) / 2;
  if (lane.drawn) return describeDrawn(lane, at);
  if (lane.k) return; // the map is the first one's
  const [row, column] = [Math.floor(at / lane.columns) + 1, (at % lane.columns) + 1];
  const caption = lane.columns ? `row ${row}, column ${column}` : `frame ${at + 1} of ${lane.count}`;
  tell("frame", { expression: lane.points[at], picture: lane.frames[at], caption, edits: lane.edits, ...placeAt(lane, at) });
}

async function finish(lane, result) {
  lane.result = result;
  lane.root.setAttribute("aria-busy", "false");
  const reuse = button(`seed ${result.seed} ↺`, "link", () => trigger("reuse", { seed: result.seed }));
  reuse.title = "Use this seed again";
  reuse.setAttribute("aria-label", `Use seed ${result.seed} again`);
  const rest = [result.told, result.ended, ...result.notes].filter(Boolean).join(" · ");
  lane.status.setAttribute("role", "status");
  lane.status.replaceChildren(make("b", "", lane.model), " · ", reuse, rest && ` · ${rest}`);
  if (!result.recipe) return; // stopped: nothing makes these frames again
  const saves = () => Object.entries(lane.columns ? SHEET : FORMATS).map(([format, label]) => saver(lane, format, label));
  const share = button("Share", "quiet", () =>
    openShare({ what: "this journey", result, recipe: () => result.recipe, saves: saves() }),
  );
  share.title = "A link, a QR code and code that lead the same way anywhere";
  lane.actions.replaceChildren(...saves(), share);
  compareStrides(lane);
  if (lane.drawn) return;
  const found = await asked("trace", result.recipe);
  lane.way = found.problem ? null : found;
  const at = lane.cells.findIndex((cell) => cell.getAttribute("aria-pressed") === "true");
  if (lane.way && !lane.k && at >= 0) tell("place", { expression: lane.points[at], ...placeAt(lane, at) });
}

/** Where frame `at` lies, and how unusual it is; nothing, before that is known. */
function placeAt({ way }, at) {
  return way && { places: { pca: way.places.pca[at], tsne: way.places.tsne[at] }, unusual: way.unusual[at] };
}

function saver(lane, format, label) {
  const node = button(label, "quiet", async () => {
    if (node.disabled) return;
    node.disabled = true;
    node.textContent = `${label} …`;
    const found = await asked("save", { recipe: lane.result.recipe, format });
    node.disabled = false;
    node.textContent = label;
    if (found.problem) return notice(found.problem);
    download(bytesOf(found.file), found.name, found.file.slice(5, found.file.indexOf(";")));
  });
  node.title = `Save as ${label}, with every setting in it`;
  return node;
}

function bytesOf(url) {
  return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (character) => character.charCodeAt(0));
}
