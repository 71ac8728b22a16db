// What the page shows, mirrored in the address's fragment, so that a reload or a copied link shows the same.

export const presetWindows = [60, 300, 900, 3600];
const groupings = ["process", "thread", "none"];
const usual = {
  window: 300, process: "", id: "", thread: "", type: "samples", unit: "count", group: "process", search: "",
  direction: "icicle", table: "1", live: "1",
};

export const state = {
  /** Length of a window that ends now; 0 for a fixed one. */
  windowSeconds: usual.window,
  /** Seconds since 1970. */
  from: 0, to: 0,
  process: "", processID: "", thread: "", type: usual.type, unit: usual.unit, grouping: usual.group, search: "",
  isIcicle: true, isLive: true, showsTable: true,
};

export const followsTime = () => state.isLive && state.windowSeconds > 0;
export const hasFilters = () => state.process !== "" || state.processID !== "" || state.thread !== "";

export function readFragment() {
  const query = new URLSearchParams(location.hash.slice(1));
  const number = (name, fallback) => (/^\d{1,12}$/.test(query.get(name) ?? "") ? Number(query.get(name)) : fallback);
  state.from = number("from", 0);
  state.to = number("to", 0);
  state.windowSeconds = state.to > state.from ? 0 : Math.max(1, number("window", state.windowSeconds || usual.window));
  for (const name of ["process", "thread", "search"]) state[name] = query.get(name) ?? "";
  state.processID = String(number("id", ""));
  state.type = query.get("type") ?? usual.type;
  state.unit = query.get("unit") ?? usual.unit;
  if (groupings.includes(query.get("group"))) state.grouping = query.get("group");
  state.isIcicle = query.get("direction") !== "flame";
  state.showsTable = query.get("table") !== "0";
  state.isLive = state.windowSeconds > 0 && query.get("live") !== "0";
}

export function writeFragment() {
  const query = new URLSearchParams();
  const put = (name, value) => { if (value !== usual[name] && value !== "") query.set(name, value); };
  if (state.windowSeconds) put("window", state.windowSeconds);
  else { query.set("from", state.from); query.set("to", state.to); }
  put("process", state.process);
  put("id", state.processID);
  put("thread", state.thread);
  put("type", state.type);
  put("unit", state.unit);
  put("group", state.grouping);
  put("search", state.search);
  put("direction", state.isIcicle ? "icicle" : "flame");
  put("table", state.showsTable ? "1" : "0");
  if (state.windowSeconds) put("live", state.isLive ? "1" : "0");
  history.replaceState(null, "", `#${query}`);
}
