// Back through the steps of a picture. The previews are there at once; what the model truly drew at each step, and what
// each word did, is asked of the server when somebody first wants to see it.
const BEAT_MS = 130; // of a step, when the forming is shown again
let playing = 0;

function said(text) {
  part("look-said").textContent = text;
}

/** Choose the card into which the scrubber and the words look. */
function look(card) {
  stopPlaying();
  if (seen && seen !== card) rest(seen);
  seen = card;
  cards.forEach((other) => other.frame.setAttribute("aria-pressed", String(other === card)));
  const open = Boolean(card?.result) && card.previews.length > 0;
  part("look").hidden = !open;
  if (!open) return;
  said("");
  const slider = part("scrub");
  slider.max = lastStep(card);
  slider.value = lastStep(card);
  tell(card, lastStep(card));
  drawWords(card);
}

/** Show the picture itself again. */
function rest(card) {
  card.heat.hidden = true;
  if (card.result) show(card, lastStep(card));
}

function lastStep(card) {
  return card.inside ? card.inside.frames.length - 1 : card.previews.length - 1;
}

function show(card, step) {
  const { previews, result, inside } = card;
  const first = previews.findIndex(Boolean);
  const whole = step === lastStep(card) && result.picture;
  put(card, whole || inside?.frames[step] || previews.slice(0, step + 1).findLast(Boolean) || previews[first]);
}

function tell(card, step) {
  const last = lastStep(card);
  const text = step === 0 ? "noise" : step < last || !card.result.picture ? `step ${step} of ${last}` : "the picture";
  part("scrub-at").textContent = text;
  part("scrub").setAttribute("aria-valuetext", text);
}

function scrubTo(card, step) {
  part("scrub").value = step;
  show(card, step);
  tell(card, step);
}

/** What happened inside, or null where that can't be had; asked for once. */
function inspect(card) {
  if (card.inside || !card.result.picture) return Promise.resolve(card.inside);
  if (!card.asked) {
    said("The model draws it once more, with every step kept …");
    card.asked = ask(card).finally(() => (card.asked = null));
  }
  return card.asked;
}

async function ask(card) {
  let found;
  try {
    found = await server.examine(recipeOf(card));
  } catch {
    found = { problem: "The server does not answer." };
  }
  const here = seen === card;
  if (found.problem) {
    if (here) said(found.problem);
    return null;
  }
  const share = here ? part("scrub").value / (lastStep(card) || 1) : 1;
  card.inside = found;
  if (here) {
    said("");
    part("scrub").max = lastStep(card);
    scrubTo(card, Math.round(share * lastStep(card)));
    drawWords(card);
  }
  return found;
}

function stopPlaying() {
  clearInterval(playing);
  playing = 0;
  part("play").textContent = "▶";
  part("play").setAttribute("aria-label", "Watch it form");
}

async function play() {
  if (playing) return stopPlaying();
  const card = seen;
  await inspect(card);
  if (seen !== card || playing) return;
  part("play").textContent = "❚❚";
  part("play").setAttribute("aria-label", "Pause");
  let step = Number(part("scrub").value) % lastStep(card); // from the beginning, when it stands at the end
  scrubTo(card, step);
  playing = setInterval(() => {
    if (step >= lastStep(card)) return stopPlaying();
    scrubTo(card, ++step);
  }, BEAT_MS);
}

part("scrub").addEventListener("input", () => {
  stopPlaying();
  scrubTo(seen, Number(part("scrub").value));
  inspect(seen);
});
part("play").addEventListener("click", play);
