// What all parts of the stage share: its elements, and how new ones are made. Comes before them.
const part = (name) => element.querySelector(`[data-part="${name}"]`);
const stage = element.querySelector(".stage");
let cards = []; // on show

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(label, className, action) {
  const node = make("button", className, label);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}
