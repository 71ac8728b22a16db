// The page's state and what ties its parts together.

import {
  formatAge, formatBytes, formatCount, formatNanoseconds, formatShare, formatTime, formatValue, kindColor, kindLabel,
  darkScheme, visibleName,
} from "./format.js";
import { FlameGraph } from "./flamegraph.js";
import { FunctionTable } from "./functions.js";
import { Model, decode } from "./model.js";
import { TimelineView } from "./timeline.js";

const element = (id) => document.getElementById(id);
const refreshSeconds = 5;

// ---- State; mirrored in the address's fragment, so that a reload or a copied link shows the same

const state = {
  windowSeconds: 300, from: 0, to: 0, process: "", processID: "", thread: "", type: "samples", unit: "count",
  grouping: "process", search: "", isIcicle: true, isLive: true, showsTable: true,
};
let model = null;
let status = null;
let flags = null;
let loading = false;
let again = false;
let timer = 0;

function readFragment() {
  const query = new URLSearchParams(location.hash.slice(1));
  const number = (name, fallback) => (/^\d{1,12}$/.test(query.get(name) ?? "") ? Number(query.get(name)) : fallback);
  state.from = number("from", 0);
  state.to = number("to", 0);
  state.windowSeconds = state.to > state.from ? 0 : Math.max(1, number("window", state.windowSeconds));
  for (const name of ["process", "thread", "search"]) state[name] = query.get(name) ?? "";
  state.processID = String(number("id", ""));
  state.type = query.get("type") ?? "samples";
  state.unit = query.get("unit") ?? "count";
  if (["process", "thread", "none"].includes(query.get("group"))) state.grouping = query.get("group");
  state.isIcicle = query.get("direction") !== "flame";
  state.showsTable = query.get("table") !== "0";
  state.isLive = state.windowSeconds > 0 && query.get("live") !== "0";
}

function writeFragment() {
  const query = new URLSearchParams();
  const put = (name, value, usual) => { if (value !== usual && value !== "") query.set(name, value); };
  if (state.windowSeconds) put("window", state.windowSeconds, 300);
  else { query.set("from", state.from); query.set("to", state.to); }
  put("process", state.process, "");
  put("id", state.processID, "");
  put("thread", state.thread, "");
  put("type", state.type, "samples");
  put("unit", state.unit, "count");
  put("group", state.grouping, "process");
  put("search", state.search, "");
  put("direction", state.isIcicle ? "icicle" : "flame", "icicle");
  put("table", state.showsTable ? "1" : "0", "1");
  if (state.windowSeconds) put("live", state.isLive ? "1" : "0", "1");
  history.replaceState(null, "", `#${query}`);
}

// ---- Parts

const graph = new FlameGraph(element("graph"), element("graph-scroll"), element("graph-extent"), {
  hover: (node, x, y) => showTooltip(node, x, y),
  zoom: () => zoomChanged(),
  select: (node, point) => {
    showTooltip(node, point?.x ?? 0, point?.y ?? 0);
    if (node >= 0) element("announcement").textContent = summary(node);
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

async function fetchAnswer(path, query) {
  let response;
  try {
    response = await fetch(`api/v1/${path}?${new URLSearchParams(query)}`, { cache: "no-store" });
  } catch {
    throw new Error("The collector does not answer. Is otelcol still running? Trying again.");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    throw new Error(problem?.error ?? `The collector answers with HTTP status ${response.status}.`);
  }
  return response;
}

function filterQuery() {
  const query = { from: state.from, to: state.to, type: state.type, unit: state.unit };
  if (state.process) query.process = state.process;
  if (state.processID) query.processID = state.processID;
  if (state.thread) query.thread = state.thread;
  return query;
}

/** Loads everything for the current state; while a load runs, remembers that another is wanted. */
async function load() {
  if (loading) { again = true; return; }
  loading = true;
  clearTimeout(timer);
  element("live-dot").classList.add("busy");
  try {
    do {
      again = false;
      await loadOnce();
    } while (again);
    element("error").hidden = true;
  } catch (error) {
    element("error").textContent = error.message;
    element("error").hidden = false;
  } finally {
    loading = false;
    element("live-dot").classList.remove("busy");
    schedule();
  }
}

async function loadOnce() {
  status = await (await fetchAnswer("status", {})).json();
  if (state.windowSeconds) {
    const bucket = status.bucketSeconds;
    state.to = Math.ceil((status.nowSeconds + 1) / bucket) * bucket;
    state.from = Math.floor((status.nowSeconds - state.windowSeconds) / bucket) * bucket;
  }
  const span = Math.max(1800, Math.min(4 * (state.to - state.from), 86400));
  const timelineTo = Math.max(state.to, Math.min(status.nowSeconds + 1, state.to + span));
  const wanted = Math.min(state.from, timelineTo - span);
  const oldest = status.oldestSeconds ?? state.from;
  const timelineFrom = Math.min(state.from, Math.max(wanted, Math.min(oldest, timelineTo - 600)));
  const [overview, flame] = await Promise.all([
    fetchAnswer("overview", { ...filterQuery(), timelineFrom, timelineTo }).then((r) => r.json()),
    fetchAnswer("flamegraph", { ...filterQuery(), group: state.grouping }).then((r) => r.arrayBuffer()),
  ]);
  if (again) return;
  showChoices(overview);
  if (!timeline.isDragging) {
    timeline.set({ ...overview.timeline, unit: state.unit }, { from: state.from, to: state.to });
  }
  showGraph(new Model(decode(flame)));
}

function schedule() {
  clearTimeout(timer);
  const wantsRefresh = (state.isLive && state.windowSeconds > 0) || !element("error").hidden;
  if (wantsRefresh) timer = setTimeout(() => (document.hidden ? schedule() : load()), refreshSeconds * 1000);
  element("live-dot").classList.toggle("on", state.isLive && state.windowSeconds > 0);
}

function stateChanged() {
  writeFragment();
  showControls();
  load();
}

// ---- Showing

function showGraph(next) {
  const zoomKey = model ? model.key(graph.zoomed) : null;
  const selectionKey = model && graph.selected >= 0 ? model.key(graph.selected) : null;
  model = next;
  graph.setModel(model, zoomKey, selectionKey);
  applySearch();
  showEmpty();
}

function fact(label, value, title = "") {
  const item = document.createElement("span");
  const strong = document.createElement("b");
  strong.textContent = value;
  item.append(strong, ` ${label}`);
  item.title = title;
  return item;
}

function showFacts() {
  const { header } = model;
  const seconds = Math.max(1, Math.min(state.to, status.nowSeconds) - Math.max(state.from, status.oldestSeconds ?? 0));
  const items = [];
  items.push(fact(state.unit === "count" ? "samples" : visibleName(state.type), formatValue(header.total, state.unit)));
  if (header.cpuTimeNanoseconds > 0) {
    items.push(fact("CPU time", formatNanoseconds(header.cpuTimeNanoseconds)));
    items.push(fact("cores busy", (header.cpuTimeNanoseconds / 1e9 / seconds).toFixed(2),
      `CPU time divided by ${seconds} s`));
  }
  if (graph.zoomed > 0) items.push(fact("in view", formatShare(model.total[graph.zoomed], header.total)));
  if (header.total > 0) {
    items.push(fact("complete stacks", formatShare(header.completeTotal, header.total),
      "Share of the samples whose stack was followed to its thread's root"));
  }
  items.push(fact("distinct stacks", formatCount(header.distinctStacks)));
  items.push(fact("", `${formatTime(state.from, true)} – ${formatTime(state.to)}`));
  items.push(fact("stored", formatBytes(status.sizeBytes), status.oldestSeconds === null ? ""
    : `Samples since ${formatTime(status.oldestSeconds, true)}`));
  element("facts").replaceChildren(...items);
}

function showLegend() {
  const totals = model.kindTotals(graph.zoomed);
  const whole = model.total[graph.zoomed];
  element("legend").replaceChildren(...totals.filter(([kind]) => kind !== "process" && kind !== "thread").map(([kind, value]) => {
    const item = document.createElement("span");
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = kindColor(kind);
    item.append(swatch, `${kindLabel(kind)} ${formatShare(value, whole)}`);
    item.title = "Share of samples that end in frames of this type";
    return item;
  }));
}

function option(value, text, isChosen) {
  const item = document.createElement("option");
  item.value = value;
  item.textContent = text;
  item.selected = isChosen;
  return item;
}

function showChoices(overview) {
  const whole = overview.processes.reduce((sum, process) => sum + process.value, 0);
  const names = new Map();
  for (const process of overview.processes) {
    const group = names.get(process.name) ?? { value: 0, members: [] };
    group.value += process.value;
    group.members.push(process);
    names.set(process.name, group);
  }
  const items = [option("", `All (${names.size})`, !state.process && !state.processID)];
  let isFound = !state.process && !state.processID;
  for (const [name, group] of [...names].sort((a, b) => b[1].value - a[1].value).slice(0, 500)) {
    const isName = state.process === name && !state.processID;
    isFound ||= isName;
    const single = group.members.length === 1 && group.members[0].pid >= 0 ? ` · ${group.members[0].pid}` : "";
    items.push(option(`n${name}`, `${visibleName(name)}${single}  ${formatShare(group.value, whole)}`, isName));
    if (group.members.length < 2) continue;
    for (const process of group.members.slice(0, 50)) {
      const isThis = state.processID === String(process.id);
      isFound ||= isThis;
      items.push(option(`i${process.id}`, `\u00a0\u00a0\u00a0${process.pid}  ${formatShare(process.value, whole)}`, isThis));
    }
  }
  if (!isFound) {
    const name = state.process || `process ${state.processID}`;
    items.splice(1, 0, option(state.processID ? `i${state.processID}` : `n${state.process}`, `${visibleName(name)}  –`, true));
  }
  replaceOptions(element("process"), items);

  const threadWhole = overview.threads.reduce((sum, thread) => sum + thread.value, 0);
  const threads = [option("", `All (${overview.threads.length})`, !state.thread)];
  if (state.thread && !overview.threads.some((thread) => thread.name === state.thread)) {
    threads.push(option(`n${state.thread}`, visibleName(state.thread), true));
  }
  for (const thread of overview.threads.slice(0, 500)) {
    const count = thread.count > 1 ? ` ×${thread.count}` : "";
    threads.push(option(`n${thread.name}`, `${visibleName(thread.name) || "(unnamed)"}${count}  ${formatShare(thread.value, threadWhole)}`,
      thread.name !== "" && state.thread === thread.name));
  }
  replaceOptions(element("thread"), threads);

  const types = overview.sampleTypes.map(({ type, unit }) => ({ type, unit }));
  if (!types.some(({ type, unit }) => type === state.type && unit === state.unit)) types.unshift({ type: state.type, unit: state.unit });
  const titles = { "samples count": "On CPU", "off_cpu nanoseconds": "Off CPU", "events count": "Probes" };
  replaceOptions(element("sample-type"), types.map(({ type, unit }) => option(JSON.stringify([type, unit]),
    titles[`${type} ${unit}`] ?? visibleName(`${type} (${unit})`), type === state.type && unit === state.unit)));
}

/** A list that is open, or has not changed, is left as it is. */
function replaceOptions(select, items) {
  const text = items.map((item) => `${item.value}\n${item.textContent}\n${item.selected}`).join("\n");
  if (select.shownText === text || (document.activeElement === select && select.matches(":open"))) return;
  select.shownText = text;
  select.replaceChildren(...items);
}

function showControls() {
  for (const button of element("windows").querySelectorAll("[data-seconds]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.seconds) === state.windowSeconds));
  }
  const isPreset = [60, 300, 900, 3600].includes(state.windowSeconds);
  const custom = element("custom-window");
  custom.hidden = isPreset;
  custom.setAttribute("aria-pressed", String(!isPreset));
  custom.textContent = state.windowSeconds ? formatAge(state.windowSeconds) : `${formatTime(state.from)} – ${formatTime(state.to)}`;
  element("grouping").value = state.grouping;
  element("refresh").checked = state.isLive && state.windowSeconds > 0;
  element("icicle").setAttribute("aria-pressed", String(state.isIcicle));
  element("flame").setAttribute("aria-pressed", String(!state.isIcicle));
  element("table-section").hidden = !state.showsTable;
  element("table-toggle").setAttribute("aria-expanded", String(state.showsTable));
  if (document.activeElement !== element("search")) element("search").value = state.search;
  graph.setDirection(state.isIcicle);
}

function showEmpty() {
  const empty = element("empty");
  const button = empty.querySelector("button");
  empty.hidden = model.header.total > 0;
  button.hidden = true;
  button.onclick = null;
  if (!empty.hidden) {
    const say = (title, text, hint = "") => {
      empty.querySelector("h2").textContent = title;
      empty.querySelectorAll("p")[0].textContent = text;
      empty.querySelectorAll("p")[1].textContent = hint;
    };
    const offer = (text, action) => { button.hidden = false; button.textContent = text; button.onclick = action; };
    const clearFilters = () => { Object.assign(state, { process: "", processID: "", thread: "" }); stateChanged(); };
    if (status.newestSeconds === null) {
      say("No profiles yet", "The store is empty. The first samples appear a few seconds after the profiler starts; this page looks again by itself.",
        "If nothing comes: a `profiles` pipeline needs the receiver `profiling` and the exporter `profilestore` with the same `directory` as this viewer, and the log says why a profiler could not start.");
    } else if (state.process || state.processID || state.thread) {
      say("No samples of this process or thread here", "Nothing in this window matches the filters.");
      offer("Clear filters", clearFilters);
    } else {
      const age = status.nowSeconds - status.newestSeconds;
      say("No samples in this window", `The store holds samples from ${formatTime(status.oldestSeconds, true)} to ${formatTime(status.newestSeconds + status.bucketSeconds, true)}; the newest are ${formatAge(age)} old.`,
        age > 60 ? "The profiler seems to have stopped sending: the collector's log says why." : "");
      offer("Show the newest", () => {
        const to = status.newestSeconds + status.bucketSeconds;
        Object.assign(state, { windowSeconds: 0, from: Math.max(0, to - 300), to, isLive: false });
        stateChanged();
      });
    }
  }
}

function zoomChanged() {
  if (!model) return;
  const path = model.path(graph.zoomed);
  const items = [];
  const crumb = (node, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.title = text;
    button.addEventListener("click", () => graph.zoom(node));
    return button;
  };
  const separator = (text) => {
    const span = document.createElement("span");
    span.className = "separator";
    span.textContent = text;
    return span;
  };
  items.push(crumb(0, "all"));
  const shown = path.slice(-4);
  if (path.length > shown.length) items.push(separator("›"), crumb(path[path.length - 5], "…"));
  for (const node of shown) items.push(separator("›"), crumb(node, visibleName(model.describe(node).name)));
  element("breadcrumb").replaceChildren(...items);
  element("reset").disabled = graph.zoomed === 0;
  showSearchResult();
  showFacts();
  showLegend();
  if (state.showsTable) table.set(model, graph.zoomed, flags);
}

function applySearch() {
  flags = model ? model.matches(state.search) : null;
  graph.setSearch(flags);
  writeFragment();
  if (model) {
    showSearchResult();
    if (state.showsTable) table.set(model, graph.zoomed, flags);
  }
}

function showSearchResult() {
  const output = element("search-result");
  if (!flags) {
    output.textContent = state.search ? "invalid expression" : "";
    return;
  }
  const value = model.matchedValue(flags, graph.zoomed);
  output.textContent = formatShare(value, model.total[graph.zoomed]);
  output.title = `${formatValue(value, state.unit)} of ${formatValue(model.total[graph.zoomed], state.unit)} in view`;
}

// ---- Tool tip

function summary(node) {
  const d = model.describe(node);
  return `${visibleName(d.name)}, ${formatShare(model.total[node], model.header.total)} of all, ${formatValue(model.total[node], state.unit)}`;
}

function showTooltip(node, x, y) {
  const tooltip = element("tooltip");
  tooltip.hidden = node < 0;
  if (node < 0) return;
  const d = model.describe(node);
  const name = document.createElement("div");
  name.className = "name";
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = kindColor(d.kind);
  const text = document.createElement("span");
  text.textContent = visibleName(d.name);
  name.append(swatch, text);
  const list = document.createElement("dl");
  const row = (label, value) => {
    const term = document.createElement("dt");
    term.textContent = label;
    const description = document.createElement("dd");
    description.textContent = value;
    list.append(term, description);
  };
  const { header } = model;
  const total = model.total[node], self = model.self[node];
  const line = model.line[node];
  if (d.file) row("Source", visibleName(d.file) + (line > 0 ? `:${line}` : line < 0 ? " (several lines)" : ""));
  if (d.module) row("Module", visibleName(d.module));
  if (node > 0) row("Type", kindLabel(d.kind));
  row(state.unit === "count" ? "Samples" : "Value", `${formatValue(total, state.unit)}${self > 0 ? ` (self ${formatValue(self, state.unit)})` : ""}`);
  if (header.cpuTimeNanoseconds > 0) {
    const perSample = header.cpuTimeNanoseconds / header.total;
    row("CPU time", `${formatNanoseconds(total * perSample)}${self > 0 ? ` (self ${formatNanoseconds(self * perSample)})` : ""}`);
  }
  if (graph.zoomed > 0) row("Of view", formatShare(Math.min(total, model.total[graph.zoomed]), model.total[graph.zoomed]));
  row("Of all", formatShare(total, header.total));
  tooltip.replaceChildren(name, list);
  const bounds = tooltip.getBoundingClientRect();
  const left = Math.min(x + 14, innerWidth - bounds.width - 8);
  const below = y + 18;
  tooltip.style.left = `${Math.max(8, left)}px`;
  tooltip.style.top = `${below + bounds.height > innerHeight - 8 ? Math.max(8, y - bounds.height - 12) : below}px`;
}

// ---- Controls

element("windows").addEventListener("click", (event) => {
  const seconds = Number(event.target.dataset?.seconds);
  if (!seconds) return;
  Object.assign(state, { windowSeconds: seconds, isLive: true });
  stateChanged();
});
element("process").addEventListener("change", (event) => {
  const value = event.target.value;
  Object.assign(state, {
    process: value.startsWith("n") ? value.slice(1) : "", processID: value.startsWith("i") ? value.slice(1) : "", thread: "",
  });
  stateChanged();
});
element("thread").addEventListener("change", (event) => { state.thread = event.target.value.slice(1); stateChanged(); });
element("sample-type").addEventListener("change", (event) => {
  [state.type, state.unit] = JSON.parse(event.target.value);
  stateChanged();
});
element("grouping").addEventListener("change", (event) => { state.grouping = event.target.value; stateChanged(); });
element("refresh").addEventListener("change", (event) => {
  state.isLive = event.target.checked;
  if (state.isLive && !state.windowSeconds) state.windowSeconds = 300;
  stateChanged();
});
element("search").addEventListener("input", (event) => { state.search = event.target.value; applySearch(); });
element("reset").addEventListener("click", () => graph.zoom(0));
for (const [id, isIcicle] of [["icicle", true], ["flame", false]]) {
  element(id).addEventListener("click", () => { state.isIcicle = isIcicle; writeFragment(); showControls(); });
}
function toggleTable() {
  state.showsTable = !state.showsTable;
  writeFragment();
  showControls();
  if (model && state.showsTable) table.set(model, graph.zoomed, flags);
}
element("table-toggle").addEventListener("click", toggleTable);
document.addEventListener("visibilitychange", () => { if (!document.hidden && state.isLive) load(); });
darkScheme.addEventListener("change", () => { if (model) { showLegend(); table.show(); } });
addEventListener("hashchange", () => { readFragment(); showControls(); load(); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input[type=search], select");
  if (event.key === "Escape") {
    if (event.target === element("search") && state.search) {
      state.search = element("search").value = "";
      applySearch();
    } else if (graph.selected >= 0) graph.select(-1);
    else graph.zoom(0);
    element("graph").focus({ preventScroll: true });
    event.preventDefault();
  } else if (isTyping) {
    return;
  } else if (event.key === "/") {
    element("search").focus();
    element("search").select();
    event.preventDefault();
  } else if (event.key === "i") {
    state.isIcicle = !state.isIcicle;
    writeFragment();
    showControls();
  } else if (event.key === "t") {
    toggleTable();
  }
});

/** For scripted tests: what is shown, and how long drawing took. */
window.profileViewer = {
  get state() { return { ...state }; },
  get model() { return model; },
  get graph() { return graph; },
  get isLoading() { return loading; },
};

readFragment();
showControls();
load();
