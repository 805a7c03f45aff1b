// The branches of a session: a node is what one run told. Kept in the page alone; a node holds its drawn cards, so that
// to move there is instant.
const MOST_NODES = 60; // then the oldest leaf goes
const nodes = new Map(); // id → node, in the order in which they were told
const wishes = new Map(); // number → from where a run was asked for
let wished = 0;
let current = null; // the node on show
let ids = 0;

/** Remember from where something was asked for; the run that comes of it brings the number back. */
function wish(from) {
  wishes.set(++wished, from);
  return wished;
}

function newNode(value) {
  const from = wishes.get(value.wish);
  wishes.delete(value.wish);
  const parent = from && nodes.has(from.node.id) ? from.node : null;
  const start = value.prompt.trim().replace(/\s+/g, " ") || value.header || "From nothing";
  const opening = start.length > 34 ? `${start.slice(0, 33)}…` : start;
  const name = parent ? from.name : value.scored ? `Scored: ${opening}` : opening;
  const which = parent && parent.cards.length > 1 ? `tale ${from.sample + 1}, ` : "";
  const many = value.seeds.length > 1 ? `${value.seeds.length} tales, ` : "";
  const at = parent ? `${which}after ${from.index} tokens` : value.scored ? "" : `${many}seed ${value.seeds[0]}`;
  const node = { id: ++ids, parent, name, at, cards: [], from: parent && { sample: from.sample, index: from.index } };
  node.cards = value.seeds.map((seed, k) => Object.assign(newCard(value, seed, k), { node }));
  nodes.set(node.id, node);
  for (const old of nodes.values()) {
    if (nodes.size <= MOST_NODES) break;
    if (old !== node && old !== parent && !childrenOf(old).length) nodes.delete(old.id);
  }
  return node;
}

const childrenOf = (node) => [...nodes.values()].filter((other) => other.parent === node);

function show(node) {
  current = node;
  cards = node?.cards ?? [];
  part("cards").replaceChildren(...cards.map((card) => card.root));
  part("cards").dataset.count = cards.length;
  part("legend-forced").hidden = !cards.some((card) => card.forced);
  cards.forEach(drawSurprise);
  cards.filter((card) => card.forced).forEach((card) => scrollTo(card, card.tokens[card.forced - 1]));
  if (shown && !cards.includes(shown.card)) forget();
  part("why").hidden = !node;
  if (!node) stage.dataset.state = "empty";
  drawTree();
}

/** Move to a node, as a person asks for it: the controls learn which tokens are fixed there. */
function visit(node) {
  show(node);
  const result = node?.cards[0]?.result;
  trigger("visit", { recipe: result ? JSON.parse(result.document).recipe : null });
}

/** A card's story scrolls by itself; its token comes into the middle. */
function scrollTo({ story }, token) {
  if (!token) return;
  const middle = story.getBoundingClientRect().top + story.clientHeight / 2;
  story.scrollTop += token.node.getBoundingClientRect().top - middle;
}

function drawTree() {
  const hadFocus = part("tree-list").contains(document.activeElement);
  part("tree").hidden = !nodes.size;
  const roots = childrenOf(null);
  part("tree-list").replaceChildren(...roots.map((node) => treeItem(node, 1)));
  part("tree-rename").disabled = part("tree-prune").disabled = !current;
  if (hadFocus) part("tree-list").querySelector('[tabindex="0"]')?.focus();
}

function treeItem(node, level) {
  const item = make("li");
  item.setAttribute("role", "treeitem");
  item.setAttribute("aria-level", level);
  item.setAttribute("aria-selected", String(node === current));
  item.tabIndex = node === current ? 0 : -1;
  item.dataset.node = node.id;
  const line = make("span", "tree-line");
  line.append(make("span", "tree-name", node.name), make("span", "tree-at", node.at));
  line.addEventListener("click", () => visit(node));
  item.append(line);
  const children = childrenOf(node);
  if (children.length) {
    const list = make("ul");
    list.setAttribute("role", "group");
    list.append(...children.map((child) => treeItem(child, level + 1)));
    item.setAttribute("aria-expanded", "true");
    item.append(list);
  }
  return item;
}

function walkTree(event) {
  const items = [...part("tree-list").querySelectorAll('[role="treeitem"]')];
  const at = items.indexOf(event.target);
  if (at < 0) return; // the box in which a name is written
  const node = nodes.get(Number(event.target.dataset.node));
  const beside = {
    ArrowDown: items[at + 1],
    ArrowUp: items[at - 1],
    Home: items[0],
    End: items.at(-1),
    ArrowLeft: node.parent && items.find((item) => item.dataset.node === String(node.parent.id)),
    ArrowRight: childrenOf(node).length && items[at + 1],
  };
  if (event.key in beside) {
    if (beside[event.key]) visit(nodes.get(Number(beside[event.key].dataset.node)));
  } else if (event.key === "Enter" || event.key === " ") {
    cards[0]?.tokens.find((token) => token.node.tabIndex === 0)?.node.focus();
  } else if (event.key === "F2") rename();
  else if (event.key === "Delete") prune();
  else return;
  event.preventDefault();
}

function rename() {
  const node = current;
  const item = part("tree-list").querySelector(`[data-node="${node?.id}"]`);
  if (!item) return;
  const box = make("input", "tree-box");
  box.value = node.name;
  box.maxLength = 80;
  box.setAttribute("aria-label", "Name of this branch");
  let isOver = false;
  const end = (keep) => {
    if (isOver) return;
    isOver = true;
    if (keep && box.value.trim()) node.name = box.value.trim();
    drawTree();
    part("tree-list").querySelector('[tabindex="0"]')?.focus();
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  box.addEventListener("blur", () => end(true));
  item.querySelector(".tree-line").replaceWith(box);
  box.focus();
  box.select();
}

function prune() {
  const node = current;
  if (!node) return;
  const below = [node];
  for (const one of below) below.push(...childrenOf(one));
  if (below.some((one) => one === active && isRunning())) return treeSays("Stop it first: it is still being told.");
  const next = node.parent ?? [...nodes.values()].findLast((other) => !below.includes(other)) ?? null;
  below.forEach((one) => nodes.delete(one.id));
  visit(next);
  treeSays(below.length > 1 ? `Pruned, with what grew from it: ${below.length} in all.` : "Pruned.");
  part("tree-list").querySelector('[tabindex="0"]')?.focus();
}

function treeSays(message) {
  part("tree-note").textContent = message;
}

// ---- export ----------------------------------------------------------------------------------------------------

/** Nodes from the roots down, each with its depth. */
function inOrder(parent = null, depth = 0) {
  return childrenOf(parent).flatMap((node) => [[node, depth], ...inOrder(node, depth + 1)]);
}

function exportRecipes() {
  const branches = inOrder().map(([node]) => ({
    id: node.id,
    parent: node.parent?.id ?? null,
    name: node.name,
    from: node.from ?? null,
    results: node.cards.map((card) => (card.result ? JSON.parse(card.result.document) : null)).filter(Boolean),
  }));
  download(JSON.stringify({ branches }, null, 1), "branches.json", "application/json");
}

/** Text that Markdown shows as it is. */
function plainly(text) {
  return text
    .replace(/[\\`*_{}[\]<>#|~&]/g, "\\$&")
    .replace(/^(\s*)([-+=]|\d+[.)])/gm, (_, space, mark) => `${space}${mark.slice(0, -1)}\\${mark.slice(-1)}`)
    .replace(/(\S)\n(?=\S)/g, "$1  \n");
}

function exportTexts() {
  const parts = ["# Branches"];
  for (const [node, depth] of inOrder()) {
    parts.push(`${"#".repeat(Math.min(depth + 2, 6))} ${plainly(node.name.replace(/\s+/g, " "))}`);
    if (node.at) parts.push(`*${plainly(node.at)}*`);
    for (const card of node.cards) parts.push(plainly(textOf(card)));
    for (const card of node.cards) if (card.result?.link) parts.push(`<${card.result.link}>`);
  }
  download(`${parts.join("\n\n")}\n`, "branches.md", "text/markdown");
}

part("tree-list").addEventListener("keydown", walkTree);
part("tree-rename").addEventListener("click", rename);
part("tree-prune").addEventListener("click", prune);
part("tree-recipes").addEventListener("click", exportRecipes);
part("tree-texts").addEventListener("click", exportTexts);
