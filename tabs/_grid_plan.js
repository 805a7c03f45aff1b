// How much the grid would be, or what is wrong with it, and what the axes take. Text of people: through textContent only.
function draw() {
  const value = props.value;
  if (!value || typeof value !== "object") return;
  part("said").textContent = value.said;
  part("said").dataset.wrong = value.wrong ? "yes" : "";
  if (value.hint !== null) part("hint").textContent = value.hint;
}

watch("value", draw);
draw();
