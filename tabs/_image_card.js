// A picture with what can be done with it: save, share, vary, draw on from it.
let cards = []; // on show
let seen = null; // the card that is looked into

function newCard(node, seed, k) {
  const card = { root: make("article", "picture"), node, seed, k, previews: [], steps: 0, result: null, inside: null };
  const many = node.seeds.length > 1;
  card.name = many ? `Picture ${k + 1}` : "The picture";
  card.root.setAttribute("aria-label", many ? card.name : "Picture");
  card.root.setAttribute("aria-busy", "true");
  card.frame = button("", "frame", () => look(card));
  card.frame.setAttribute("aria-label", `${card.name}, seed ${seed}: look into it`);
  card.image = make("img");
  card.image.decoding = "sync";
  card.image.alt = "";
  card.image.hidden = true;
  card.heat = make("canvas", "heat");
  card.heat.hidden = true;
  card.frame.append(card.image, card.heat);
  card.status = make("p", "status");
  card.actions = make("div", "actions");
  card.root.append(card.frame, card.status, card.actions);
  describe(card);
  return card;
}

function put(card, url) {
  if (card.image.getAttribute("src") === url) return;
  card.image.src = url;
  card.image.hidden = false;
}

/** One step further. */
function addPreview(card, step, steps, url) {
  card.previews[step] = url;
  card.steps = steps;
  if (!card.result) put(card, url);
}

function describe(card) {
  const { result, status } = card;
  if (!result) return status.replaceChildren(`seed ${card.seed}`);
  const reuse = button(`seed ${result.seed} ↺`, "link", () => trigger("reuse", { seed: result.seed }));
  reuse.title = "Use this seed again";
  reuse.setAttribute("aria-label", `Use seed ${result.seed} again`);
  const how = result.size ? ` · ${result.size} · ${result.steps} steps in ${result.seconds} s` : "";
  const rest = [result.ended, ...result.notes].filter(Boolean).join(" ");
  status.replaceChildren(reuse, how, rest && ` · ${rest}`);
}

/** The recipe of this picture alone. */
function recipeOf(card) {
  return { ...card.node.recipe, samples: 1, seed: card.seed };
}

function finish(card, result) {
  card.result = result;
  card.root.setAttribute("aria-busy", "false");
  card.status.setAttribute("role", "status");
  if (result.picture) put(card, result.picture);
  card.image.alt = card.node.prompt || "A picture without a prompt";
  describe(card);
  if (!result.picture) return; // stopped: there is nothing that could be made again
  const save = saverOf(result, "Download", "quiet strong");
  const share = button("Share", "quiet", () =>
    openShare({
      what: "this picture",
      result,
      recipe: () => recipeOf(card),
      saves: [saverOf(result, "Download PNG", "quiet")],
    }),
  );
  share.title = "A link, a QR code and code that draw the same picture anywhere";
  const vary = button("Vary", "quiet", () => trigger("submit", { vary: recipeOf(card) }));
  vary.title = "The same again, a little different";
  const start = button("Use as start", "quiet", () => {
    trigger("use", { file: result.picture });
    said("It is the start picture now: see “Start from a picture”.");
  });
  start.title = "Draw the next picture on from this one";
  card.actions.replaceChildren(save, share, vary, start);
}

function saverOf(result, label, className) {
  const save = button(label, className, () => download(bytesOf(result.picture), result.file, "image/png"));
  save.title = "A PNG without loss, with every setting in it";
  return save;
}

function bytesOf(url) {
  return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (character) => character.charCodeAt(0));
}
