// Samples over time, and the choice of a window by dragging.

import { darkScheme, formatNanoseconds, formatTime, formatValue } from "./format.js";

const labelHeight = 16;

export class TimelineView {
  /** @param choose (fromSeconds, toSeconds) after a drag; whole steps. */
  constructor(canvas, choose) {
    this.canvas = canvas;
    this.choose = choose;
    this.context = canvas.getContext("2d");
    this.data = null;
    this.drag = null;
    this.pointer = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    darkScheme.addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.data || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.drag = { begin: event.offsetX, end: event.offsetX };
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = event.offsetX;
      if (this.drag) this.drag.end = event.offsetX;
      this.draw();
    });
    canvas.addEventListener("pointerup", () => this.finishDrag());
    canvas.addEventListener("pointercancel", () => { this.drag = null; this.draw(); });
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    canvas.addEventListener("keydown", (event) => this.keyPressed(event));
  }

  get isDragging() { return this.drag !== null; }

  /** @param data {startSeconds, stepSeconds, values, cpuTimeNanoseconds, unit}, window {from, to} in seconds. */
  set(data, window) {
    this.data = data;
    this.window = window;
    this.draw();
  }

  get end() { return this.data.startSeconds + this.data.stepSeconds * this.data.values.length; }

  x(seconds) {
    return ((seconds - this.data.startSeconds) / (this.end - this.data.startSeconds)) * this.canvas.clientWidth;
  }

  stepAt(x) {
    const step = Math.floor((x / this.canvas.clientWidth) * this.data.values.length);
    return Math.max(0, Math.min(this.data.values.length - 1, step));
  }

  selection() {
    const first = this.stepAt(Math.min(this.drag.begin, this.drag.end));
    const last = this.stepAt(Math.max(this.drag.begin, this.drag.end));
    const { startSeconds, stepSeconds } = this.data;
    return { from: startSeconds + first * stepSeconds, to: startSeconds + (last + 1) * stepSeconds };
  }

  finishDrag() {
    if (!this.drag) return;
    const { from, to } = this.selection();
    const isClick = Math.abs(this.drag.end - this.drag.begin) < 4;
    this.drag = null;
    this.draw();
    if (!isClick) this.choose(from, to);
  }

  keyPressed(event) {
    if (!this.data || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    const step = (event.key === "ArrowLeft" ? -1 : 1) * this.data.stepSeconds;
    if (event.shiftKey) this.choose(this.window.from, Math.max(this.window.from + this.data.stepSeconds, this.window.to + step));
    else this.choose(this.window.from + step, this.window.to + step);
  }

  draw() {
    const { canvas, context, data } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!data || data.values.length === 0) return;
    const style = getComputedStyle(document.body);
    const color = (name) => style.getPropertyValue(name);
    const bottom = height - labelHeight;
    const highest = data.values.reduce((a, b) => Math.max(a, b), 1);

    const shown = this.drag ? this.selection() : this.window;
    const left = Math.max(0, this.x(shown.from)), right = Math.min(width, this.x(shown.to));
    context.fillStyle = color("--accent-soft");
    context.fillRect(left, 0, right - left, bottom);

    const barWidth = width / data.values.length;
    for (let i = 0; i < data.values.length; i++) {
      const seconds = data.startSeconds + i * data.stepSeconds;
      const barHeight = (data.values[i] / highest) * (bottom - 8);
      if (barHeight <= 0) continue;
      context.fillStyle = seconds >= shown.from && seconds < shown.to ? color("--accent") : color("--bar");
      const gap = barWidth > 3 ? 1 : 0;
      context.fillRect(i * barWidth, bottom - Math.max(1, barHeight), barWidth - gap, Math.max(1, barHeight));
    }
    context.fillStyle = color("--line");
    context.fillRect(0, bottom, width, 1);
    this.drawTimes(context, width, height, color);
    if (this.pointer !== null) this.drawPointer(context, width, bottom, barWidth, color);
  }

  drawTimes(context, width, height, color) {
    const span = this.end - this.data.startSeconds;
    const step = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800]
      .find((s) => (span / s) * 90 <= width) ?? 2592000;
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = color("--muted");
    context.textBaseline = "alphabetic";
    context.textAlign = "center";
    const zone = new Date(this.data.startSeconds * 1000).getTimezoneOffset() * 60;
    for (let t = Math.ceil((this.data.startSeconds - zone) / step) * step + zone; t < this.end; t += step) {
      const x = this.x(t);
      if (x < 26 || x > width - 26) continue;
      context.fillRect(x, height - labelHeight, 1, 3);
      const time = formatTime(t);
      context.fillText(step >= 60 ? time.slice(0, 5) : time, x, height - 3);
    }
    context.textAlign = "start";
  }

  drawPointer(context, width, bottom, barWidth, color) {
    const { data } = this;
    const step = this.stepAt(this.pointer);
    const seconds = data.startSeconds + step * data.stepSeconds;
    let text = `${formatTime(seconds)}   ${formatValue(data.values[step], data.unit)}`;
    if (data.unit === "count") text += " samples";
    const cpu = data.cpuTimeNanoseconds[step];
    if (cpu > 0) text += `   ${formatNanoseconds(cpu)} CPU   ${(cpu / 1e9 / data.stepSeconds).toFixed(2)} cores`;
    if (this.drag) {
      const { from, to } = this.selection();
      text = `${formatTime(from)} – ${formatTime(to)}   (${to - from} s)`;
    }
    context.fillStyle = color("--text");
    context.fillRect((step + 0.5) * barWidth, 0, 1, bottom);
    context.font = "11px system-ui, sans-serif";
    const textWidth = context.measureText(text).width + 12;
    const x = Math.max(0, Math.min(width - textWidth, (step + 0.5) * barWidth + 6));
    context.fillStyle = color("--raised");
    context.fillRect(x, 2, textWidth, 18);
    context.strokeStyle = color("--line");
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, 2.5, textWidth - 1, 17);
    context.fillStyle = color("--text");
    context.textBaseline = "middle";
    context.fillText(text, x + 6, 11.5);
  }
}
