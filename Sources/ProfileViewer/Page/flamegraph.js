// The flame graph on a canvas. Only what is visible is drawn, once per animation frame and only after a change.

import { darkScheme, hash, kindColor, visibleName } from "./format.js";

const rowHeight = 20;
const zoomMilliseconds = 180;
/** Boxes narrower than this (CSS pixels) are not drawn one by one. */
const minimumWidth = 0.5;
const colorVariations = 12;
/** How much of its colour a box keeps when a search does not match it. */
const dimOpacity = 0.35;

const mixer = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** A CSS colour over a background as one pixel of image data. */
function pack(color, opacity, background) {
  mixer.globalAlpha = 1;
  mixer.fillStyle = background;
  mixer.fillRect(0, 0, 1, 1);
  mixer.globalAlpha = opacity;
  mixer.fillStyle = color;
  mixer.fillRect(0, 0, 1, 1);
  return new Uint32Array(mixer.getImageData(0, 0, 1, 1).data.buffer)[0];
}

export class FlameGraph {
  /**
   * @param canvas sticky inside `scroll`, beside `extent`, whose height makes `scroll` scroll.
   * @param events {hover(node, x, y), zoom(node), select(node, rectangle)}; node is -1 for none, x and y are in the
   *   window's coordinates.
   */
  constructor(canvas, scroll, extent, events) {
    this.canvas = canvas;
    this.scroll = scroll;
    this.extent = extent;
    this.events = events;
    this.context = canvas.getContext("2d", { alpha: false });
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
    this.fontFamily = getComputedStyle(document.body).getPropertyValue("--mono");
    /** Milliseconds that the last redraws took, newest last. */
    this.drawTimes = [];

    new ResizeObserver(() => this.resize()).observe(scroll);
    scroll.addEventListener("scroll", () => this.invalidate(), { passive: true });
    darkScheme.addEventListener("change", () => { this.prepareColors(); this.invalidate(); });
    canvas.addEventListener("pointermove", (event) => this.pointerMoved(event));
    canvas.addEventListener("pointerleave", () => this.hover(-1, 0, 0));
    canvas.addEventListener("click", (event) => this.clicked(event));
    canvas.addEventListener("keydown", (event) => this.keyPressed(event));
  }

  setModel(model, zoomKey, selectionKey) {
    this.model = model;
    this.labels = new Array(model.functionCount);
    this.prepareColors();
    this.hover(-1, 0, 0);
    this.selected = selectionKey ? model.find(selectionKey) : -1;
    this.flags = null;
    this.zoom(zoomKey ? model.find(zoomKey) : 0, false);
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
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.image = this.canvas.width && this.canvas.height
      ? new ImageData(this.canvas.width, this.canvas.height) : null;
    this.pixels = this.image && new Uint32Array(this.image.data.buffer);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
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

  prepareColors() {
    const model = this.model;
    if (!model) return;
    const isDark = darkScheme.matches;
    const background = getComputedStyle(document.body).getPropertyValue("--surface");
    const packed = (color, opacity = 1) => pack(color, opacity, background);
    const palette = new Map();
    this.colors = new Uint32Array(model.functionCount);
    this.dimColors = new Uint32Array(model.functionCount);
    for (let f = 0; f < model.functionCount; f++) {
      const kind = model.text("kind", f);
      const variation = hash(model.text("module", f) + model.text("name", f)) % colorVariations;
      const key = `${variation} ${kind}`;
      let pair = palette.get(key);
      if (!pair) {
        const color = kindColor(kind, variation / (colorVariations - 1));
        palette.set(key, (pair = [packed(color), packed(color, dimOpacity)]));
      }
      this.colors[f] = pair[0];
      this.dimColors[f] = pair[1];
    }
    const root = isDark ? "#333b46" : "#d5dae1", tiny = isDark ? "#39424e" : "#ccd2da";
    this.theme = {
      text: isDark ? "#f2f4f7" : "#16191d", matchText: "#ffffff", outline: isDark ? "#ffffff" : "#0b0d10",
      hover: isDark ? "#ffffff33" : "#ffffff66", match: packed(isDark ? "#d946ef" : "#c026d3"),
      root: packed(root), dimRoot: packed(root, dimOpacity), tiny: packed(tiny), dimTiny: packed(tiny, dimOpacity),
      background: packed(background),
    };
  }

  label(f) {
    let label = this.labels[f];
    if (label === undefined) {
      const text = f < 0 ? "all" : visibleName(this.model.text("name", f));
      label = { text, isPlain: /^[\x20-\x7e]*$/.test(text) };
      this.labels[f] = label;
    }
    return label;
  }

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
    if (t >= 1) this.animation = null; else this.invalidate();
  }

  draw(time) {
    if (!this.model || !this.image) return;
    const began = performance.now();
    this.advance(time);
    const { context, model, width, height, ratio } = this;
    const scale = width / (this.to - this.from);
    const texts = [];
    this.pixels.fill(this.theme.background);
    for (let depth = 0; depth < model.rowCount; depth++) {
      const y = this.rowTop(depth);
      if (y + rowHeight > 0 && y < height) this.drawRow(depth, y, scale, texts);
    }
    context.putImageData(this.image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `11.5px ${this.fontFamily}`;
    context.textBaseline = "middle";
    context.direction = "ltr";
    this.characterWidth ??= context.measureText("MMMMMMMMMM").width / 10;
    this.drawTexts(texts);
    this.outline(this.hovered, scale, this.theme.hover, true);
    this.outline(this.selected, scale, this.theme.outline, false);
    this.drawTimes.push(performance.now() - began);
    if (this.drawTimes.length > 240) this.drawTimes.shift();
  }

  /**
   * Paints one row's boxes into the pixels: one line of them, copied downwards. Tens of thousands of narrow boxes cost
   * no more than a few wide ones, which drawing commands would.
   */
  drawRow(depth, y, scale, texts) {
    const { model, pixels, from, theme, colors, dimColors, flags, ratio } = this;
    const deviceWidth = this.image.width;
    const top = Math.max(0, Math.round(y * ratio));
    const bottom = Math.min(this.image.height, Math.round((y + rowHeight) * ratio) - Math.round(ratio));
    if (bottom <= top) return;
    const line = top * deviceWidth;
    const deviceScale = scale * ratio;
    const narrow = minimumWidth * ratio;
    const isSearching = flags !== null;
    const end = model.rows[depth + 1];
    for (let i = model.firstEndingAfter(depth, from); i < end && model.start[i] < this.to; i++) {
      const x = (model.start[i] - from) * deviceScale;
      const w = model.total[i] * deviceScale;
      const f = model.function[i];
      if (w < narrow) {
        // Many boxes in one pixel: one mark, and on to the next pixel.
        const pixel = Math.floor(x);
        const next = Math.max(i + 1, Math.min(end, model.firstEndingAfter(depth, from + (pixel + 1) / deviceScale)));
        let color = isSearching ? theme.dimTiny : theme.tiny;
        for (let k = i; isSearching && k < next; k++) if (flags[model.function[k]] === 1) { color = theme.match; break; }
        if (pixel >= 0 && pixel < deviceWidth) pixels[line + pixel] = color;
        i = next - 1;
        continue;
      }
      const left = Math.max(0, Math.round(x));
      let right = Math.min(deviceWidth, Math.round(x + w));
      const isMatch = isSearching && f >= 0 && flags[f] === 1;
      if (right - left > 18 * ratio) texts.push(i, left / ratio, (right - left) / ratio, y, isMatch ? 1 : 0);
      if (right - left > 3 * ratio) right -= Math.round(ratio);
      const color = isMatch ? theme.match
        : f < 0 ? (isSearching ? theme.dimRoot : theme.root) : (isSearching ? dimColors : colors)[f];
      if (right > left) pixels.fill(color, line + left, line + right);
      else if (left < deviceWidth) pixels[line + left] = color;
    }
    for (let next = top + 1; next < bottom; next++) pixels.copyWithin(next * deviceWidth, line, line + deviceWidth);
  }

  drawTexts(texts) {
    const { context, model, theme } = this;
    let color = "";
    for (let k = 0; k < texts.length; k += 5) {
      const label = this.label(model.function[texts[k]]);
      const room = texts[k + 2] - 8;
      const characters = Math.floor(room / this.characterWidth);
      if (characters < 2) continue;
      const textColor = texts[k + 4] ? theme.matchText : theme.text;
      if (color !== textColor) context.fillStyle = color = textColor;
      let text = label.text;
      if (text.length > characters) text = `${text.slice(0, characters - 1)}…`;
      const y = texts[k + 3] + rowHeight / 2;
      if (label.isPlain) context.fillText(text, texts[k + 1] + 4, y);
      else context.fillText(text, texts[k + 1] + 4, y, room);
    }
  }

  rectangle(node, scale = this.width / (this.to - this.from)) {
    const x = (this.model.start[node] - this.from) * scale;
    const left = Math.max(0, x);
    const right = Math.min(this.width, x + this.model.total[node] * scale);
    return { left, top: this.rowTop(this.model.depth[node]), width: Math.max(1, right - left), height: rowHeight - 1 };
  }

  outline(node, scale, color, isFilled) {
    if (node < 0 || node >= this.model.count) return;
    const box = this.rectangle(node, scale);
    if (isFilled) {
      this.context.fillStyle = color;
      this.context.fillRect(box.left, box.top, Math.max(1, box.width - 1), box.height);
    } else {
      this.context.strokeStyle = color;
      this.context.lineWidth = 2;
      this.context.strokeRect(box.left + 1, box.top + 1, Math.max(1, box.width - 3), box.height - 2);
    }
  }

  // ---- Pointer and keyboard

  nodeAt(event) {
    const bounds = this.canvas.getBoundingClientRect();
    return this.nodeAtPoint(event.clientX - bounds.left, event.clientY - bounds.top);
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

  pointerMoved(event) { this.hover(this.nodeAt(event), event.clientX, event.clientY); }

  hover(node, x, y) {
    if (this.hovered !== node) {
      this.hovered = node;
      this.invalidate();
    }
    this.events.hover(node, x, y);
  }

  clicked(event) {
    const node = this.nodeAt(event);
    if (node < 0) return;
    this.selected = -1;
    this.zoom(node);
  }

  select(node) {
    this.selected = node;
    if (node >= 0) {
      const top = this.rowTop(this.model.depth[node]);
      if (top < 0) this.scroll.scrollTop += top - rowHeight;
      else if (top + rowHeight > this.height) this.scroll.scrollTop += top + 2 * rowHeight - this.height;
      const bounds = this.canvas.getBoundingClientRect();
      const box = this.rectangle(node);
      this.events.select(node, { x: bounds.left + box.left + Math.min(box.width / 2, 200), y: bounds.top + box.top + rowHeight });
    } else {
      this.events.select(-1, null);
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
