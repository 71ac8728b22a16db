// Buttons and keys other than the lists of choices and the graph itself.

import { element } from "./dom.js";
import { formatAge, formatTime } from "./format.js";
import { followsTime, presetWindows, state } from "./state.js";

/** Makes the controls show the state. */
export function showControls() {
  for (const button of element("windows").querySelectorAll("[data-seconds]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.seconds) === state.windowSeconds));
  }
  const isPreset = presetWindows.includes(state.windowSeconds);
  const custom = element("custom-window");
  custom.hidden = isPreset;
  custom.setAttribute("aria-pressed", String(!isPreset));
  custom.textContent = state.windowSeconds
    ? formatAge(state.windowSeconds) : `${formatTime(state.from)} – ${formatTime(state.to)}`;
  element("grouping").value = state.grouping;
  element("refresh").checked = followsTime();
  element("icicle").setAttribute("aria-pressed", String(state.isIcicle));
  element("flame").setAttribute("aria-pressed", String(!state.isIcicle));
  element("table-section").hidden = !state.showsTable;
  element("table-toggle").setAttribute("aria-expanded", String(state.showsTable));
  if (document.activeElement !== element("search")) element("search").value = state.search;
}

/**
 * @param graph the flame graph.
 * @param events {changed: other data are wanted, viewChanged: the same data look different, searched}; called after the
 *   state has changed.
 */
export function listenToControls(graph, { changed, viewChanged, searched }) {
  const setDirection = (isIcicle) => { state.isIcicle = isIcicle; viewChanged(); };
  const toggleTable = () => { state.showsTable = !state.showsTable; viewChanged(); };
  element("windows").addEventListener("click", (event) => {
    const seconds = Number(event.target.dataset?.seconds);
    if (!seconds) return;
    Object.assign(state, { windowSeconds: seconds, isLive: true });
    changed();
  });
  element("grouping").addEventListener("change", ({ target }) => { state.grouping = target.value; changed(); });
  element("refresh").addEventListener("change", ({ target }) => {
    state.isLive = target.checked;
    if (state.isLive && !state.windowSeconds) state.windowSeconds = 300;
    changed();
  });
  element("search").addEventListener("input", ({ target }) => { state.search = target.value; searched(); });
  element("reset").addEventListener("click", () => graph.zoom(0));
  element("icicle").addEventListener("click", () => setDirection(true));
  element("flame").addEventListener("click", () => setDirection(false));
  element("table-toggle").addEventListener("click", toggleTable);

  function escape(target) {
    if (target === element("search") && state.search) {
      state.search = element("search").value = "";
      searched();
    } else if (graph.selected >= 0) graph.select(-1);
    else graph.zoom(0);
    element("graph").focus({ preventScroll: true });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") escape(event.target);
    else if (event.target.matches("input[type=search], select")) return;
    else if (event.key === "/") {
      element("search").focus();
      element("search").select();
    } else if (event.key === "i") setDirection(!state.isIcicle);
    else if (event.key === "t") toggleTable();
    else return;
    event.preventDefault();
  });
}
