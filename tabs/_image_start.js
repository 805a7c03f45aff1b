// The picture from which the drawing begins: chosen or dropped here, shown, taken away. The server makes it fit.
function say(text) {
  part("said").textContent = text;
  part("said").hidden = !text;
}

async function pick(file) {
  const content = await contentOf(file, say);
  if (content !== null) trigger("pick", { file: content });
}

function draw() {
  const value = props.value;
  if (!value || typeof value !== "object") return;
  say(value.said);
  if (value.start === null) return; // as it was
  const there = value.start.startsWith("data:image/png;base64,");
  part("picture").hidden = part("remove").hidden = !there;
  if (there) part("picture").src = value.start;
  else part("picture").removeAttribute("src");
  part("choose").textContent = there ? "Choose another …" : "Choose a picture …";
}

part("choose").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", ({ target }) => {
  pick(target.files[0]);
  target.value = "";
});
part("remove").addEventListener("click", () => {
  trigger("pick", { file: "" });
  part("choose").focus();
});
part("box").addEventListener("dragover", (event) => event.preventDefault());
part("box").addEventListener("drop", (event) => {
  event.preventDefault();
  pick(event.dataTransfer.files[0]);
});
watch("value", draw);
draw();
