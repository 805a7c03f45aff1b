// Draws what tabs/_latent_view.py sends, after all the others of its scope: see `SCRIPT` in tabs/_latent_layout.py.
// Text of people and models goes through textContent only, never through HTML.
const BEAT_MS = 90; // of a frame
let active = null; // the run that is drawn: { run, lanes }
let taken = -1; // the last chunk of it that is drawn
let playing = 0;
let loopsAnyway = false; // as somebody chose here, whatever the recipe says
let following = true; // the newest frame is shown as it comes

const length = () => Math.max(...active.lanes.map((lane) => lane.frames.length));

function begin(value) {
  stopPlaying();
  [taken, following] = [-1, true];
  const alone = value.lanes.length === 1;
  active = { run: value.run, lanes: value.lanes.map((lane, k) => newLane(lane, k, alone)) };
  stage.dataset.drawn = String(Boolean(value.lanes[0].drawn)); // shown in its own world alone
  part("lanes").dataset.count = active.lanes.length;
  part("lanes").dataset.grid = String(Boolean(active.lanes[0].columns));
  part("lanes").replaceChildren(...active.lanes.map((lane) => lane.root));
  part("player").hidden = true;
  part("looping").setAttribute("aria-pressed", String(value.loop !== "once" || loopsAnyway));
  part("to").textContent = value.loop === "once" ? "B" : "A";
  const { top } = stage.getBoundingClientRect();
  const isAway = top > window.innerHeight * 0.8 || top < -window.innerHeight * 0.2;
  if (isAway) stage.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

/** Take in what is new of a run; what it replaces stays on show until there is something to see. */
function take(value) {
  const chunks = Object.keys(value.chunks).map(Number).sort((a, b) => a - b);
  if (value.run !== active?.run) {
    if (!chunks.length && !value.forming) return;
    begin(value);
  }
  const fresh = chunks.filter((i) => i > taken);
  for (const i of fresh) {
    taken = i;
    for (const [k, index, url, point, stride] of JSON.parse(value.chunks[i])) {
      addFrame(active.lanes[k], index, url, point);
      addStride(active.lanes[k], index, stride);
    }
  }
  if (value.forming) addForming(active.lanes[0], ...value.forming);
  if (fresh.length && following && length() > 0) showAt(length() - 1);
  if (!value.results.length) return;
  value.results.forEach((result, k) => finish(active.lanes[k], result));
}

// ---- the player ----
function showAt(i) {
  active.lanes.forEach((lane) => showFrame(lane, i));
  const last = length() - 1;
  Object.assign(part("scrub"), { max: Math.max(last, 1), value: i });
  part("scrub-at").textContent = `${i + 1} / ${last + 1}`;
  part("scrub").setAttribute("aria-valuetext", `frame ${i + 1} of ${last + 1}`);
}

function scrubTo(i) {
  stopPlaying();
  following = false;
  showAt(i);
}

function stopPlaying() {
  clearInterval(playing);
  playing = 0;
  part("play").textContent = "▶";
  part("play").setAttribute("aria-label", "Play");
}

const loops = () => part("looping").getAttribute("aria-pressed") === "true";

function play() {
  if (playing) return stopPlaying();
  following = false;
  part("play").textContent = "❚❚";
  part("play").setAttribute("aria-label", "Pause");
  const at = Number(part("scrub").value);
  let i = at >= length() - 1 ? 0 : at;
  showAt(i);
  playing = setInterval(() => {
    if (i >= length() - 1 && !loops()) return stopPlaying();
    i = (i + 1) % length();
    showAt(i);
  }, BEAT_MS);
}

part("play").addEventListener("click", play);
part("scrub").addEventListener("input", ({ target }) => scrubTo(Number(target.value)));
part("looping").addEventListener("click", () => {
  loopsAnyway = !loops();
  part("looping").setAttribute("aria-pressed", String(loopsAnyway));
});

// ---- updates ----
function ended(value) {
  if (active?.run !== value.run) return;
  part("player").hidden = length() < 2 || Boolean(active.lanes[0].columns);
  active.lanes.forEach((lane) => {
    lane.root.setAttribute("aria-busy", "false");
    lane.cells.slice(lane.frames.length).forEach((cell) => (cell.hidden = true));
  });
}

followRuns({ doing: "drawing", flag: "data-drawing", unit: "frame", take, ended, isEmpty: () => !active });
