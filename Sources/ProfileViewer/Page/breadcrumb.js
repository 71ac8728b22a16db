// The way from the root to the box zoomed to.

import { element, make } from "./dom.js";
import { visibleName } from "./format.js";

const shownSteps = 4;

/** @param zoom (node) when a step is chosen. */
export function showBreadcrumb(model, top, zoom) {
  const path = model.path(top);
  const crumb = (node, text) => {
    const button = make("button", "", text);
    button.type = "button";
    button.title = text;
    button.addEventListener("click", () => zoom(node));
    return button;
  };
  const items = [crumb(0, "all")];
  const shown = path.slice(-shownSteps);
  if (path.length > shown.length) items.push(make("span", "separator", "›"), crumb(path[path.length - shownSteps - 1], "…"));
  for (const node of shown) {
    items.push(make("span", "separator", "›"), crumb(node, visibleName(model.describe(node).name)));
  }
  element("breadcrumb").replaceChildren(...items);
}
