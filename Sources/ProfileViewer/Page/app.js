// Ties the page's parts together: loads what the state asks for, and shows it.

import { fetchFlameGraph, fetchOverview, fetchStatus } from "./api.js";
import { showBreadcrumb } from "./breadcrumb.js";
import { listenToChoices, showChoices } from "./choices.js";
import { listenToControls, showControls } from "./controls.js";
import { element } from "./dom.js";
import { showEmpty } from "./empty.js";
import { showFacts, showLegend } from "./facts.js";
import { FlameGraph } from "./flamegraph.js";
import { darkScheme, formatShare, formatValue } from "./format.js";
import { FunctionTable } from "./functions.js";
import { Model } from "./model.js";
import { followsTime, readFragment, state, writeFragment } from "./state.js";
import { TimelineView } from "./timeline.js";
import { hideTooltip, showTooltip, summary } from "./tooltip.js";

const refreshSeconds = 5;
/** While the store is empty: a profiler that has just started should show at once. */
const emptyRefreshSeconds = 1;

let model = null;
let status = null;
/** Per function: 1 when the search matches it; null without a search. */
let flags = null;
let isLoading = false;
let loadsAgain = false;
let timer = 0;
/** For scripted tests: what the last load took, in milliseconds. */
let loadTimes = null;

const graph = new FlameGraph(element("graph"), element("graph-scroll"), element("graph-extent"), {
  hover: (node, x, y) => (node < 0 ? hideTooltip() : showTooltip(model, node, graph.zoomed, x, y)),
  zoom: () => showView(),
  select: (node, point, isNew) => {
    if (node < 0) return hideTooltip();
    showTooltip(model, node, graph.zoomed, point.x, point.y);
    if (isNew) element("announcement").textContent = summary(model, node);
  },
});
const timeline = new TimelineView(element("timeline"), (from, to) => {
  Object.assign(state, { windowSeconds: 0, from, to, isLive: false });
  stateChanged();
});
const table = new FunctionTable(element("functions"), (name) => {
  state.search = state.search === name ? "" : name;
  element("search").value = state.search;
  applySearch();
});

// ---- Loading

/** Loads everything for the current state; while a load runs, remembers that another is wanted. */
async function load() {
  if (isLoading) { loadsAgain = true; return; }
  isLoading = true;
  clearTimeout(timer);
  element("live-dot").classList.add("busy");
  try {
    do {
      loadsAgain = false;
      await loadOnce();
    } while (loadsAgain);
    element("error").hidden = true;
  } catch (error) {
    element("error").textContent = error.message;
    element("error").hidden = false;
  } finally {
    isLoading = false;
    element("live-dot").classList.remove("busy");
    schedule();
  }
}

async function loadOnce() {
  const begin = performance.now();
  status = await fetchStatus();
  if (state.windowSeconds) {
    const bucket = status.bucketSeconds;
    state.to = Math.ceil((status.nowSeconds + 1) / bucket) * bucket;
    state.from = Math.floor((status.nowSeconds - state.windowSeconds) / bucket) * bucket;
  }
  const [overview, flame] = await Promise.all([fetchOverview(timelineRange()), fetchFlameGraph()]);
  if (loadsAgain) return;
  const received = performance.now();
  showChoices(overview);
  if (!timeline.isDragging) {
    timeline.set({ ...overview.timeline, unit: state.unit }, { from: state.from, to: state.to });
  }
  const next = new Model(flame);
  const laidOut = performance.now();
  showGraph(next);
  loadTimes = { fetch: received - begin, layout: laidOut - received, show: performance.now() - laidOut };
}

/** More than the window, so that there is something around it to choose; not before the oldest samples. */
function timelineRange() {
  const span = Math.max(1800, Math.min(4 * (state.to - state.from), 86400));
  const timelineTo = Math.max(state.to, Math.min(status.nowSeconds + 1, state.to + span));
  const wanted = Math.min(state.from, timelineTo - span);
  const oldest = status.oldestSeconds ?? state.from;
  const timelineFrom = Math.min(state.from, Math.max(wanted, Math.min(oldest, timelineTo - 600)));
  return { timelineFrom, timelineTo };
}

function schedule() {
  clearTimeout(timer);
  const hasFailed = !element("error").hidden;
  const seconds = status?.newestSeconds === null ? emptyRefreshSeconds : refreshSeconds;
  if (followsTime() || hasFailed) timer = setTimeout(() => (document.hidden ? schedule() : load()), seconds * 1000);
  element("live-dot").classList.toggle("on", followsTime() && !hasFailed);
}

function stateChanged() {
  writeFragment();
  showControls();
  load();
}

function viewChanged() {
  writeFragment();
  showControls();
  graph.setDirection(state.isIcicle);
  showTable();
}

// ---- Showing

function showGraph(next) {
  const zoomKey = model ? model.key(graph.zoomed) : null;
  const selectionKey = model && graph.selected >= 0 ? model.key(graph.selected) : null;
  model = next;
  flags = model.matches(state.search);
  graph.setModel(model, flags, zoomKey, selectionKey);
  showEmpty(model, status, stateChanged);
}

/** What depends on the box zoomed to. */
function showView() {
  showBreadcrumb(model, graph.zoomed, (node) => graph.zoom(node));
  element("reset").disabled = graph.zoomed === 0;
  showFacts(model, graph.zoomed, status);
  showLegend(model, graph.zoomed);
  showSearchResult();
  showTable();
}

function showTable() {
  if (model && state.showsTable) table.set(model, graph.zoomed, flags);
}

function applySearch() {
  writeFragment();
  if (!model) return;
  flags = model.matches(state.search);
  graph.setSearch(flags);
  showSearchResult();
  showTable();
}

function showSearchResult() {
  const output = element("search-result");
  output.title = "";
  if (!flags) {
    output.textContent = state.search ? "invalid expression" : "";
    return;
  }
  const value = model.matchedValue(flags, graph.zoomed), whole = model.total[graph.zoomed];
  output.textContent = formatShare(value, whole);
  output.title = `${formatValue(value, state.unit)} of ${formatValue(whole, state.unit)} in view`;
}

// ---- Beginning

listenToChoices(stateChanged);
listenToControls(graph, { changed: stateChanged, viewChanged, searched: applySearch });
document.addEventListener("visibilitychange", () => { if (!document.hidden && followsTime()) load(); });
darkScheme.addEventListener("change", () => { if (model) { showLegend(model, graph.zoomed); table.show(); } });

function begin() {
  readFragment();
  showControls();
  graph.setDirection(state.isIcicle);
  load();
}
addEventListener("hashchange", begin);
begin();

/** For scripted tests: what is shown, and how long it took. */
window.profileViewer = {
  get state() { return { ...state }; },
  get model() { return model; },
  get graph() { return graph; },
  get isLoading() { return isLoading; },
  get loadTimes() { return loadTimes; },
};
