// The flame graph: what of it is visible, and what pointer and keys do. Drawn once per animation frame and only after a
// change.

import { darkScheme } from "./format.js";
import { Painter, minimumWidth, rowHeight } from "./painter.js";

const zoomMilliseconds = 180;

export class FlameGraph {
  /**
   * @param canvas sticky inside `scroll`, beside `extent`, whose height makes `scroll` scroll.
   * @param events {hover(node, x, y), zoom(node), select(node, point, isNew)}; node is -1 for none, x, y and point
   *   are in the window's coordinates.
   */
  constructor(canvas, scroll, extent, events) {
    this.canvas = canvas;
    this.scroll = scroll;
    this.extent = extent;
    this.events = events;
    this.painter = new Painter(canvas);
    this.model = null;
    this.zoomed = 0;
    this.from = 0;
    this.to = 1;
    this.animation = null;
    this.flags = null;
    this.isIcicle = true;
    this.hovered = -1;
    this.selected = -1;
    this.pending = false;
    /** Where the pointer is over the canvas, in the window's coordinates. */
    this.pointer = null;
    /** Milliseconds that the last redraws took, newest last. */
    this.drawTimes = [];

    new ResizeObserver(() => this.resize()).observe(scroll);
    scroll.addEventListener("scroll", () => { this.hoverAgain(); this.invalidate(); }, { passive: true });
    darkScheme.addEventListener("change", () => { if (this.model) this.painter.prepareColors(); this.invalidate(); });
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = { x: event.clientX, y: event.clientY };
      this.hoverAgain();
    });
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.hover(-1); });
    canvas.addEventListener("click", (event) => this.clicked(event));
    canvas.addEventListener("keydown", (event) => this.keyPressed(event));
  }

  /** Shows other data; the keys say what of them was zoomed to and selected before. */
  setModel(model, flags, zoomKey, selectionKey) {
    this.model = model;
    this.flags = flags;
    this.painter.setModel(model);
    this.hovered = -1;
    this.selected = selectionKey ? model.find(selectionKey) : -1;
    this.zoom(zoomKey ? model.find(zoomKey) : 0, false);
    if (this.pointer) this.hoverAgain();
    else if (this.selected >= 0) this.select(this.selected, false);
    else this.hover(-1);
  }

  setSearch(flags) { this.flags = flags; this.invalidate(); }

  setDirection(isIcicle) {
    if (this.isIcicle === isIcicle) return;
    this.isIcicle = isIcicle;
    this.updateExtent();
    this.scroll.scrollTop = isIcicle ? 0 : this.scroll.scrollHeight;
    this.invalidate();
  }

  zoom(node, animated = true) {
    const model = this.model;
    if (!model) return;
    this.zoomed = node;
    const from = model.start[node];
    const to = from + Math.max(model.total[node], 1e-9);
    if (animated && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.animation = { from: this.from, to: this.to, begin: performance.now() };
    } else {
      this.animation = null;
      this.from = from;
      this.to = to;
    }
    this.target = { from, to };
    this.updateExtent();
    this.invalidate();
    this.events.zoom(node);
  }

  // ---- Layout

  resize() {
    this.width = this.scroll.clientWidth;
    this.height = this.scroll.clientHeight;
    this.painter.resize(this.width, this.height);
    this.updateExtent();
    this.draw(performance.now());
  }

  /** Rows that hold something of the zoomed box's range. */
  visibleRows() {
    const model = this.model;
    const { from, to } = this.target;
    let depth = model.depth[this.zoomed];
    while (depth + 1 < model.rowCount) {
      const first = model.firstEndingAfter(depth + 1, from);
      if (first >= model.rows[depth + 2] || model.start[first] >= to) break;
      depth++;
    }
    return depth + 1;
  }

  updateExtent() {
    if (!this.model || !this.height) return;
    const wasAtBottom = this.scroll.scrollTop + this.scroll.clientHeight >= this.scroll.scrollHeight - 2;
    this.contentHeight = Math.max(this.visibleRows() * rowHeight + 4, this.height);
    this.extent.style.height = `${this.contentHeight}px`;
    if (!this.isIcicle && wasAtBottom) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  /** Top of a row inside the canvas. */
  rowTop(depth) {
    const top = this.isIcicle ? depth * rowHeight + 2 : this.contentHeight - 2 - (depth + 1) * rowHeight;
    return top - this.scroll.scrollTop;
  }

  // ---- Drawing

  invalidate() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame((time) => { this.pending = false; this.draw(time); });
  }

  advance(time) {
    const animation = this.animation;
    if (!animation) return;
    const t = Math.min(1, Math.max(0, (time - animation.begin) / zoomMilliseconds));
    const eased = 1 - (1 - t) ** 3;
    this.from = animation.from + (this.target.from - animation.from) * eased;
    this.to = animation.to + (this.target.to - animation.to) * eased;
    if (t < 1) return this.invalidate();
    this.animation = null;
    this.hoverAgain();
  }

  draw(time) {
    if (!this.model) return;
    const began = performance.now();
    this.advance(time);
    this.painter.draw(this.view);
    this.drawTimes.push(performance.now() - began);
    if (this.drawTimes.length > 240) this.drawTimes.shift();
  }

  get view() {
    const { from, to, flags, hovered, selected } = this;
    return { from, to, flags, hovered, selected, rowTop: (depth) => this.rowTop(depth) };
  }

  rectangle(node) { return this.painter.rectangle(node, this.view); }

  // ---- Pointer and keyboard

  nodeAt({ x, y }) {
    const bounds = this.canvas.getBoundingClientRect();
    return this.nodeAtPoint(x - bounds.left, y - bounds.top);
  }

  /** The node at a point of the canvas, or -1. */
  nodeAtPoint(x, y) {
    if (!this.model) return -1;
    const contentY = y + this.scroll.scrollTop;
    const depth = Math.floor((this.isIcicle ? contentY - 2 : this.contentHeight - 2 - contentY) / rowHeight);
    const scale = this.width / (this.to - this.from);
    const node = this.model.nodeAt(depth, this.from + x / scale);
    return node >= 0 && this.model.total[node] * scale >= minimumWidth ? node : -1;
  }

  /** The box under the pointer may be another one after anything moved. */
  hoverAgain() {
    if (this.pointer) this.hover(this.nodeAt(this.pointer));
  }

  hover(node) {
    if (this.hovered !== node) {
      this.hovered = node;
      this.invalidate();
    }
    this.events.hover(node, this.pointer?.x ?? 0, this.pointer?.y ?? 0);
  }

  clicked(event) {
    const node = this.nodeAt({ x: event.clientX, y: event.clientY });
    if (node < 0) return;
    this.selected = -1;
    this.zoom(node);
  }

  /** @param isNew false when newer data show the same box. */
  select(node, isNew = true) {
    this.selected = node;
    if (node >= 0) {
      const top = this.rowTop(this.model.depth[node]);
      if (isNew && top < 0) this.scroll.scrollTop += top - rowHeight;
      else if (isNew && top + rowHeight > this.height) this.scroll.scrollTop += top + 2 * rowHeight - this.height;
      const bounds = this.canvas.getBoundingClientRect();
      const box = this.rectangle(node);
      const point = { x: bounds.left + box.left + Math.min(box.width / 2, 200), y: bounds.top + box.top + rowHeight };
      this.events.select(node, point, isNew);
    } else {
      this.events.select(-1, null, isNew);
    }
    this.invalidate();
  }

  keyPressed(event) {
    const model = this.model;
    if (!model || event.ctrlKey || event.metaKey || event.altKey) return;
    const current = this.selected >= 0 ? this.selected : this.zoomed;
    let next = -1;
    const inward = this.isIcicle ? "ArrowDown" : "ArrowUp";
    const outward = this.isIcicle ? "ArrowUp" : "ArrowDown";
    if (event.key === inward) next = model.childCount[current] > 0 ? model.firstChild[current] : current;
    else if (event.key === outward) next = Math.max(0, model.parent[current]);
    else if (event.key === "ArrowRight") next = current + 1 < model.rows[model.depth[current] + 1] ? current + 1 : current;
    else if (event.key === "ArrowLeft") next = current > model.rows[model.depth[current]] ? current - 1 : current;
    else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.zoom(current);
      return;
    } else return;
    event.preventDefault();
    // A box outside the zoomed range cannot be shown without leaving it.
    const isShown = model.isInside(next, this.zoomed) || model.isInside(this.zoomed, next);
    if (this.selected < 0 && event.key !== outward && event.key !== inward) next = current;
    if (isShown) this.select(next);
  }
}
