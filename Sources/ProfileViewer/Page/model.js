// The flame graph's data: decoded from the server's answer, laid out once, then only read.

const magic = 0x4746544f; // "OTFG", little endian

/**
 * Decodes `api/v1/flamegraph`: magic, version, length of a JSON header, the header, then arrays per node aligned to 8
 * bytes: parent, function, line (Int32 each) and self value (Float64). Node 0 is the root; parents come first.
 */
export function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 16 || view.getUint32(0, true) !== magic || view.getUint32(4, true) !== 1) {
    throw new Error("The server's answer is not a flame graph of version 1; reload the page.");
  }
  const headerLength = view.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, headerLength)));
  const count = header.nodeCount;
  const align = (offset) => (offset + 7) & ~7;
  let offset = align(16 + headerLength);
  const take = (type, size) => {
    const array = new type(buffer, offset, count);
    offset = align(offset + count * size);
    return array;
  };
  const parents = take(Int32Array, 4);
  const functions = take(Int32Array, 4);
  const lines = take(Int32Array, 4);
  const selfValues = take(Float64Array, 8);
  return { header, parents, functions, lines, selfValues };
}

/**
 * A laid-out tree. Nodes are renumbered row by row and from left to right, so that a row is one range of indices with
 * ascending starts, and the children of a node are one range too.
 */
export class Model {
  constructor({ header, parents, functions, lines, selfValues }) {
    const n = parents.length;
    this.header = header;
    this.count = n;
    this.functionCount = header.functions.name.length;

    const totals = Float64Array.from(selfValues);
    for (let i = n - 1; i > 0; i--) totals[parents[i]] += totals[i];

    // Children of node i: childList[childStart[i] ..< childStart[i + 1]], heaviest first.
    const childStart = new Int32Array(n + 2);
    for (let i = 1; i < n; i++) childStart[parents[i] + 2]++;
    for (let i = 2; i < n + 2; i++) childStart[i] += childStart[i - 1];
    const childList = new Int32Array(Math.max(0, n - 1));
    for (let i = 1; i < n; i++) childList[childStart[parents[i] + 1]++] = i;

    this.parent = new Int32Array(n).fill(-1);
    this.function = new Int32Array(n);
    this.line = new Int32Array(n);
    this.start = new Float64Array(n);
    this.total = new Float64Array(n);
    this.self = new Float64Array(n);
    this.firstChild = new Int32Array(n);
    this.childCount = new Int32Array(n);
    this.depth = new Int32Array(n);
    const rows = [0];
    const order = new Int32Array(n);
    let end = 1;
    for (let i = 0; i < n; i++) {
      const old = order[i];
      this.function[i] = functions[old];
      this.line[i] = lines[old];
      this.total[i] = totals[old];
      this.self[i] = selfValues[old];
      const children = childList.subarray(childStart[old], childStart[old + 1]);
      if (children.length > 1) children.sort((a, b) => totals[b] - totals[a] || functions[a] - functions[b]);
      this.firstChild[i] = end;
      this.childCount[i] = children.length;
      let x = this.start[i];
      for (const child of children) {
        order[end] = child;
        this.parent[end] = i;
        this.depth[end] = this.depth[i] + 1;
        this.start[end] = x;
        x += totals[child];
        end++;
      }
    }
    for (let i = 1; i < n; i++) if (this.depth[i] !== this.depth[i - 1]) rows.push(i);
    rows.push(n);
    /** Row d holds the nodes rows[d] ..< rows[d + 1]. */
    this.rows = Int32Array.from(rows);
    this.rowCount = rows.length - 1;
  }

  text(column, functionIndex) {
    return this.header.strings[this.header.functions[column][functionIndex]];
  }

  /** The function of a node with its texts, or the root's stand-in. */
  describe(node) {
    const f = this.function[node];
    if (f < 0) return { name: "all", file: "", module: "", kind: "" };
    return {
      name: this.text("name", f), file: this.text("file", f), module: this.text("module", f),
      kind: this.text("kind", f),
    };
  }

  /** The node of row `depth` at `value` (in units of the x axis), or -1. */
  nodeAt(depth, value) {
    if (depth < 0 || depth >= this.rowCount) return -1;
    let low = this.rows[depth], high = this.rows[depth + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] + this.total[middle] > value) high = middle; else low = middle + 1;
    }
    return low < this.rows[depth + 1] && this.start[low] <= value ? low : -1;
  }

  /** First index of row `depth` whose box ends after `value`. */
  firstEndingAfter(depth, value) {
    let low = this.rows[depth], high = this.rows[depth + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] + this.total[middle] > value) high = middle; else low = middle + 1;
    }
    return low;
  }

  isInside(node, ancestor) {
    return this.depth[node] >= this.depth[ancestor] && this.start[node] >= this.start[ancestor]
      && this.start[node] < this.start[ancestor] + this.total[ancestor];
  }

  /** Function indices from the root to `node`, the root itself left out. */
  path(node) {
    const path = [];
    for (let i = node; i > 0; i = this.parent[i]) path.push(i);
    return path.reverse();
  }

  /** A node's path by names, to find it again in newer data. */
  key(node) {
    return this.path(node).map((i) => { const d = this.describe(i); return `${d.kind}\u0000${d.module}\u0000${d.name}`; });
  }

  /** The node that `key` names; the nearest ancestor that still exists. */
  find(key) {
    let node = 0;
    for (const step of key) {
      let found = -1;
      for (let i = this.firstChild[node]; i < this.firstChild[node] + this.childCount[node]; i++) {
        const d = this.describe(i);
        if (`${d.kind}\u0000${d.module}\u0000${d.name}` === step) { found = i; break; }
      }
      if (found < 0) break;
      node = found;
    }
    return node;
  }

  /** Marks functions whose name contains the text (or matches /expression/); null for an empty or broken search. */
  matches(search) {
    if (!search) return null;
    let test;
    const expression = /^\/(.+)\/?$/.exec(search);
    if (expression) {
      try { const r = new RegExp(expression[1].replace(/\/$/, ""), "iu"); test = (name) => r.test(name); } catch { return null; }
    } else {
      const lower = search.toLowerCase();
      test = (name) => name.toLowerCase().includes(lower);
    }
    const flags = new Uint8Array(this.functionCount);
    for (let f = 0; f < flags.length; f++) if (test(this.text("name", f))) flags[f] = 1;
    return flags;
  }

  /** Value of the samples below `top` with a marked function in their stack, each once. */
  matchedValue(flags, top) {
    let sum = 0;
    const covered = new Uint8Array(this.count);
    for (let i = top; i < this.count; i++) {
      if (i !== top && !this.isInside(i, top)) continue;
      if (i !== top && covered[this.parent[i]]) { covered[i] = 1; continue; }
      const f = this.function[i];
      if (f >= 0 && flags[f]) { covered[i] = 1; sum += this.total[i]; }
    }
    return sum;
  }

  /** Self and total per function below `top`; recursion counts once. */
  functionTotals(top) {
    const self = new Float64Array(this.functionCount);
    const total = new Float64Array(this.functionCount);
    const onPath = new Int32Array(this.functionCount);
    const stack = [top];
    while (stack.length) {
      const node = stack.pop();
      if (node < 0) { onPath[~node]--; continue; }
      const f = this.function[node];
      if (f >= 0) {
        self[f] += this.self[node];
        if (onPath[f]++ === 0) total[f] += this.total[node];
        stack.push(~f);
      }
      for (let i = this.childCount[node] - 1; i >= 0; i--) stack.push(this.firstChild[node] + i);
    }
    return { self, total };
  }

  /** Self values by frame type, largest first. */
  kindTotals(top) {
    const sums = new Map();
    const { self } = this.functionTotals(top);
    for (let f = 0; f < self.length; f++) {
      if (self[f] > 0) { const kind = this.text("kind", f); sums.set(kind, (sums.get(kind) ?? 0) + self[f]); }
    }
    return [...sums].sort((a, b) => b[1] - a[1]);
  }
}
