// What the stages share on which a run unfolds: what every update tells, until the last. After page, before the stage's own.
const over = new Set(); // runs that are complete; what still comes in of them is late

function notice(text) {
  part("notice").textContent = text;
  part("notice").hidden = !text;
}

/** How much of a run is done, in `unit`s, and how long the rest will take. */
function drawFar(running, far, unit) {
  part("forming").hidden = !running || !far;
  if (!far) return;
  const [done, all, left] = far;
  Object.assign(part("bar"), { max: all, value: done });
  part("far").textContent = `${unit} ${done}/${all} · ${left.toFixed(1)} s left`;
}

/**
 * Draw every update that comes.
 * doing: the state of a run that goes on; flag: what the page's body has meanwhile; unit: of progress, if it is told.
 * take: draws what is new; ended: what there is to do once a run is complete; isEmpty: whether nothing is on show.
 */
function followRuns({ doing, flag, unit, take, ended, isEmpty }) {
  const draw = () => {
    const value = props.value;
    if (!value || typeof value !== "object") return;
    if (value.state === "wanting") return trigger("fill", {}); // the page's address holds a recipe
    const message = value.message || "";
    if (value.state === "notice") {
      notice(message);
      stage.dataset.opened = ""; // the controls hold what the address asks for
      if (value.begin) trigger("submit", {});
      return;
    }
    if (over.has(value.run)) return;
    const failed = value.state === "failed";
    notice(failed ? message : "");
    part("progress").textContent = failed ? "" : message;
    const running = value.state === "waiting" || value.state === doing;
    document.body.toggleAttribute(flag, running);
    if (unit) drawFar(running, value.far, unit);
    take(value);
    if (!running) {
      over.add(value.run);
      ended(value);
    }
    stage.dataset.state = isEmpty() ? "empty" : value.state;
  };
  watch("value", draw);
  draw();
}
