// What all parts of the stage share: its elements, and how new ones are made. Comes before them.
const part = (name) => element.querySelector(`[data-part="${name}"]`);
const stage = element.querySelector(".stage, .compare");

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

/** Put a text on the clipboard, say so on the node, and answer whether it is there. */
async function copied(node, text, message) {
  const before = (node.dataset.said ??= node.textContent); // what it says by itself, however often it is pressed
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = false; // no permission, or no secure context: the text is selected or can be
  }
  node.textContent = done ? message : "Press Ctrl+C to copy";
  if (node.tagName === "BUTTON") setTimeout(() => (node.textContent = before), 1500);
  return done;
}

/** The arrow keys walk through the buttons of a group, which is one tab stop. */
function roving(group, choose) {
  group.addEventListener("keydown", (event) => {
    const nodes = [...group.querySelectorAll("button")];
    const at = nodes.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const to = { Home: 0, End: nodes.length - 1 }[event.key] ?? (step && (at + step + nodes.length) % nodes.length);
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(nodes[to]);
    nodes[to].focus();
  });
}

function download(content, name, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const anchor = make("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const LARGEST_MB = 20; // of a file that is chosen or dropped

/** The content of a file; null where there is none, or after a complaint that it is too large. */
async function contentOf(file, complain) {
  if (!file) return null;
  if (file.size <= LARGEST_MB * 2 ** 20) return dataUrl(file);
  complain(`The file is too large; at most ${LARGEST_MB} MB are allowed.`);
  return null;
}

function dataUrl(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}
