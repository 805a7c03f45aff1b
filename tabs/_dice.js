// The samplers on one token: what each leaves of the model's distribution, and where the throw falls. The logits come
// from the server once; a moved knob is computed here. What the numbers are is _samplers.js' business.
const STAGE_NAMES = {
  model: "model",
  repetition_penalty: "repetition penalty",
  temperature: "temperature",
  top_k: "top-k",
  top_p: "top-p",
  min_p: "min-p",
};
const ROWS = 10;
const THIN = 0.002; // of the throw's strip; thinner ones are left to its ground
const places = new WeakMap(); // token → what the server said of it
let dice = null; // { token, place, knobs }

async function throwDice(token) {
  if (dice?.token === token) return;
  dice = null;
  let place = places.get(token);
  if (!place) {
    diceSays("Asking the model …");
    const { card, index } = token;
    const ids = card.tokens.slice(0, index + 1).map((other) => other.id);
    place = await server.examine({ recipe: card.recipe(), ids, index });
    if (!place || place.problem) {
      if (shown === token) diceSays(place?.problem || "The server does not answer.");
      return;
    }
    const bytes = Uint8Array.from(atob(place.logits), (character) => character.charCodeAt(0));
    place.logits = new Float32Array(bytes.buffer);
    place.names = new Map(place.named.map((id, i) => [id, place.names[i]]));
    places.set(token, place);
  }
  if (shown !== token || part("dice").hidden) return;
  dice = { token, place, knobs: told(token, place) };
  drawKnobs();
  drawDice();
}

/** The samplers with which the token was chosen. */
function told(token, place) {
  const recipe = token.card.recipe();
  return Object.fromEntries(Object.keys(place.knobs).map((name) => [name, recipe[name]]));
}

function diceSays(message) {
  ["dice-knobs", "dice-head", "dice-rows", "throw"].forEach((name) => part(name).replaceChildren());
  part("dice-said").textContent = message;
}

function drawKnobs() {
  part("dice-note").textContent = "";
  part("dice-knobs").replaceChildren(
    ...SAMPLERS.map((name) => {
      const { label, help, low, high, step } = dice.place.knobs[name];
      const box = make("label", "dice-knob");
      const value = make("output", "dice-value", String(dice.knobs[name]));
      const slider = make("input");
      Object.assign(slider, { type: "range", min: low, max: high, step, value: dice.knobs[name], title: help });
      slider.dataset.knob = name;
      slider.addEventListener("input", () => {
        dice.knobs[name] = Number(slider.value);
        value.textContent = slider.value;
        part("dice-note").textContent = "";
        drawDice();
      });
      box.append(make("span", "", label), value, slider);
      return box;
    }),
  );
}

function drawDice() {
  const { token, place, knobs } = dice;
  const found = stages(place.logits, place.seen, knobs);
  const last = found.at(-1).shares;
  const now = pick(last, place.uniform);
  const name = (id) => visible(place.names.get(id) ?? `token ${id}`);
  const likeliest = place.order ?? (place.order = [...byScore(place.logits).slice(0, ROWS)]);
  const ids = [...new Set([...likeliest, token.id, now])].sort((a, b) => place.logits[b] - place.logits[a] || a - b);

  const fixed = token.index < token.card.forced ? " It was fixed by a branch; the dice were thrown all the same." : "";
  const same = now === token.id ? `still “${name(now)}”` : `“${name(now)}” instead of “${name(token.id)}”`;
  part("dice-said").textContent = `The throw is ${place.uniform.toFixed(6)}: ${same}, ${percent(last[now])}.${fixed}`;
  part("dice-said").dataset.pick = now;
  part("dice-said").dataset.uniform = place.uniform;

  const head = make("tr");
  head.append(make("th", "", "token"));
  for (const stage of found) {
    const cell = make("th", stage.on ? "" : "off", STAGE_NAMES[stage.name]);
    const setting = knobs[stage.name];
    cell.append(make("span", "dice-setting", stage.name === "model" ? "says" : stage.on ? String(setting) : "off"));
    head.append(cell);
  }
  part("dice-head").replaceChildren(head);
  const most = Math.max(...found.flatMap((stage) => ids.map((id) => stage.shares[id])));
  part("dice-rows").replaceChildren(...ids.map((id) => diceRow(id, name(id), found, most, now)));
  drawThrow(last, place.uniform, now, name);
}

function diceRow(id, name, found, most, now) {
  const line = make("tr", id === now ? "picked" : "");
  const head = make("th", "dice-token");
  head.scope = "row";
  head.append(make("span", "why-token", name));
  const marks = [id === now && "◆ picked", id === dice.token.id && "told"].filter(Boolean).join(", ");
  if (marks) head.append(make("span", "dice-mark", marks));
  line.append(head);
  found.forEach((stage, i) => {
    const share = stage.shares[id];
    const before = i ? found[i - 1].shares[id] : 1;
    const wasCut = share === 0;
    const said = wasCut ? (before ? "cut" : "") : percent(share);
    const cell = make("td", `${stage.on ? "" : "off"}${wasCut ? " cut" : ""}`, said);
    cell.dataset.share = share;
    const bar = make("i", `bar${i ? " after" : ""}`);
    bar.style.width = `${share && Math.max((share / most) * 100, 1)}%`;
    cell.append(bar);
    line.append(cell);
  });
  return line;
}

/** All that is left, side by side in the order of the ids, and the needle where the throw falls. */
function drawThrow(shares, uniform, now, name) {
  const strip = make("div", "throw-strip");
  let left = 0;
  for (const [id, share] of shares.entries()) {
    if (share >= THIN || id === now) {
      const piece = make("i", id === now ? "on" : "", share > 0.06 ? name(id) : "");
      piece.style.left = `${left * 100}%`;
      piece.style.width = `${Math.max(share * 100, 0.15)}%`;
      strip.append(piece);
    }
    left += share;
  }
  const needle = make("b", "throw-needle", "▼");
  needle.style.left = `${uniform * 100}%`;
  part("throw").replaceChildren(needle, strip);
}

function closeDice() {
  dice = null;
  part("dice").hidden = true;
  part("dice-open").setAttribute("aria-expanded", "false");
  part("dice-open").textContent = "See the dice";
}

part("dice-open").addEventListener("click", () => {
  if (!part("dice").hidden) return closeDice();
  part("dice").hidden = false;
  part("dice-open").setAttribute("aria-expanded", "true");
  part("dice-open").textContent = "Hide the dice";
  hold(shown);
});
part("dice-use").addEventListener("click", () => {
  if (!dice) return;
  trigger("use", dice.knobs);
  part("dice-note").textContent = "The controls stand at these now.";
});
part("dice-reset").addEventListener("click", () => {
  if (!dice) return;
  dice.knobs = told(dice.token, dice.place);
  drawKnobs();
  drawDice();
});
