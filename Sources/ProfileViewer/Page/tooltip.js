// What a box is: name, source, samples and shares.

import { element, make, swatch } from "./dom.js";
import { formatNanoseconds, formatShare, formatValue, kindColor, kindLabel, visibleName } from "./format.js";

/** One line for screen readers. */
export function summary(model, node) {
  const { header } = model;
  return `${visibleName(model.describe(node).name)}, ${formatShare(model.total[node], header.total)} of all, `
    + formatValue(model.total[node], header.sampleType.unit);
}

export function hideTooltip() { element("tooltip").hidden = true; }

/** Shows node `node` near a point of the window; `top` is the node zoomed to. */
export function showTooltip(model, node, top, x, y) {
  const { header } = model;
  const { unit } = header.sampleType;
  const d = model.describe(node);
  const total = model.total[node], self = model.self[node], line = model.line[node];
  const name = make("div", "name");
  name.append(swatch(kindColor(d.kind)), make("bdi", "", visibleName(d.name)));
  const list = make("dl");
  const row = (label, value) => list.append(make("dt", "", label), make("dd", "", value));
  const withSelf = (format) => format(total) + (self > 0 ? ` (self ${format(self)})` : "");
  if (d.file) row("Source", visibleName(d.file) + (line > 0 ? `:${line}` : line < 0 ? " (several lines)" : ""));
  if (d.module) row("Module", visibleName(d.module));
  if (node > 0) row("Type", kindLabel(d.kind));
  row(unit === "count" ? "Samples" : "Value", withSelf((value) => formatValue(value, unit)));
  if (header.cpuTimeNanoseconds > 0) {
    const perSample = header.cpuTimeNanoseconds / header.total;
    row("CPU time", withSelf((value) => formatNanoseconds(value * perSample)));
  }
  if (top > 0) row("Of view", formatShare(Math.min(total, model.total[top]), model.total[top]));
  row("Of all", formatShare(total, header.total));

  const tooltip = element("tooltip");
  tooltip.replaceChildren(name, list);
  tooltip.hidden = false;
  const bounds = tooltip.getBoundingClientRect();
  const below = y + 18;
  tooltip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - bounds.width - 8))}px`;
  tooltip.style.top = `${below + bounds.height > innerHeight - 8 ? Math.max(8, y - bounds.height - 12) : below}px`;
}
