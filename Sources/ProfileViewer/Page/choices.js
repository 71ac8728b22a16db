// The lists to choose a process, a thread and a sample type from.

import { element, make } from "./dom.js";
import { formatShare, visibleName } from "./format.js";
import { state } from "./state.js";

const maximumNames = 500;
const maximumProcessesPerName = 50;

const sum = (items) => items.reduce((total, { value }) => total + value, 0);

function option(value, text, isChosen) {
  const item = make("option", "", text);
  item.value = value;
  item.selected = isChosen;
  return item;
}

/** A list that is open, or has not changed, is left as it is. */
function replaceOptions(select, items) {
  const text = items.map((item) => `${item.value}\n${item.textContent}\n${item.selected}`).join("\n");
  if (select.shownText === text || (document.activeElement === select && select.matches(":open"))) return;
  select.shownText = text;
  select.replaceChildren(...items);
}

/** Options `nNAME` for all processes of a name, `iID` for one of them. */
function processOptions(processes) {
  const whole = sum(processes);
  const names = new Map();
  for (const process of processes) {
    const members = names.get(process.name) ?? [];
    members.push(process);
    names.set(process.name, members);
  }
  let isFound = !state.process && !state.processID;
  const items = [option("", `All (${names.size})`, isFound)];
  const heaviest = [...names].map(([name, members]) => ({ name, members, value: sum(members) }))
    .sort((a, b) => b.value - a.value).slice(0, maximumNames);
  for (const { name, members, value } of heaviest) {
    const isName = state.process === name && !state.processID;
    isFound ||= isName;
    const pid = members.length === 1 && members[0].pid >= 0 ? ` · ${members[0].pid}` : "";
    items.push(option(`n${name}`, `${visibleName(name)}${pid}  ${formatShare(value, whole)}`, isName));
    if (members.length < 2) continue;
    for (const process of members.slice(0, maximumProcessesPerName)) {
      const isThis = state.processID === String(process.id);
      isFound ||= isThis;
      items.push(option(`i${process.id}`, `\u00a0\u00a0\u00a0${process.pid}  ${formatShare(process.value, whole)}`, isThis));
    }
  }
  if (!isFound) {
    const value = state.processID ? `i${state.processID}` : `n${state.process}`;
    items.splice(1, 0, option(value, `${visibleName(state.process || `process ${state.processID}`)}  –`, true));
  }
  return items;
}

function threadOptions(threads) {
  const whole = sum(threads);
  const items = [option("", `All (${threads.length})`, !state.thread)];
  if (state.thread && !threads.some((thread) => thread.name === state.thread)) {
    items.push(option(`n${state.thread}`, `${visibleName(state.thread)}  –`, true));
  }
  for (const { name, count, value } of threads.slice(0, maximumNames)) {
    const times = count > 1 ? ` ×${count}` : "";
    items.push(option(`n${name}`, `${visibleName(name) || "(unnamed)"}${times}  ${formatShare(value, whole)}`,
      name !== "" && state.thread === name));
  }
  return items;
}

const sampleTypeTitles = { "samples count": "On CPU", "off_cpu nanoseconds": "Off CPU", "events count": "Probes" };

function sampleTypeOptions(sampleTypes) {
  const types = sampleTypes.map(({ type, unit }) => ({ type, unit }));
  const isChosen = ({ type, unit }) => type === state.type && unit === state.unit;
  if (!types.some(isChosen)) types.unshift({ type: state.type, unit: state.unit });
  return types.map(({ type, unit }) => option(JSON.stringify([type, unit]),
    sampleTypeTitles[`${type} ${unit}`] ?? visibleName(`${type} (${unit})`), isChosen({ type, unit })));
}

export function showChoices(overview) {
  replaceOptions(element("process"), processOptions(overview.processes));
  replaceOptions(element("thread"), threadOptions(overview.threads));
  replaceOptions(element("sample-type"), sampleTypeOptions(overview.sampleTypes));
}

/** @param changed called after the state has taken the choice. */
export function listenToChoices(changed) {
  element("process").addEventListener("change", ({ target: { value } }) => {
    state.process = value.startsWith("n") ? value.slice(1) : "";
    state.processID = value.startsWith("i") ? value.slice(1) : "";
    state.thread = "";
    changed();
  });
  element("thread").addEventListener("change", ({ target }) => { state.thread = target.value.slice(1); changed(); });
  element("sample-type").addEventListener("change", ({ target }) => {
    [state.type, state.unit] = JSON.parse(target.value);
    changed();
  });
}
