// The server's answers.

import { decode } from "./decoding.js";
import { state } from "./state.js";

async function answer(path, query) {
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

export const fetchStatus = async () => (await answer("status", {})).json();

export const fetchOverview = async (timeline) => (await answer("overview", { ...filterQuery(), ...timeline })).json();

export const fetchFlameGraph = async () =>
  decode(await (await answer("flamegraph", { ...filterQuery(), group: state.grouping })).arrayBuffer());
