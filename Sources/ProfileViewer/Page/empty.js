// What is said when there is nothing to draw, and the way out of it.

import { element } from "./dom.js";
import { formatAge, formatTime } from "./format.js";
import { hasFilters, state } from "./state.js";

const noProfiles = {
  title: "No profiles yet",
  text: "The store is empty. The first samples appear a few seconds after the profiler starts; this page looks again by itself.",
  hint: "If nothing comes: a `profiles` pipeline needs the receiver `profiling` and the exporter `profilestore`, and the log says why a profiler could not start.",
};

function explanation(status, changed) {
  if (status.newestSeconds === null) return noProfiles;
  if (hasFilters()) {
    return {
      title: "No samples of this process or thread here",
      text: "Nothing in this window matches the filters.",
      offer: "Clear filters",
      action: () => { Object.assign(state, { process: "", processID: "", thread: "" }); changed(); },
    };
  }
  const end = status.newestSeconds + status.bucketSeconds;
  const age = status.nowSeconds - status.newestSeconds;
  return {
    title: "No samples in this window",
    text: `The store holds samples from ${formatTime(status.oldestSeconds, true)} to ${formatTime(end, true)}; the newest are ${formatAge(age)} old.`,
    hint: age > 60 ? "The profiler seems to have stopped sending: the collector's log says why." : "",
    offer: "Show the newest",
    action: () => {
      Object.assign(state, { windowSeconds: 0, from: Math.max(0, end - 300), to: end, isLive: false });
      changed();
    },
  };
}

/** @param changed called after the state has taken what the button offers. */
export function showEmpty(model, status, changed) {
  const empty = element("empty");
  empty.hidden = model.header.total > 0;
  if (empty.hidden) return;
  const { title, text, hint = "", offer, action = null } = explanation(status, changed);
  const [first, second] = empty.querySelectorAll("p");
  const button = empty.querySelector("button");
  empty.querySelector("h2").textContent = title;
  first.textContent = text;
  second.textContent = hint;
  button.hidden = !offer;
  button.textContent = offer ?? "";
  button.onclick = action;
}
