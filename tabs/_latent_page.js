// What the parts of the latent tab share: the knobs, a bus on which the parts hear of each other, and the way to the
// server. Comes after _page.js.
const knob = (name) => document.querySelector(`#latent-${name} textarea, #latent-${name} input`);
const tell = (what, detail) => document.dispatchEvent(new CustomEvent(`latent-${what}`, { detail }));
const hear = (what, act) => document.addEventListener(`latent-${what}`, ({ detail }) => act(detail));
const NO_ANSWER = { problem: "The server does not answer." };

/** Set a text knob as if it were typed, so that Gradio sees it. */
function setKnob(name, text) {
  const field = knob(name);
  if (!field || field.value === text) return;
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A question to the server; its answer has a `problem` where there is none. */
async function asked(name, question) {
  try {
    return (await server[name](question)) ?? NO_ANSWER;
  } catch {
    return NO_ANSWER;
  }
}

/** Asks one question at a time; of those that come meanwhile only the last is asked. */
function latest(name, answer) {
  let [busy, waiting] = [false, null];
  return async (question) => {
    waiting = question;
    if (busy) return;
    busy = true;
    while (waiting) {
      const now = waiting;
      waiting = null;
      answer(await asked(name, now), now);
    }
    busy = false;
  };
}

/** The question for faces; `stand` is what the knobs stand at, and texts are read where they are typed. */
function lookAt(stand, expressions, changes = {}) {
  const texts = { edits: knob("edits")?.value ?? "", directions: knob("directions")?.value ?? "" };
  return { model: stand.model, seed: stand.seed, spread: stand.spread, ...texts, expressions, ...changes };
}

/** "smile=1.2, age=-0.5" → { smile: 1.2, age: -0.5 }. */
function readEdits(text = knob("edits")?.value ?? "") {
  const found = {};
  for (const piece of text.split(",")) {
    const at = piece.lastIndexOf("=");
    if (at > 0 && piece.slice(at + 1).trim() && Number.isFinite(Number(piece.slice(at + 1)))) {
      found[piece.slice(0, at).trim()] = Number(piece.slice(at + 1));
    }
  }
  return found;
}

/** The other way; what is 0 is left out. */
function writtenEdits(edits) {
  const told = Object.entries(edits).map(([name, value]) => [name, Number(value.toFixed(3))]);
  return told.filter(([, value]) => value).map(([name, value]) => `${name}=${value}`).join(", ");
}

function picture(url, alt, className = "") {
  const image = make("img", className);
  image.alt = alt;
  image.draggable = false;
  showPicture(image, url);
  return image;
}

function showPicture(image, url) {
  const there = typeof url === "string" && url.startsWith("data:image/");
  image.hidden = !there;
  if (there && image.getAttribute("src") !== url) image.src = url;
}

/** What people read instead of an expression: "cat" for preset:cat, "a point" for 64 numbers. */
function nameOf(expression) {
  const text = expression.trim();
  if (/^point:\S*$/.test(text)) return "a face of its own";
  const [, term, rest] = text.match(/^(seed|preset|face|at|near):(.*)$/s) ?? [];
  if (!term || /[+−]|\s-\s/.test(rest)) return text.replace(/point:\S+/g, "point:…");
  const spaced = rest.replaceAll(",", ", ");
  const names = { preset: rest, seed: `seed ${rest}`, face: spaced };
  return names[term] ?? `at ${spaced} on the map`;
}
