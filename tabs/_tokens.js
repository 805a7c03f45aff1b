// The tokens of a tale: tinted by their probability, one tab stop in all, walked through with the arrow keys.
let shown = null; // the token that is explained
let held = null; // the same, while the pointer may wander without changing it

function addToken(card, [, text, mark, logprob, chosen, others, id]) {
  const index = card.tokens.length;
  const p = Math.exp(logprob);
  const [space, node] = tinted(text, p);
  const token = { node, index, id, text, mark, p, bits: -logprob / Math.LN2, chosen, others, card };
  const sign = mark || (text.trim() ? "" : text.includes("\n") ? "⏎" : "·"); // of what could not be pointed at
  const isForced = index < card.forced;
  const isBranch = index === card.forced - 1;
  if (isForced) node.classList.add("forced");
  if (isBranch || sign) node.dataset.mark = `${isBranch ? "↳" : ""}${sign}`; // drawn by the style, so that it is no text
  if (isForced) node.title = isBranch ? "Chosen by you: the branch begins here" : "Fixed by a branch";
  else if (mark) node.title = MARKS[mark];
  node.tabIndex = index ? -1 : 0; // one tab stop a tale; arrow keys do the rest
  node.addEventListener("pointerenter", () => held || explain(token));
  node.addEventListener("click", () => {
    node.focus();
    hold(token);
    part("why").scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  node.addEventListener("focus", () => hold(token));
  card.tokens.push(token);
  card.story.append(space, node);
}

/** What the last token of a stopped tale holds back is shown after all, as by whoever opens the tale's link. */
function showRest(card, rest) {
  const token = card.tokens.at(-1);
  token.text += rest;
  token.mark = "";
  token.node.append(rest);
  if (token.index === card.forced - 1) token.node.dataset.mark = "↳";
  else delete token.node.dataset.mark;
}

/** What a token is called where it stands by itself. */
function nameOf({ text, mark }) {
  return mark || visible(text).replace(/^·(?=.)/, "");
}

function hold(token) {
  held = token;
  explain(token);
}

function release() {
  held = null;
  shown?.node.classList.remove("held");
}

function walk(card, event) {
  const at = card.tokens.findIndex((token) => token.node === document.activeElement);
  if (at < 0) return;
  if (event.key === "Escape") return release();
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    part("why").querySelector("button:not([hidden])")?.focus();
    return;
  }
  const last = card.tokens.length - 1;
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (card.tokens[to]) step(card, to);
}

/** Make the token at a place the card's tab stop, and go there. */
function step(card, to) {
  card.tokens.forEach((token) => (token.node.tabIndex = -1));
  card.tokens[to].node.tabIndex = 0;
  card.tokens[to].node.focus();
}
