// Shows what else could have stood in the place of a token; an alternative is a button that sends the tale that way.
const NTH = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const MARKS = {
  "◌": "A part of a character, which shows only with its other parts",
  "…": "Held back: it could become the text to stop at",
  "∎": "A mark that is no text, like the end of the tale",
};

/** The text of a token as it can be read by itself; half a character as "◌". */
function visible(text) {
  if (text === "") return "∎";
  return text.replace(/\n/g, "⏎").replace(/^ /, "·").replace(/\ufffd+/g, "◌");
}

function percent(p) {
  if (p === 0) return "0";
  return p < 0.0005 ? "< 0.1 %" : `${(p * 100).toFixed(p < 0.0995 ? 1 : 0)} %`;
}

function explain(token) {
  token.node.classList.toggle("held", held === token);
  if (shown === token) return offer(token);
  shown?.node.classList.remove("on", "held");
  shown = token;
  token.node.classList.add("on");
  point(token);
  part("why-title").textContent = `Why “${nameOf(token)}”?`;
  const rank =
    token.chosen < 0
      ? "less than each of the ten likeliest"
      : `its ${NTH[token.chosen]} choice; after the samplers ${percent(token.others[token.chosen][2])}`;
  const how = token.index < token.card.forced ? " A branch fixes it here." : "";
  part("why-text").textContent = `The model gave it ${percent(token.p)} (${token.bits.toFixed(1)} bits), ${rank}.${how}`;
  const most = Math.max(...token.others.flatMap(([, before, after]) => [before, after]));
  part("why-rows").replaceChildren(...token.others.map((other, i) => row(token, other, most, i === token.chosen)));
  offer(token);
}

/** Branches and dice are for what is told to its end, and not for a text that was only scored. */
function offer(token) {
  const open = Boolean(token.card.result) && !token.card.scored;
  part("why-rows").querySelectorAll("button").forEach((node) => (node.disabled = !open || isRunning()));
  part("dice-open").hidden = !open;
  if (!open) closeDice();
  else if (!part("dice").hidden && held === token) throwDice(token);
}

function row(token, [text, before, after, id], most, isChosen) {
  const node = make("div", `why-row${isChosen ? " chosen" : ""}${after === 0 ? " cut" : ""}`);
  node.setAttribute("role", "row");
  const cell = (className, content) => {
    const made = make("span", className, content);
    made.setAttribute("role", "cell");
    node.append(made);
    return made;
  };
  const name = visible(text);
  const unlike = name.includes("◌") ? ` ${id}` : ""; // several halves of characters would look alike
  const label = cell("why-token", `${name}${unlike}`);
  label.title = MARKS[name] ?? MARKS[name.match(/[◌]/)?.[0]] ?? "";
  const bars = cell("why-bars");
  for (const [kind, share] of [["before", before], ["after", after]]) {
    const bar = make("i", `bar ${kind}`);
    bar.style.width = `${share && Math.max((share / most) * 100, 1)}%`;
    bars.append(bar);
  }
  cell("why-number", percent(before));
  cell("why-number", after === 0 ? "cut" : percent(after));
  const last = cell("why-mark", isChosen ? "← chosen" : "");
  if (!isChosen && !token.card.scored) {
    const go = button("↳ branch", "link", () => branch(token, id, name));
    go.setAttribute("aria-label", `Branch: go on with “${name.replace(/^·(?=.)/, "")}”${unlike} here`);
    last.append(go);
  }
  return node;
}

/** Ask for the tale anew: the same up to this token, another one in its place, and whatever then follows. */
function branch(token, id, name) {
  const { card, index } = token;
  const ids = [...card.tokens.slice(0, index).map((before) => before.id), id];
  const number = wish({ node: card.node, sample: card.k, index, name: `↳ ${name.replace(/^·(?=.)/, "")}` });
  trigger("submit", { wish: number, branch: { recipe: card.recipe(), ids } });
}
