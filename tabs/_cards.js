// A tale with what can be done with it: go on, edit, copy, share, save.
let cards = []; // on show

function newCard(value, seed, k) {
  const { prompt, scored, forced } = value;
  const card = { root: make("article", "card"), tokens: [], seed, k, scored, forced, result: null };
  card.given = prompt;
  card.prompt = scored ? "" : prompt; // its tokens come one by one
  card.root.setAttribute("aria-label", scored ? "Your text" : value.seeds.length > 1 ? `Tale ${k + 1}` : "Tale");
  card.root.setAttribute("aria-busy", "true");
  if (value.header) card.root.append(make("p", "card-header", value.header));
  card.story = make("div", "story");
  card.story.setAttribute("role", "group");
  card.story.setAttribute("aria-label", "The tale; the arrow keys walk through its words");
  card.story.append(make("span", "prompt", card.prompt));
  card.story.addEventListener("keydown", (event) => walk(card, event));
  card.surprise = newSurprise(card);
  card.status = make("p", "status");
  card.actions = make("div", "actions");
  card.root.append(card.story, card.surprise.root, card.status, card.actions);
  card.recipe = () => ({ ...JSON.parse(card.result.document).recipe, max_new_tokens: card.result.length });
  describe(card);
  return card;
}

function describe(card) {
  const { result, status } = card;
  status.replaceChildren();
  if (!result) {
    status.append(card.scored ? `${card.tokens.length} tokens` : `${card.tokens.length} tokens · seed ${card.seed}`);
    return;
  }
  const rest = [result.ended, ...result.notes].join(" ");
  if (card.scored) {
    status.append(`${result.tokens} tokens · ${rest}`);
    return;
  }
  const rate = result.rate ? ` · ${result.rate} tokens/s` : "";
  const reuse = button(`seed ${result.seed} ↺`, "link", () => trigger("reuse", { seed: result.seed }));
  reuse.title = "Use this seed again";
  reuse.setAttribute("aria-label", `Use seed ${result.seed} again`);
  status.append(`${result.tokens} tokens${rate} · `, reuse, ` · ${rest}`);
}

function finish(card, result) {
  card.result = result;
  if (result.rest) showRest(card, result.rest);
  if (card.scored) card.story.querySelector(".prompt").textContent = unscored(card);
  card.root.setAttribute("aria-busy", "false");
  card.status.setAttribute("role", "status"); // only now: nobody wants to hear every token counted
  describe(card);
  const edit = button("Edit", "quiet", () => toggleEdit(card, edit));
  edit.setAttribute("aria-pressed", "false");
  const go = button("Continue", "quiet strong", () => {
    const number = wish({ node: card.node, sample: card.k, index: card.tokens.length, name: "→ continued" });
    trigger("submit", { wish: number, text: textOf(card) });
  });
  go.title = "Go on from the end of this text, as it stands now";
  const copy = button("Copy", "quiet", () => copied(copy, textOf(card), "Copied"));
  const share = button("Share", "quiet", () => shareTale(card));
  share.title = "A link, a QR code and code that tell the same text anywhere";
  const save = saverOf(result, "JSON");
  card.actions.replaceChildren(...(card.scored ? [] : [go, edit]), copy, share, save);
  if (shown?.card === card) offer(shown);
}

/** What stands before the scored tokens: a model that begins with nothing says nothing of the first one. */
function unscored(card) {
  const told = card.tokens.map((token) => token.text).join("");
  return card.given.endsWith(told) ? card.given.slice(0, card.given.length - told.length) : "";
}

function textOf(card) {
  if (card.scored) return card.given;
  if (card.editor) return card.editor.value;
  return card.edited ?? card.given + card.tokens.map((token) => token.text).join("");
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
      if (shown?.card === card) forget();
      card.surprise.root.hidden = true;
      card.story.replaceChildren(make("span", "prompt", text)); // the probabilities were of another text
    }
  }
  edit.setAttribute("aria-pressed", String(Boolean(card.editor)));
  edit.textContent = card.editor ? "Done" : "Edit";
}

function shareTale(card) {
  const { result } = card;
  const edited = card.edited !== undefined || Boolean(card.editor);
  openShare({
    what: "this tale",
    result,
    recipe: () => JSON.parse(result.document).recipe,
    note: edited ? "This is the tale as it was told, without your edit." : "",
    saves: [saverOf(result, "Download JSON")],
  });
}

function saverOf(result, label) {
  const save = button(label, "quiet", () => download(result.document, result.file, "application/json"));
  save.title = "The recipe, the text and every token as a file";
  return save;
}
