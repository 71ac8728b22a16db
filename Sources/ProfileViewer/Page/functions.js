// The table of top functions.

import { formatShare, formatValue, kindColor, kindLabel, visibleName } from "./format.js";

const maximumRows = 200;
const notFunctions = ["process", "thread", "omitted"];

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
    Object.assign(this, model.functionTotals(top));
    this.whole = model.total[top];
    this.show();
  }

  /** Functions in the order of the sort; kept, as a search only leaves some out. */
  ordered() {
    const { model, self, total } = this;
    const { column, isDescending } = this.sort;
    if (this.order?.total === total && this.order.column === column && this.order.isDescending === isDescending) {
      return this.order.functions;
    }
    const functions = [];
    for (let f = 0; f < total.length; f++) {
      if (total[f] > 0 && !notFunctions.includes(model.text("kind", f))) functions.push(f);
    }
    const sign = isDescending ? -1 : 1;
    const [value, other] = column === "total" ? [total, self] : [self, total];
    const name = (f) => model.text("name", f);
    functions.sort(column === "name"
      ? (a, b) => (name(a) < name(b) ? -sign : name(a) > name(b) ? sign : a - b)
      : (a, b) => sign * (value[a] - value[b]) || sign * (other[a] - other[b]) || a - b);
    this.order = { total, column, isDescending, functions };
    return functions;
  }

  show() {
    const { model, self, total, flags } = this;
    if (!model) return;
    const name = (f) => model.text("name", f);
    const rows = [];
    for (const f of this.ordered()) {
      if (flags && !flags[f]) continue;
      if (rows.push(f) === maximumRows) break;
    }
    const unit = model.header.sampleType.unit;
    const focused = this.body.contains(document.activeElement) ? document.activeElement.functionName : null;
    this.body.replaceChildren(...rows.map((f) => {
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
    if (focused === null) return;
    for (const row of this.body.rows) if (row.functionName === focused) { row.focus({ preventScroll: true }); break; }
  }
}
