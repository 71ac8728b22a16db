// Paints flame graphs: colours, boxes and labels. Knows nothing of pointers, keys or scrolling.

import { darkScheme, hash, kindColor, visibleName } from "./format.js";

export const rowHeight = 20;
/** Boxes narrower than this (CSS pixels) are not drawn one by one. */
export const minimumWidth = 0.5;
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

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.fontFamily = getComputedStyle(document.body).getPropertyValue("--mono");
    this.model = null;
    this.image = null;
  }

  setModel(model) {
    this.model = model;
    this.labels = new Array(model.functionCount);
    this.prepareColors();
  }

  /** Sizes in CSS pixels. */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.image = this.canvas.width && this.canvas.height ? new ImageData(this.canvas.width, this.canvas.height) : null;
    this.pixels = this.image && new Uint32Array(this.image.data.buffer);
  }

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
    const root = isDark ? "#333b46" : "#d5dae1";
    this.theme = {
      text: isDark ? "#f2f4f7" : "#16191d", matchText: "#ffffff", outline: isDark ? "#ffffff" : "#0b0d10",
      hover: isDark ? "#ffffff33" : "#ffffff66", match: packed(isDark ? "#d946ef" : "#c026d3"),
      root: packed(root), dimRoot: packed(root, dimOpacity), background: packed(background),
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

  /**
   * @param view {from, to: the visible range of the x axis; flags: per function 1 for a match, or null; rowTop(depth):
   *   a row's top in the canvas; hovered, selected: nodes or -1}
   */
  draw(view) {
    const { context, model, width, height, ratio, theme } = this;
    if (!model || !this.image) return;
    const scale = width / (view.to - view.from);
    const texts = [];
    this.pixels.fill(theme.background);
    for (let depth = 0; depth < model.rowCount; depth++) {
      const y = view.rowTop(depth);
      if (y + rowHeight > 0 && y < height) this.drawRow(view, depth, y, scale, texts);
    }
    context.putImageData(this.image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `11.5px ${this.fontFamily}`;
    context.textBaseline = "middle";
    context.direction = "ltr";
    this.characterWidth ??= context.measureText("MMMMMMMMMM").width / 10;
    this.drawTexts(texts);
    this.outline(view.hovered, view, theme.hover, true);
    this.outline(view.selected, view, theme.outline, false);
  }

  /**
   * Paints one row's boxes into the pixels: one line of them, copied downwards. Tens of thousands of narrow boxes cost
   * no more than a few wide ones, which drawing commands would.
   */
  drawRow({ from, to, flags }, depth, y, scale, texts) {
    const { model, pixels, theme, colors, dimColors, ratio } = this;
    const deviceWidth = this.image.width;
    const top = Math.max(0, Math.round(y * ratio));
    const bottom = Math.min(this.image.height, Math.round((y + rowHeight) * ratio) - Math.round(ratio));
    if (bottom <= top) return;
    const line = top * deviceWidth;
    const deviceScale = scale * ratio;
    const narrow = minimumWidth * ratio;
    const isSearching = flags !== null;
    const end = model.rows[depth + 1];
    for (let i = model.firstEndingAfter(depth, from); i < end && model.start[i] < to; i++) {
      const x = (model.start[i] - from) * deviceScale;
      const w = model.total[i] * deviceScale;
      const f = model.function[i];
      if (w < narrow) {
        // Many boxes in one pixel: it takes the colour of the first or of a match, and on to the next pixel.
        const pixel = Math.floor(x);
        const next = Math.max(i + 1, Math.min(end, model.firstEndingAfter(depth, from + (pixel + 1) / deviceScale)));
        let color = (isSearching ? dimColors : colors)[f];
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

  /** A node's visible part in the canvas, in CSS pixels. */
  rectangle(node, { from, to, rowTop }) {
    const { model, width } = this;
    const scale = width / (to - from);
    const x = (model.start[node] - from) * scale;
    const left = Math.max(0, x);
    const right = Math.min(width, x + model.total[node] * scale);
    return { left, top: rowTop(model.depth[node]), width: Math.max(1, right - left), height: rowHeight - 1 };
  }

  outline(node, view, color, isFilled) {
    if (node < 0 || node >= this.model.count) return;
    const box = this.rectangle(node, view);
    if (isFilled) {
      this.context.fillStyle = color;
      this.context.fillRect(box.left, box.top, Math.max(1, box.width - 1), box.height);
    } else {
      this.context.strokeStyle = color;
      this.context.lineWidth = 2;
      this.context.strokeRect(box.left + 1, box.top + 1, Math.max(1, box.width - 3), box.height - 2);
    }
  }
}
