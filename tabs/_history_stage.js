// Draws what tabs/_history_wishes.py answers, after all the others of its scope. Every question carries this browser's
// key. Text of people and models goes through textContent only, never through HTML.
let owner = "";
let page = 0;
let answer = null; // the last page that was found
let asking = 0; // the number of the last search; an older one that comes late is not drawn
let chosen = ""; // the id of the entry that is looked at
let first = null; // of two that are compared
const PAUSE_MS = 250;
const SURE_MS = 5000;

async function ask(name, wish = {}) {
  let found;
  try {
    found = await server[name]({ owner, ...wish });
  } catch {
    found = { problem: "The server does not answer; try again." };
  }
  complain(found.problem ?? "");
  return found.problem === undefined ? found : null;
}

function complain(message) {
  part("notice").textContent = message;
  part("notice").hidden = !message;
}

const wanted = () => ({
  text: part("text").value,
  kind: part("kind").value,
  starred: part("starred").getAttribute("aria-pressed") === "true",
});

async function find() {
  if (!owner) return;
  const mine = ++asking;
  const found = await ask("find", { ...wanted(), page });
  if (!found || mine !== asking) return;
  answer = found;
  page = found.page;
  drawList();
}

function drawList() {
  const { entries, total, pages, kept, usage, notices } = answer;
  const { text, kind, starred } = wanted();
  const filtered = Boolean(text.trim() || kind || starred);
  part("list").replaceChildren(...entries.map(newItem));
  part("list").hidden = !total;
  part("empty").hidden = total > 0;
  part("empty-title").textContent = kept ? "Nothing of that kind is here." : "What you make will be found here.";
  part("empty-said").textContent = kept
    ? "Other words, another tab, or all of them may find it."
    : "Results of Text, Image and Latent are kept for this browser alone. Where they are too many, the oldest without a star go.";
  part("pages").hidden = pages < 2;
  part("page").textContent = `Page ${page + 1} of ${pages}`;
  part("newer").disabled = page === 0;
  part("older").disabled = page + 1 >= pages;
  part("usage").textContent = [usage, ...notices].filter(Boolean).join(" · ");
  if (!first) part("said").textContent = total && filtered ? `${total} found` : "";
  part("pack").disabled = !total;
  part("clear").disabled = !kept;
  stage.dataset.state = "ready";
}

function newItem(entry) {
  const item = make("li", "past-item");
  item.dataset.id = entry.id;
  const open = button("", "past-open", () => (first && first.id !== entry.id ? pairWith(entry) : look(entry)));
  open.setAttribute("aria-pressed", String(entry.id === chosen));
  open.title = entry.title;
  if (entry.thumbnail) {
    const image = make("img");
    image.src = entry.thumbnail;
    image.alt = "";
    open.append(image);
  } else {
    open.append(make("span", "past-excerpt", entry.excerpt || "(nothing)"));
  }
  open.append(make("span", "past-title", nameOf(entry)), make("span", "past-when", `${tabOf(entry.kind)} · ${when(entry)}`));
  const star = button(entry.starred ? "★" : "☆", "past-star", () => toggleStar(entry));
  star.setAttribute("aria-label", `Star: ${nameOf(entry)}`);
  star.setAttribute("aria-pressed", String(entry.starred));
  item.append(open, star);
  return item;
}

async function toggleStar(entry) {
  if (!(await ask("star", { id: entry.id, starred: !entry.starred }))) return;
  await find();
  if (chosen === entry.id) await look({ ...entry, starred: !entry.starred }, false);
  part("list").querySelector(`[data-id="${entry.id}"] .past-star`)?.focus();
}

/** Show an entry whole; `move` takes a person there. */
async function look(entry, move = true) {
  const whole = await ask("look", { id: entry.id });
  if (!whole) return;
  first = null;
  mark(entry.id);
  const star = button(whole.starred ? "★ Starred" : "☆ Star", "quiet", () => toggleStar(whole));
  star.setAttribute("aria-pressed", String(whole.starred));
  const pair = button("Compare with …", "quiet", () => {
    first = whole;
    part("said").textContent = "Now choose the other one from the list.";
    part("list").querySelector(`li:not([data-id="${whole.id}"]) .past-open`)?.focus();
  });
  pair.disabled = answer.kept < 2;
  const remove = twice("Delete", "Really delete it?", () => takeAway(whole));
  drawOne(whole, [star, pair, remove, button("Close", "quiet", close)]);
  if (move) show();
}

async function pairWith(entry) {
  const found = await ask("compare", { first: first.id, second: entry.id });
  first = null;
  part("said").textContent = "";
  if (!found) return;
  mark(entry.id);
  drawPair(found, button("Close", "quiet", close));
  stage.dataset.pair = "";
  show();
}

function mark(id) {
  chosen = id;
  delete stage.dataset.pair;
  for (const item of part("list").children) {
    item.querySelector(".past-open").setAttribute("aria-pressed", String(item.dataset.id === id));
  }
}

function show() {
  part("look").hidden = false;
  stage.dataset.looking = "";
  part("look").focus({ preventScroll: true });
  part("look").scrollIntoView({ block: "nearest" });
}

function close() {
  const last = chosen;
  part("look").hidden = true;
  part("look").replaceChildren();
  first = null;
  part("said").textContent = "";
  delete stage.dataset.looking;
  mark("");
  part("list").querySelector(`[data-id="${last}"] .past-open`)?.focus();
}

/** A button that does it at the second press, soon after the first. */
function twice(label, question, action) {
  let timer = 0;
  const node = button(label, "quiet", () => {
    clearTimeout(timer);
    if (node.textContent === question) return action();
    node.textContent = question;
    timer = setTimeout(() => (node.textContent = label), SURE_MS);
  });
  node.setAttribute("aria-live", "polite");
  return node;
}

async function takeAway(entry) {
  if (!(await ask("remove", { id: entry.id }))) return;
  close();
  await find();
  part("said").textContent = "Deleted.";
  (part("list").querySelector(".past-open") ?? part("text")).focus();
}

function sure(open) {
  part("sure").hidden = !open;
  part("sure-said").textContent = open ? `Delete all ${answer.kept} results, the starred ones too? Nothing brings them back.` : "";
  (open ? part("no") : part("clear")).focus();
}

async function clearAll() {
  const found = await ask("clear");
  sure(false);
  if (!found) return;
  close();
  page = 0;
  await find();
  part("said").textContent = `${found.deleted} deleted.`;
  part("text").focus();
}

async function pack() {
  part("pack").disabled = true;
  part("said").textContent = "Packing …";
  const found = await ask("pack", wanted());
  part("pack").disabled = false;
  part("said").textContent = "";
  if (!found) return;
  const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  const anchor = make("a");
  anchor.href = `${root}${prefix}/file=${encodeURI(found.path)}`;
  anchor.download = found.name;
  anchor.click();
}

function turn(by) {
  page += by;
  find();
}

function again() {
  page = 0;
  find();
}

let typing = 0;
part("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(again, PAUSE_MS);
});
part("kind").addEventListener("change", again);
part("starred").addEventListener("click", () => {
  part("starred").setAttribute("aria-pressed", String(!wanted().starred));
  again();
});
part("newer").addEventListener("click", () => turn(-1));
part("older").addEventListener("click", () => turn(1));
part("pack").addEventListener("click", pack);
part("clear").addEventListener("click", () => sure(true));
part("yes").addEventListener("click", clearAll);
part("no").addEventListener("click", () => sure(false));
part("sure").addEventListener("keydown", (event) => {
  if (event.key === "Escape") sure(false);
});

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object" || value.owner === owner) return;
  if (value.on) {
    owner = value.owner;
    if (stage.offsetParent) find(); // else once the tab is opened
    return;
  }
  for (const name of ["bar", "list", "usage"]) part(name).hidden = true;
  part("empty-title").textContent = "The history is switched off here.";
  part("empty-said").textContent = "Whoever runs this playground decided that nothing is kept. Save what you like as a file.";
  stage.dataset.state = "off";
}

new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && find()).observe(stage); // the tab is opened
watch("value", draw);
draw();
