// Draws what tabs/_text_view.py sends; runs in one scope with _why.js.
// Text of people and models goes through textContent only, never through HTML.
const LEVELS = [0.2, 0.05, 0.01]; // probabilities at which a token's tint changes
const part = (name) => element.querySelector(`[data-part="${name}"]`);
const stage = element.querySelector(".stage");
let run = "";
let taken = 0; // chunks of it that are drawn
const over = new Set(); // runs that are complete; what still comes in of them is late
let cards = [];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(label, className, action) {
  const node = make("button", className, label);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}

// ---- cards -----------------------------------------------------------------------------------------------------

function begin(value) {
  run = value.run;
  taken = 0;
  shown = null;
  part("why").hidden = false;
  ["why-title", "why-text", "why-rows"].forEach((name) => part(name).replaceChildren());
  part("cards").replaceChildren();
  cards = value.seeds.map((seed, k) => newCard(value, seed, k));
  part("cards").dataset.count = cards.length;
  if (stage.getBoundingClientRect().top > window.innerHeight * 0.6) stage.scrollIntoView({ behavior: "smooth" });
}

function newCard(value, seed, k) {
  const card = { root: make("article", "card"), tokens: [], seed, k, prompt: value.prompt, result: null };
  card.root.setAttribute("aria-label", value.seeds.length > 1 ? `Tale ${k + 1}` : "Tale");
  card.root.setAttribute("aria-busy", "true");
  if (value.header) card.root.append(make("p", "card-header", value.header));
  card.story = make("div", "story");
  card.story.setAttribute("role", "group");
  card.story.setAttribute("aria-label", "The tale; the arrow keys walk through its words");
  card.story.append(make("span", "prompt", value.prompt));
  card.story.addEventListener("keydown", (event) => walk(card, event));
  card.status = make("p", "status");
  card.actions = make("div", "actions");
  card.root.append(card.story, card.status, card.actions);
  part("cards").append(card.root);
  describe(card);
  return card;
}

function addToken([k, text, logprob, chosen, others]) {
  const card = cards[k];
  const p = Math.exp(logprob);
  const level = LEVELS.findIndex((limit) => p >= limit);
  const space = text.trim() ? text.match(/^\s*/)[0] : ""; // outside of the tint, where a line may break
  const node = make("span", `token p${level < 0 ? LEVELS.length : level}`, text.slice(space.length));
  const token = { node, text, p, chosen, others, card };
  node.tabIndex = card.tokens.length ? -1 : 0; // one tab stop a tale; arrow keys do the rest
  node.addEventListener("pointerenter", () => explain(token));
  node.addEventListener("click", () => {
    node.focus();
    part("why").scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  node.addEventListener("focus", () => explain(token));
  card.tokens.push(token);
  card.story.append(space, node);
}

function walk(card, event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const at = card.tokens.findIndex((token) => token.node === document.activeElement);
  if (at < 0 || (!step && event.key !== "Home" && event.key !== "End")) return;
  event.preventDefault();
  const last = card.tokens.length - 1;
  let to = event.key === "Home" ? 0 : event.key === "End" ? last : at + step;
  while (card.tokens[to] && card.tokens[to].text === "") to += step || (to ? -1 : 1); // nothing to be seen there
  if (!card.tokens[to]) return;
  card.tokens[at].node.tabIndex = -1;
  card.tokens[to].node.tabIndex = 0;
  card.tokens[to].node.focus();
}

function describe(card) {
  const { result, status } = card;
  status.replaceChildren();
  if (!result) {
    status.append(`${card.tokens.length} tokens · seed ${card.seed}`);
    return;
  }
  const rate = result.rate ? ` · ${result.rate} tokens/s` : "";
  const reuse = button(`seed ${result.seed} ↺`, "link", () => trigger("reuse", { seed: result.seed }));
  reuse.title = "Use this seed again";
  reuse.setAttribute("aria-label", `Use seed ${result.seed} again`);
  status.append(`${result.tokens} tokens${rate} · `, reuse, ` · ${[result.ended, ...result.notes].join(" ")}`);
}

function finish(card, result) {
  card.result = result;
  card.root.setAttribute("aria-busy", "false");
  card.status.setAttribute("role", "status"); // only now: nobody wants to hear every token counted
  describe(card);
  const edit = button("Edit", "quiet", () => toggleEdit(card, edit));
  edit.setAttribute("aria-pressed", "false");
  const go = button("Continue", "quiet strong", () => trigger("submit", { text: textOf(card) }));
  go.title = "Go on from the end of this text, as it stands now";
  const copy = button("Copy", "quiet", () => copied(copy, textOf(card), "Copied"));
  const share = button("Share", "quiet", () => showLink(card, share));
  share.title = "A link that tells the same text anywhere";
  const save = button("JSON", "quiet", () => download(result));
  save.title = "The recipe, the text and every token as a file";
  card.actions.replaceChildren(go, edit, copy, share, save);
}

function textOf(card) {
  if (card.editor) return card.editor.value;
  return card.edited ?? card.prompt + card.tokens.map((token) => token.text).join("");
}

function toggleEdit(card, edit) {
  if (!card.editor) {
    const editor = make("textarea", "story editor");
    editor.value = textOf(card);
    editor.setAttribute("aria-label", "The tale, to be edited; Continue goes on from its end");
    editor.style.height = `${card.story.offsetHeight}px`;
    card.story.replaceWith(editor);
    card.editor = editor;
    card.editor.focus();
    card.editor.scrollTop = card.editor.scrollHeight;
  } else {
    const text = card.editor.value;
    card.editor.replaceWith(card.story);
    card.editor = null;
    if (text !== textOf(card)) {
      card.edited = text;
      card.tokens = [];
      card.story.replaceChildren(make("span", "prompt", text)); // the probabilities were of another text
    }
  }
  edit.setAttribute("aria-pressed", String(Boolean(card.editor)));
  edit.textContent = card.editor ? "Done" : "Edit";
}

function showLink(card, share) {
  const old = card.root.querySelector(".share");
  if (old) return old.remove();
  const box = make("div", "share");
  const field = make("input");
  field.readOnly = true;
  field.value = card.result.link || card.result.no_link;
  field.setAttribute("aria-label", "Link to this tale");
  const note = make("span", "share-note", "");
  note.setAttribute("role", "status");
  box.append(field, note);
  card.actions.before(box);
  field.select();
  const edited = textOf(card) !== card.prompt + card.tokens.map((token) => token.text).join("");
  const message = edited ? "Link copied: to the tale as it was told, without your edit" : "Link copied";
  if (card.result.link) copied(note, field.value, message);
}

async function copied(node, text, message) {
  const before = node.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = false; // no permission, or no secure context: the text is selected or can be
  }
  node.textContent = done ? message : "Press Ctrl+C to copy";
  if (node.tagName === "BUTTON") setTimeout(() => (node.textContent = before), 1500);
}

function download(result) {
  const url = URL.createObjectURL(new Blob([result.document], { type: "application/json" }));
  const anchor = make("a");
  anchor.href = url;
  anchor.download = result.file;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// ---- updates ---------------------------------------------------------------------------------------------------

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object") return;
  const message = value.message || "";
  if (value.state === "notice") {
    part("notice").textContent = message;
    part("notice").hidden = !message;
    stage.dataset.opened = ""; // the controls hold what the address asks for
    if (value.begin) trigger("submit", {});
    return;
  }
  if (over.has(value.run)) return;
  if (value.run !== run) begin(value);
  part("notice").hidden = value.state !== "failed";
  part("notice").textContent = value.state === "failed" ? message : "";
  const chunks = [];
  while (value.chunks[taken]) chunks.push(JSON.parse(value.chunks[taken++])); // none, if some before them were missed
  const following = cards.filter(({ story }) => story.scrollHeight - story.scrollTop - story.clientHeight < 40);
  for (const { tokens, results } of chunks) {
    tokens.forEach(addToken);
    results.forEach((result, k) => finish(cards[k], result));
  }
  following.forEach(({ story }) => (story.scrollTop = story.scrollHeight));
  cards.filter((card) => !card.result).forEach(describe);
  part("progress").textContent = value.state === "failed" ? "" : message;
  stage.dataset.state = value.state;
  const running = value.state === "waiting" || value.state === "telling";
  if (!running) {
    over.add(value.run);
    cards.forEach((card) => card.root.setAttribute("aria-busy", "false"));
  }
  document.body.toggleAttribute("data-running", running);
}

part("colours").addEventListener("click", (event) => {
  const on = !stage.classList.toggle("plain");
  event.currentTarget.setAttribute("aria-pressed", String(on));
});
watch("value", draw);
draw();
