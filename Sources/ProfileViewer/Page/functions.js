// The table of top functions.

import { formatShare, formatValue, kindColor, kindLabel, visibleName } from "./format.js";

const maximumRows = 300;

export class FunctionTable {
  /** @param choose (functionName) when a row is activated. */
  constructor(table, choose) {
    this.table = table;
    this.body = table.tBodies[0];
    this.choose = choose;
    this.sort = { column: "self", isDescending: true };
    for (const heading of table.tHead.rows[0].cells) {
      heading.firstElementChild.addEventListener("click", () => {
        const column = heading.dataset.sort;
        const isDescending = this.sort.column === column ? !this.sort.isDescending : column !== "name";
        this.sort = { column, isDescending };
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
        this.show();
      });
    }
    const activate = (event) => {
      const row = event.target.closest("tr");
      if (row && (event.type === "click" || event.key === "Enter")) this.choose(row.functionName);
    };
    this.body.addEventListener("click", activate);
    this.body.addEventListener("keydown", activate);
  }

  set(model, top, flags) {
    this.model = model;
    this.flags = flags;
    if (this.totalsOf !== model || this.totalsTop !== top) {
      const { self, total } = model.functionTotals(top);
      this.totalsOf = model;
      this.totalsTop = top;
      this.self = self;
      this.total = total;
    }
    this.whole = model.total[top];
    this.show();
  }

  show() {
    const { model, self, total, flags } = this;
    if (!model) return;
    const rows = [];
    for (let f = 0; f < self.length; f++) {
      const kind = model.text("kind", f);
      if (total[f] > 0 && kind !== "process" && kind !== "thread" && (!flags || flags[f])) rows.push(f);
    }
    const sign = this.sort.isDescending ? -1 : 1;
    const name = (f) => model.text("name", f);
    const byName = (a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
    const value = this.sort.column === "total" ? total : self;
    const other = this.sort.column === "total" ? self : total;
    rows.sort(this.sort.column === "name"
      ? (a, b) => sign * byName(a, b)
      : (a, b) => sign * (value[a] - value[b]) || sign * (other[a] - other[b]) || byName(a, b));
    const unit = model.header.sampleType.unit;
    this.body.replaceChildren(...rows.slice(0, maximumRows).map((f) => {
      const row = document.createElement("tr");
      row.tabIndex = 0;
      row.functionName = name(f);
      const kind = model.text("kind", f);
      for (const amount of [self[f], total[f]]) {
        const cell = row.insertCell();
        cell.className = "share";
        cell.textContent = formatShare(amount, this.whole);
        cell.style.backgroundSize = `${(100 * amount) / this.whole}% 100%`;
        cell.title = formatValue(amount, unit);
      }
      const cell = row.insertCell();
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = kindColor(kind);
      const module = model.text("module", f), file = model.text("file", f);
      cell.append(swatch, visibleName(name(f)));
      cell.title = [name(f), module || file, kindLabel(kind)].filter(Boolean).map(visibleName).join("\n");
      return row;
    }));
  }
}
