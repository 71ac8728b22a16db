#!/usr/bin/env python3
"""Starts otelcol, opens its profile viewer at once in headless Chromium, and waits for the first flame graph.

    first-picture.py PROGRAM CONFIGURATION ADDRESS [SCREENSHOT]

The browser is started before the program. Prints the seconds from the program's start to the ready page and to the
first flame graph that the canvas shows, and what it holds; exits with 1 when none comes within 60 s.
"""
import signal
import subprocess
import sys
import time
import urllib.request

import chromium

SHOWN = """(() => { const v = window.profileViewer; if (!v?.model || v.model.header.total === 0 || !v.graph.drawTimes.length) return null;
  const c = document.getElementById('graph'), d = c.getContext('2d').getImageData(0, 0, c.width, Math.min(c.height, 200)).data, s = new Set();
  for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
  const m = v.model, kinds = new Set();
  for (let i = 1; i < m.count; i++) kinds.add(m.describe(i).kind);
  return {samples: m.header.total, boxes: m.count, rows: m.rowCount, colors: s.size, kinds: [...kinds].sort()}; })()"""


def wait(begin, condition, what, seconds=60):
    while time.monotonic() < begin + seconds:
        result = condition()
        if result:
            return time.monotonic() - begin, result
        time.sleep(0.05)
    raise SystemExit(f"no {what} within {seconds} s")


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    program, configuration, address = sys.argv[1:4]
    with chromium.tab() as page:
        begin = time.monotonic()
        otelcol = subprocess.Popen([program, "--config", configuration, "--feature-gates=service.profilesSupport"])
        try:
            ready, _ = wait(begin, lambda: answers(address), "page")
            page.open(address)
            shown, graph = wait(begin, lambda: page.evaluate(SHOWN), "flame graph")
            if len(sys.argv) > 4:
                page.screenshot(sys.argv[4])
        finally:
            otelcol.send_signal(signal.SIGINT)
            status = otelcol.wait(60)
    print(f"page after {ready:.1f} s, flame graph after {shown:.1f} s: {graph['samples']} samples, {graph['boxes']} boxes in "
          f"{graph['rows']} rows, {graph['colors']} colours, frame types {' '.join(graph['kinds'])}")
    if status != 0 or page.problems or graph["colors"] < 4 or not {"kernel", "native"} & set(graph["kinds"]):
        sys.exit(f"exit status {status}; problems: {page.problems}")


main()
