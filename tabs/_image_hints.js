// Under the prompt: words that the model has never seen, with the nearest ones that it knows, and all that it knows.
let vocabulary = null; // by kind; asked for when it is first opened
let others = []; // that mean the same as one of these, or say it otherwise
let kind = "";

const box = (name) => document.querySelector(`#image-${name} textarea, #image-${name} input`);

/** Change a prompt as if it were typed, so that Gradio sees it. */
function write(field, text, start, end) {
  field.setRangeText(text, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Where a word stands as a whole word, or −1. */
function find(text, word) {
  const isLetter = (character) => /[\p{L}\p{N}]/u.test(character ?? "");
  const [low, sought] = [text.toLowerCase(), word.toLowerCase()];
  for (let at = low.indexOf(sought); at >= 0; at = low.indexOf(sought, at + 1)) {
    if (!isLetter(low[at - 1]) && !isLetter(low[at + sought.length])) return at;
  }
  return -1;
}

function replace(name, word, by) {
  const field = box(name);
  const at = find(field.value, word);
  if (at >= 0) write(field, by, at, at + word.length);
  field.focus();
}

/** Put a word where the caret stands in the prompt, with spaces around it. */
function insert(word) {
  const field = box("prompt");
  const { selectionStart: start, selectionEnd: end, value } = field;
  const before = start > 0 && !/\s$/.test(value.slice(0, start)) ? " " : "";
  const after = end < value.length && !/^\s/.test(value.slice(end)) ? " " : "";
  write(field, before + word + after, start, end);
  part("added").textContent = `“${word}” stands in the prompt now.`;
}

function drawUnknown(unknown) {
  const lines = unknown.map(([name, word, near]) => {
    const line = make("span", "unknown-word");
    const tries = near.map((other) => {
      const chip = button(other, "suggestion", () => replace(name, word, other));
      chip.setAttribute("aria-label", `Put ${other} instead of ${word}`);
      return chip;
    });
    line.append("The model has never seen ", make("b", "", word), tries.length ? ": try " : ".", ...tries);
    return line;
  });
  part("unknown").replaceChildren(...lines);
}

function drawChips() {
  const sought = part("filter").value.trim().toLowerCase();
  const matching = (all) => [...new Set(all)].filter((word) => word.includes(sought));
  let words = sought ? matching(Object.values(vocabulary).flat()) : vocabulary[kind] ?? [];
  if (!words.length) words = matching(others);
  part("chips").replaceChildren(...words.map((word) => button(word, "suggestion", () => insert(word))));
  if (!words.length) part("chips").append(make("span", "caption", "It knows no such word."));
  part("kinds").querySelectorAll("button").forEach((node) =>
    node.setAttribute("aria-pressed", String(!sought && node.dataset.kind === kind)),
  );
}

async function open() {
  if (!part("known").open || vocabulary) return;
  ({ kinds: vocabulary, others } = await server.vocabulary(null));
  kind = Object.keys(vocabulary)[0];
  part("kinds").replaceChildren(
    ...Object.keys(vocabulary).map((name) => {
      const node = button(name, "quiet", () => {
        kind = name;
        part("filter").value = "";
        drawChips();
      });
      node.dataset.kind = name;
      return node;
    }),
  );
  drawChips();
}

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object") return;
  drawUnknown(value.unknown);
  part("known").hidden = !value.known;
}

part("known").addEventListener("toggle", open);
part("filter").addEventListener("input", () => vocabulary && drawChips());
watch("value", draw);
draw();
