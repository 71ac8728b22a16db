// Small helpers on the document. Foreign text only ever enters through `textContent`.

export const element = (id) => document.getElementById(id);

/** A new element with a class (may be empty) and text. */
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** A small square of a colour. */
export function swatch(color) {
  const made = make("span", "swatch");
  made.style.background = color;
  return made;
}
