// How far each step of a journey goes: a bar for every step, and in words; beside it the last journey among faces.
const USUAL = { model: "faces-vae", largest: 0.041, usual: 0.026 }; // medians of 24 journeys between two seeds
const LEAST_SCALE = 0.05; // of the highest bar: a journey that hardly moves has low bars
let reference = USUAL; // with `strides`, once there was a journey among faces

const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function newStrides(lane) {
  lane.strides = [];
  lane.chart = make("div", "strides");
  lane.bars = make("div", "bars");
  lane.bars.setAttribute("role", "img");
  lane.said = make("p", "caption");
  lane.chart.append(lane.bars, lane.said);
  lane.chart.hidden = true;
  return lane.chart;
}

function bars(root, strides, steps, scale, act) {
  while (root.children.length < strides.length) {
    const step = root.children.length;
    const bar = make("i");
    if (act) bar.addEventListener("click", () => act(step + 1));
    root.append(bar);
  }
  root.style.setProperty("--steps", steps);
  strides.forEach((stride, i) => (root.children[i].style.height = `${Math.max(2, (stride / scale) * 100)}%`));
}

/** Take in how far frame i is from the one before. */
function addStride(lane, i, stride) {
  if (lane.columns || typeof stride !== "number") return;
  lane.strides[i - 1] = stride;
  const scale = Math.max(LEAST_SCALE, ...lane.strides, lane.drawn ? reference.largest : 0);
  bars(lane.bars, lane.strides, lane.count - 1, scale, scrubTo);
  const largest = Math.max(...lane.strides);
  const at = lane.strides.indexOf(largest) + 1;
  const usual = median(lane.strides);
  const times = usual > 0.001 ? `, ${(largest / usual).toFixed(1)} × the usual ${percent(usual)}` : "";
  lane.said.textContent = largest
    ? `Largest step ${percent(largest)}, from frame ${at} to ${at + 1}${times}.`
    : "Nothing changes on the way.";
  lane.bars.setAttribute("aria-label", `How far each step goes. ${lane.said.textContent}`);
  lane.chart.hidden = false;
  lane.scale = scale;
}

/** Once a journey is complete: beside one that was drawn stands one among faces, which the next ones will stand beside. */
function compareStrides(lane) {
  if (lane.columns || !lane.strides.length) return;
  if (!lane.drawn) {
    if (lane.k || lane.strides.length < lane.count - 1) return; // the first model's, and only a whole one
    const [largest, usual] = [Math.max(...lane.strides), median(lane.strides)];
    reference = { model: lane.model, largest, usual, strides: [...lane.strides] };
    return;
  }
  const { model, largest, usual, strides } = reference;
  const beside = make("div", "beside");
  if (strides) {
    const row = make("div", "bars");
    row.setAttribute("role", "img");
    row.setAttribute("aria-label", `How far each step of the last journey of ${model} went`);
    bars(row, strides, strides.length, lane.scale);
    beside.append(row);
  }
  const which = strides ? `Your last journey of ${model}` : `Usual for ${model}, with 16 frames`;
  beside.append(make("p", "caption", `${which}: largest step ${percent(largest)}, the usual one ${percent(usual)}.`));
  lane.chart.append(beside);
}
