// A file made here, dropped anywhere on the page or chosen on a stage, brings every setting back: the tab that made it
// comes to the front and takes it. What is in it the server reads. After page.
const LOOK_MS = 50;
const PATIENCE_MS = 20_000; // for a page that arrives, and for a tab that is opened for the first time

function say(problem) {
  part("said").textContent = problem;
  part("problem").hidden = !problem;
}

/** Look until something is so; whether it became so in time. */
async function become(so) {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    if (so()) return true;
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return false;
}

async function hand(file) {
  say("");
  const content = await contentOf(file, say);
  if (content === null) return;
  const { kind, problem } = await server.whose({ file: content }).catch(() => ({ problem: "The server does not answer." }));
  if (problem) return say(problem);
  await become(() => "arrived" in document.body.dataset); // else the address's tab would come to the front after it
  trigger("front", { kind });
  const taken = () => !document.dispatchEvent(new CustomEvent(`restore-${kind}`, { detail: content, cancelable: true }));
  if (!(await become(taken))) say("Its tab does not open; load the page anew.");
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const dropping = (on) => (part("dropping").hidden = !on);
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault(); // else the browser would open it, and leave the page
  dropping(!event.target.closest?.(".start-view"));
});
document.addEventListener("dragleave", (event) => event.relatedTarget || dropping(false));
document.addEventListener("drop", (event) => {
  dropping(false);
  if (!hasFiles(event) || event.defaultPrevented) return;
  event.preventDefault();
  hand(event.dataTransfer.files[0]);
});
document.addEventListener("restore", ({ detail }) => hand(detail));
part("close").addEventListener("click", () => say(""));
