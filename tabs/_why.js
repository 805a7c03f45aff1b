// Shows what else could have stood in the place of a token; runs in one scope with _stage.js, which comes after it.
let shown = null; // the token whose alternatives are on show

const NTH = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const visible = (text) => (text === "" ? "∎" : text.replace(/\n/g, "⏎").replace(/^ /, "·"));

function percent(p) {
  if (p === 0) return "0";
  return p < 0.0005 ? "< 0.1 %" : `${(p * 100).toFixed(p < 0.0995 ? 1 : 0)} %`;
}

function explain(token) {
  if (shown === token || !token.others) return;
  shown?.node.classList.remove("on");
  shown = token;
  token.node.classList.add("on");
  part("why-title").textContent = `Why “${visible(token.text).replace(/^·/, "")}”?`;
  const rank =
    token.chosen < 0
      ? "less than each of the ten likeliest"
      : `its ${NTH[token.chosen]} choice; after the samplers ${percent(token.others[token.chosen][2])}`;
  part("why-text").textContent = `The model gave it ${percent(token.p)}, ${rank}.`;
  const most = Math.max(...token.others.flatMap(([, before, then]) => [before, then]));
  const rows = token.others.map(([text, ...shares], i) => row(visible(text), shares, most, i === token.chosen));
  part("why-rows").replaceChildren(...rows);
}

function row(text, [before, after], most, isChosen) {
  const node = make("div", `why-row${isChosen ? " chosen" : ""}${after === 0 ? " cut" : ""}`);
  node.setAttribute("role", "row");
  const cell = (className, content) => {
    const made = make("span", className, content);
    made.setAttribute("role", "cell");
    node.append(made);
    return made;
  };
  cell("why-token", text).title = text === "∎" ? "a mark that is no text, like the end of the tale" : "";
  const bars = cell("why-bars");
  for (const [name, share] of [["before", before], ["after", after]]) {
    const bar = make("i", `bar ${name}`);
    bar.style.width = `${share && Math.max((share / most) * 100, 1)}%`;
    bars.append(bar);
  }
  cell("why-number", percent(before));
  cell("why-number", after === 0 ? "cut" : percent(after));
  cell("why-mark", isChosen ? "← chosen" : "");
  return node;
}

