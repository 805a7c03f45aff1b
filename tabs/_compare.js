// Draws what tabs/_compare_view.py sends: three columns, then a row of dots for each.
// Text of people and models goes through textContent only, never through HTML.
const MOST_BITS = 10; // where the bar of the surprise is full
let run = "";
let taken = 0; // chunks of it that are drawn
const over = new Set(); // runs that are complete; what still comes in of them is late
let columns = [];

const percent = (share) => `${Math.round(share * 100)} %`;

// ---- columns ---------------------------------------------------------------------------------------------------

function begin(value) {
  run = value.run;
  taken = 0;
  part("prompt").textContent = value.prompt;
  part("spread-title").textContent = `The same beginning with ${value.seeds} seeds`;
  ["columns", "rows", "folds"].forEach((name) => part(name).replaceChildren());
  columns = value.columns.map((column) => newColumn(column, value.seeds));
  stage.dataset.state = value.state; // seen from now on, so that it can be scrolled to
  if (stage.getBoundingClientRect().top > window.innerHeight * 0.4) stage.scrollIntoView({ behavior: "smooth" });
}

function newColumn({ name, line, numbers }, seeds) {
  const column = { name, root: make("article", "way"), tokens: 0, bits: 0, result: null };
  const title = make("h3", "", name);
  title.id = `compare-${name}`;
  column.root.setAttribute("aria-labelledby", title.id);
  column.root.setAttribute("aria-busy", "true");
  column.story = make("div", "way-story");
  column.story.tabIndex = 0; // it scrolls
  column.story.setAttribute("role", "group");
  column.story.setAttribute("aria-label", `What ${name} tells`);
  column.meter = make("i", "meter");
  column.meter.setAttribute("aria-hidden", "true");
  column.meter.append(make("i"));
  column.status = make("p", "way-status");
  column.actions = make("div", "actions");
  const settings = make("p", "way-numbers");
  settings.append(...numbers.flatMap((number, i) => [i ? " · " : "", make("span", "", number)]));
  column.root.append(title, make("p", "way-line", line), settings, column.story, column.meter, column.status, column.actions);
  part("columns").append(column.root);
  newRow(column, seeds);
  describe(column);
  return column;
}

function addToken([k, text, logprob]) {
  const column = columns[k];
  const p = Math.exp(logprob);
  const first = column.story.textContent === "";
  const [space, node] = tinted(text, p);
  node.title = p < 0.0005 ? "< 0.1 %" : `${(p * 100).toFixed(p < 0.0995 ? 1 : 0)} %`;
  column.tokens += 1;
  column.bits -= logprob / Math.LN2;
  column.story.append(first ? "" : space, node);
}

function describe(column) {
  const { tokens, bits, result } = column;
  const surprise = tokens ? Math.max(bits / tokens, 0) : 0;
  column.meter.firstChild.style.width = `${Math.min(surprise / MOST_BITS, 1) * 100}%`;
  const known = make("b", "", tokens ? `${surprise.toFixed(1)} bits of surprise` : "");
  column.status.replaceChildren(known, tokens ? ` a token · ${tokens} tokens` : "");
  if (result) column.status.append(` · seed ${result.seed}`);
  column.status.title = result ? result.ended : "";
}

function finish(result) {
  const column = columns[result.column];
  column.result = result;
  column.root.setAttribute("aria-busy", "false");
  const take = button("Take these settings", "quiet strong", () => {
    trigger("take", { column: column.name, seed: result.seed });
    take.textContent = "Taken";
    setTimeout(() => (take.textContent = "Take these settings"), 1500);
  });
  take.title = "Set the controls to this column's preset and seed";
  const share = button("Share", "quiet", () => {
    const save = button("Download JSON", "quiet", () => download(result.document, result.file, "application/json"));
    const whole = result.document && { recipe: () => JSON.parse(result.document).recipe, saves: [save] };
    openShare({ what: `what ${column.name} tells`, result, ...whole });
  });
  share.title = "A link, a QR code and code that tell the same text anywhere";
  column.actions.replaceChildren(take, share);
}

// ---- ten seeds -------------------------------------------------------------------------------------------------

function newRow(column, seeds) {
  const row = make("tr");
  const head = make("th", "", column.name);
  head.scope = "row";
  column.dots = make("td", "dots");
  column.dots.append(...Array.from({ length: seeds }, () => make("i", "dot")));
  column.different = make("td", "number", "…");
  column.apart = make("td", "number", "…");
  row.append(head, column.dots, column.different, column.apart);
  part("rows").append(row);
  column.fold = make("details");
  part("folds").append(column.fold);
}

function fillRow({ column: k, told, apart, dice, groups }) {
  const { name, dots, different, apart: distance, fold } = columns[k];
  const total = dots.childElementCount;
  groups.forEach(({ places }) =>
    places.forEach((place, i) => (dots.children[place].className = i ? "dot again" : "dot new")),
  );
  different.textContent = `${groups.length} of ${told}`;
  distance.textContent = told > 1 ? percent(apart) : "…";
  const most = groups.reduce((best, { places }) => Math.max(best, places.length), 0);
  const twice = most > 1 ? `; the commonest ${most} times` : "";
  const spoken = `${groups.length} different among ${told}${told < total ? " so far" : ""}${twice}`;
  dots.setAttribute("aria-label", spoken);
  const list = make("ul");
  list.append(...[...groups].sort((one, two) => two.places.length - one.places.length).map(sentence));
  const why = dice ? [] : [make("p", "compare-note", "Not run ten times: without dice the seed decides nothing.")];
  const open = make("summary", "", `${name}: the first sentences`);
  fold.replaceChildren(open, ...why, list);
}

function sentence({ text, seeds, places }) {
  const item = make("li");
  const count = make("span", "count", `${places.length} ×`);
  const said = make("span", "said", text);
  const which = make("span", "which", seeds.length > 1 ? `seeds ${seeds.join(", ")}` : `seed ${seeds[0]}`);
  item.append(count, said, which);
  return item;
}

// ---- updates ---------------------------------------------------------------------------------------------------

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object" || over.has(value.run)) return;
  if (value.run !== run) begin(value);
  part("notice").hidden = value.state !== "failed";
  part("notice").textContent = value.state === "failed" ? value.message : "";
  part("progress").textContent = value.state === "failed" ? "" : value.message;
  const following = columns.filter(({ story }) => story.scrollHeight - story.scrollTop - story.clientHeight < 40);
  while (value.chunks[taken]) {
    const { tokens, results, rows } = JSON.parse(value.chunks[taken++]); // none, if some before them were missed
    tokens.forEach(addToken);
    results.forEach(finish);
    rows.forEach(fillRow);
  }
  following.forEach(({ story }) => (story.scrollTop = story.scrollHeight));
  columns.forEach(describe);
  stage.dataset.state = value.state;
  const running = value.state === "waiting" || value.state === "telling";
  if (!running) {
    over.add(value.run);
    columns.forEach(({ root, story }) => {
      root.setAttribute("aria-busy", "false");
      story.scrollTop = 0; // beginnings are what one compares
    });
  }
  document.body.toggleAttribute("data-running", running);
}

watch("value", draw);
draw();
