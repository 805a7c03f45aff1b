// A file made here, dropped anywhere on the page or chosen, brings every setting back. What is in it the server reads.
async function restore(file) {
  const content = await contentOf(file, notice);
  if (content === null) return;
  trigger("restore", { file: content });
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ behavior: "smooth" });
}

/** Only while this tab is the one on show. */
function hasFiles(event) {
  return element.offsetParent !== null && [...(event.dataTransfer?.types ?? [])].includes("Files");
}

const dropping = (on) => (part("dropping").hidden = !on);
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  dropping(!event.target.closest?.(".start-view"));
});
document.addEventListener("dragleave", (event) => event.relatedTarget || dropping(false));
document.addEventListener("drop", (event) => {
  dropping(false);
  if (!hasFiles(event) || event.defaultPrevented) return;
  event.preventDefault();
  restore(event.dataTransfer.files[0]);
});
part("restore").addEventListener("click", () => part("restore-file").click());
part("restore-file").addEventListener("change", ({ target }) => {
  restore(target.files[0]);
  target.value = "";
});
