// Numbers, times, names and colours as the page shows them.

const counts = new Intl.NumberFormat("en-US");

export const formatCount = (value) => counts.format(Math.round(value));

export function formatShare(part, whole) {
  if (!(whole > 0)) return "–";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.01) return "< 0.01 %";
  return `${percent.toFixed(percent >= 99.95 || percent === 0 ? 0 : percent >= 10 ? 1 : 2)} %`;
}

const durationUnits = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

export function formatNanoseconds(value) {
  if (value >= 120e9) {
    const minutes = value / 60e9;
    return minutes >= 120 ? `${(minutes / 60).toFixed(1)} h` : `${minutes.toFixed(1)} min`;
  }
  for (const [size, unit] of durationUnits) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return "0 s";
}

export function formatBytes(value) {
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return `${value} B`;
}

/** A sample value in the unit of its sample type. */
export function formatValue(value, unit) {
  if (unit === "nanoseconds") return formatNanoseconds(value);
  if (unit === "bytes" || unit === "By") return formatBytes(value);
  return formatCount(value);
}

export function formatAge(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}

export function formatTime(seconds, withDate = false) {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString("en-GB");
  return withDate ? `${date.toLocaleDateString("en-CA")} ${time}` : time;
}

// Control characters, and those that reorder or hide what follows: shown by number, so that a name cannot look like
// another one or turn its surroundings around.
const treacherous = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A foreign name as harmless text. Only ever put it into text nodes, attributes of form controls, or a canvas. */
export function visibleName(name) {
  return name.replace(treacherous, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

// Hue, saturation and lightness offset per frame type. Neighbours in one stack should differ clearly: kernel and native
// above all.
const kinds = {
  kernel: { label: "Kernel", hue: 12, saturation: 78 },
  native: { label: "Native", hue: 212, saturation: 58 },
  jvm: { label: "JVM", hue: 142, saturation: 46 },
  cpython: { label: "Python", hue: 48, saturation: 78 },
  v8js: { label: "JavaScript", hue: 30, saturation: 82 },
  go: { label: "Go", hue: 188, saturation: 58 },
  ruby: { label: "Ruby", hue: 342, saturation: 62 },
  php: { label: "PHP", hue: 240, saturation: 46 },
  perl: { label: "Perl", hue: 165, saturation: 42 },
  dotnet: { label: ".NET", hue: 268, saturation: 52 },
  beam: { label: "BEAM", hue: 300, saturation: 40 },
  luajit: { label: "LuaJIT", hue: 226, saturation: 70 },
  rust: { label: "Rust", hue: 20, saturation: 45 },
  swift: { label: "Swift", hue: 4, saturation: 68 },
  "abort-marker": { label: "Incomplete", hue: 0, saturation: 0 },
  omitted: { label: "Left out", hue: 0, saturation: 0 },
  process: { label: "Process", hue: 220, saturation: 14 },
  thread: { label: "Thread", hue: 220, saturation: 9 },
};

export function kindLabel(kind) {
  return Object.hasOwn(kinds, kind) ? kinds[kind].label : kind === "" ? "Unknown" : visibleName(kind);
}

export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

export const darkScheme = matchMedia("(prefers-color-scheme: dark)");

/** Colour of a frame type; `variation` (0…1) sets functions of one type apart. */
export function kindColor(kind, variation = 0.5) {
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : { hue: hash(kind) % 360, saturation: 30 };
  const hue = known.hue + (variation - 0.5) * 16;
  return darkScheme.matches
    ? `hsl(${hue.toFixed(0)} ${(known.saturation * 0.72).toFixed(0)}% ${(33 + variation * 9).toFixed(0)}%)`
    : `hsl(${hue.toFixed(0)} ${known.saturation}% ${(70 + variation * 11).toFixed(0)}%)`;
}
