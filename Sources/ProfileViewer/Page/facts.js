// Numbers about what is shown, and what its colours mean.

import { element, make, swatch } from "./dom.js";
import {
  formatBytes, formatCount, formatNanoseconds, formatShare, formatTime, formatValue, kindColor, kindLabel, visibleName,
} from "./format.js";
import { state } from "./state.js";

function fact(label, value, title = "") {
  const item = make("span");
  item.append(make("b", "", value), ` ${label}`);
  item.title = title;
  return item;
}

/** @param top the node zoomed to. */
export function showFacts(model, top, status) {
  const { header } = model;
  const seconds = Math.max(1, Math.min(state.to, status.nowSeconds) - Math.max(state.from, status.oldestSeconds ?? 0));
  const items = [fact(state.unit === "count" ? "samples" : visibleName(state.type), formatValue(header.total, state.unit))];
  if (header.cpuTimeNanoseconds > 0) {
    items.push(fact("CPU time", formatNanoseconds(header.cpuTimeNanoseconds)));
    items.push(fact("cores busy", (header.cpuTimeNanoseconds / 1e9 / seconds).toFixed(2),
      `CPU time divided by ${seconds} s`));
  }
  if (top > 0) items.push(fact("in view", formatShare(model.total[top], header.total)));
  if (header.total > 0) {
    items.push(fact("complete stacks", formatShare(header.completeTotal, header.total - header.omittedTotal),
      "Share of the samples whose stack was followed to its thread's root"));
  }
  if (header.omittedTotal > 0) {
    items.push(fact("left out", formatShare(header.omittedTotal, header.total),
      "Share of the samples in stacks that are too many to show; a shorter window or a process shows them"));
  }
  items.push(fact("distinct stacks", formatCount(header.distinctStacks)));
  items.push(fact("", `${formatTime(state.from, true)} – ${formatTime(state.to)}`));
  items.push(fact("stored", formatBytes(status.sizeBytes), status.oldestSeconds === null ? ""
    : `Samples since ${formatTime(status.oldestSeconds, true)}`));
  element("facts").replaceChildren(...items);
}

/** Frame types with their colours and their shares of the samples below `top`, by the frame that a sample ends in. */
export function showLegend(model, top) {
  const whole = model.total[top];
  const kinds = model.kindTotals(top).filter(([kind]) => kind !== "process" && kind !== "thread");
  element("legend").replaceChildren(...kinds.map(([kind, value]) => {
    const item = make("span");
    item.append(swatch(kindColor(kind)), `${kindLabel(kind)} ${formatShare(value, whole)}`);
    item.title = "Share of samples that end in frames of this type";
    return item;
  }));
}
