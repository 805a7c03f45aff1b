// The panel behind every Share button: the link and its QR code, the file, and code that makes the result again. After
// page. QR code and code come from `share` in tabs/_share.py once it is open; it is removed when it is closed.
const ON_THIS_MACHINE = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** What the server makes of a link, or of the recipe of a result that has none. */
async function sharedFrom(link, recipe) {
  const page = location.origin + location.pathname;
  if (!link && !recipe) return { problem: "There is no code of a result without a link." };
  try {
    return await server.share({ link, page, ...(link ? {} : { recipe: recipe() }) });
  } catch {
    return { problem: "The server does not answer." };
  }
}

/**
 * Open the panel.
 * what: is shared, like "this tale"; result: with its `link`, or `no_link` that says why there is none.
 * recipe: gives the record of a result without a link; note: what else there is to know; saves: buttons for its files.
 */
function openShare({ what, result: { link, no_link: problem }, recipe, note = "", saves = [] }) {
  const opener = document.activeElement;
  const panel = make("dialog", "share-panel");
  panel.setAttribute("aria-labelledby", "share-title");
  const title = make("h2", "", `Share ${what}`);
  title.id = "share-title";
  const close = button("✕", "share-close", () => panel.close());
  close.setAttribute("aria-label", "Close");
  const head = make("div", "share-head");
  head.append(title, close);
  const said = make("p", "share-said");
  said.setAttribute("role", "status");
  const main = make("div", "share-main");
  const picture = make("figure", "share-qr");
  const top = make("div", "share-top");
  const code = newCode(said);
  main.append(...(link ? linkOf(link, what, said) : [make("p", "share-why", problem)]), said);
  if (note) main.append(make("p", "caption", note));
  if (saves.length) main.append(filesOf(saves));
  top.append(main, ...(link ? [picture] : []));
  panel.append(head, top, code.root);
  panel.addEventListener("click", (event) => {
    if (event.target === panel) panel.close(); // beside it
  });
  panel.addEventListener("close", () => {
    panel.remove();
    if (opener?.isConnected) opener.focus();
  });
  document.querySelector(".gradio-container .contain").append(panel); // where Gradio's scope of our styles reaches
  panel.showModal();
  (panel.querySelector(".share-copy") ?? close).focus();
  sharedFrom(link, recipe).then((found) => {
    code.fill(found);
    drawQr(picture, found);
  });
}

function linkOf(link, what, said) {
  const field = make("input");
  field.readOnly = true;
  field.value = link;
  field.setAttribute("aria-label", `Link to ${what}`);
  field.addEventListener("focus", () => field.select());
  const copy = button("Copy link", "quiet strong share-copy", async () => {
    const done = await copied(copy, link, "Copied");
    said.textContent = done ? "Link copied." : "";
    if (!done) field.focus();
  });
  const row = make("div", "share-link");
  row.append(field, copy);
  const own = ON_THIS_MACHINE.test(new URL(link).hostname) ? " It leads to this machine, so only you can open it." : "";
  return [make("p", "caption", `The link holds every setting: whoever opens it can make the same again.${own}`), row];
}

function filesOf(saves) {
  const row = make("div", "actions");
  row.append(...saves);
  const box = make("div", "share-files");
  box.append(make("p", "caption", "As a file, with every setting in it"), row);
  return box;
}

function drawQr(figure, { qr, no_qr: problem }) {
  if (!qr) return figure.replaceChildren(make("figcaption", "caption", problem ?? ""));
  const image = make("img");
  image.src = qr;
  image.alt = "QR code of the link";
  figure.replaceChildren(image);
}

// ---- code ----
/** "Show code" and what it unfolds; `fill` takes the server's answer. */
function newCode(said) {
  const root = make("div", "share-code");
  const body = make("div", "share-ways");
  body.id = "share-ways";
  body.hidden = true;
  body.append(make("p", "caption", "Code is on its way …"));
  const toggle = button("Show code", "link", () => {
    body.hidden = !body.hidden;
    toggle.textContent = body.hidden ? "Show code" : "Hide code";
    toggle.setAttribute("aria-expanded", String(!body.hidden));
    if (!body.hidden) body.scrollIntoView({ block: "nearest" });
  });
  toggle.setAttribute("aria-expanded", "false");
  toggle.setAttribute("aria-controls", body.id);
  root.append(toggle, body);
  const fill = ({ code, problem }) => body.replaceChildren(...(code ? waysOf(code, said) : [make("p", "caption", problem)]));
  return { root, fill };
}

function waysOf(ways, said) {
  const tabs = make("div", "share-tabs");
  tabs.setAttribute("role", "tablist");
  tabs.setAttribute("aria-label", "Code that makes the same");
  const text = make("code");
  const scroll = make("pre", "share-text");
  scroll.tabIndex = 0; // it scrolls
  scroll.append(text);
  const needs = make("p", "caption");
  const copy = button("Copy code", "quiet strong", async () => {
    const done = await copied(copy, text.textContent, "Copied");
    said.textContent = done ? "Code copied." : "";
    if (!done) getSelection().selectAllChildren(text);
  });
  const foot = make("div", "share-foot");
  foot.append(needs, copy);
  const panel = make("div");
  panel.id = "share-way";
  panel.setAttribute("role", "tabpanel");
  panel.append(scroll, foot);
  const nodes = ways.map((way, i) => {
    const node = button(way.name, "", () => choose(node));
    node.id = `share-way-${i}`;
    node.setAttribute("role", "tab");
    node.setAttribute("aria-controls", panel.id);
    return node;
  });
  function choose(chosen) {
    const { name, code, needs: told } = ways[nodes.indexOf(chosen)];
    for (const node of nodes) {
      node.setAttribute("aria-selected", String(node === chosen));
      node.tabIndex = node === chosen ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", chosen.id);
    scroll.setAttribute("aria-label", `Code: ${name}`);
    text.textContent = code;
    scroll.hidden = copy.hidden = !code;
    scroll.scrollTop = scroll.scrollLeft = 0;
    needs.textContent = code ? `Needs ${told}.` : told;
  }
  tabs.append(...nodes);
  roving(tabs, choose);
  choose(nodes[0]);
  return [tabs, panel];
}
