// The flame graph's data: laid out once, then only read.

/**
 * A laid-out tree. Nodes are numbered row by row and from left to right, so that a row is one range of indices with
 * ascending starts, and the children of a node are one range too. Node 0 is the root.
 */
export class Model {
  /** @param data see `decode`. */
  constructor({ header, texts, functions, childCounts, nodeFunctions, lines, selfValues }) {
    const n = header.nodeCount;
    this.header = header;
    this.texts = texts;
    this.functions = functions;
    this.functionCount = header.functionCount;
    this.count = n;
    this.function = nodeFunctions;
    this.line = lines;
    this.self = selfValues;
    this.childCount = childCounts;
    this.firstChild = new Int32Array(n);
    this.parent = new Int32Array(n).fill(-1);
    this.depth = new Int32Array(n);
    let end = 1;
    for (let i = 0; i < n; i++) {
      this.firstChild[i] = end;
      for (let left = childCounts[i]; left > 0; left--, end++) {
        this.parent[end] = i;
        this.depth[end] = this.depth[i] + 1;
      }
    }
    this.total = Float64Array.from(selfValues);
    for (let i = n - 1; i > 0; i--) this.total[this.parent[i]] += this.total[i];
    this.start = new Float64Array(n);
    for (let i = 1, x = 0; i < n; i++) {
      if (this.parent[i] !== this.parent[i - 1]) x = this.start[this.parent[i]];
      this.start[i] = x;
      x += this.total[i];
    }
    const rows = [0];
    for (let i = 1; i < n; i++) if (this.depth[i] !== this.depth[i - 1]) rows.push(i);
    rows.push(n);
    /** Row d holds the nodes rows[d] ..< rows[d + 1]. */
    this.rows = Int32Array.from(rows);
    this.rowCount = rows.length - 1;
  }

  text(column, functionIndex) {
    return this.texts[this.functions[column][functionIndex]];
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
    const flags = new Uint8Array(this.functionCount);
    const expression = /^\/(.+)\/?$/.exec(search);
    if (expression) {
      try { const r = new RegExp(expression[1].replace(/\/$/, ""), "iu"); test = (name) => r.test(name); } catch { return null; }
    } else {
      const lower = search.toLowerCase();
      this.lowerTexts ??= this.texts.map((text) => text.toLowerCase());
      for (let f = 0; f < flags.length; f++) if (this.lowerTexts[this.functions.name[f]].includes(lower)) flags[f] = 1;
      return flags;
    }
    for (let f = 0; f < flags.length; f++) if (test(this.text("name", f))) flags[f] = 1;
    return flags;
  }

  /** Calls `visit(first, end)` for each row's range of the nodes below `top` and for `top` itself, from the top. */
  forEachRowBelow(top, visit) {
    for (let first = top, end = top + 1; first < end;) {
      visit(first, end);
      [first, end] = [this.firstChild[first], this.firstChild[end - 1] + this.childCount[end - 1]];
    }
  }

  /** Value of the samples below `top` with a marked function in their stack, each once. */
  matchedValue(flags, top) {
    const { parent, total } = this;
    let sum = 0;
    const covered = new Uint8Array(this.count);
    this.forEachRowBelow(top, (first, end) => {
      for (let i = first; i < end; i++) {
        if (i !== top && covered[parent[i]] === 1) covered[i] = 1;
        else if (flags[this.function[i]] === 1) { covered[i] = 1; sum += total[i]; }
      }
    });
    return sum;
  }

  /** Self and total per function below `top`; recursion counts once. */
  functionTotals(top) {
    if (this.lastTotals?.top !== top) this.lastTotals = { top, ...this.countFunctionTotals(top) };
    const { self, total } = this.lastTotals;
    return { self, total };
  }

  countFunctionTotals(top) {
    const self = new Float64Array(this.functionCount);
    const total = new Float64Array(this.functionCount);
    const onPath = new Int32Array(this.functionCount);
    // Nodes to visit, and below them functions (as ~f) that are left when all above is done.
    const stack = new Int32Array(this.count + 2 * this.rowCount);
    let height = 0;
    stack[height++] = top;
    while (height > 0) {
      const node = stack[--height];
      if (node < 0) { onPath[~node]--; continue; }
      const f = this.function[node];
      if (f >= 0) {
        self[f] += this.self[node];
        if (onPath[f]++ === 0) total[f] += this.total[node];
        stack[height++] = ~f;
      }
      const first = this.firstChild[node];
      for (let i = first + this.childCount[node] - 1; i >= first; i--) stack[height++] = i;
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
