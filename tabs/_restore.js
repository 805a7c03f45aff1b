// A file made here is handed to the tab that made it, by `tabs/_dropping.js`, which also takes those that are chosen here.
const { kind } = part("restoring").dataset;

document.addEventListener(`restore-${kind}`, (event) => {
  if (element.offsetParent === null) return; // the tab is still on its way to the front
  event.preventDefault(); // taken
  trigger("restore", { file: event.detail });
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ behavior: "smooth" });
});
part("restore").addEventListener("click", () => part("restore-file").click());
part("restore-file").addEventListener("change", ({ target }) => {
  document.dispatchEvent(new CustomEvent("restore", { detail: target.files[0] }));
  target.value = "";
});
