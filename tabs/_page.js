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

/** Show or take away a result's link, in `root` before one of its elements or at its end; it is copied at once. */
function toggleLink(root, before, { link, no_link: problem }, label, message = "Link copied") {
  const old = root.querySelector(".share");
  if (old) return old.remove();
  const box = make("div", "share");
  const note = make("span", link ? "share-note" : "", problem);
  note.setAttribute("role", "status");
  box.append(note);
  root.insertBefore(box, before);
  if (!link) return;
  const field = make("input");
  field.readOnly = true;
  field.value = link;
  field.setAttribute("aria-label", label);
  box.prepend(field);
  field.select();
  copied(note, link, message);
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
