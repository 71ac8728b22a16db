#!/usr/bin/env python3
"""Measures the profile viewer's page in headless Chromium: loading, redrawing, searching and zooming.

    measure.py URL

URL is a running viewer's; `profileviewer-demo` makes one with 50,000 distinct stacks. Chromium draws without a graphics
card here. Prints milliseconds.
"""
import sys

import chromium

# Draws 120 frames of a zoom from the whole graph into its middle. Reading a pixel waits for the drawing's end.
REDRAW = """(() => { const g = profileViewer.graph, whole = profileViewer.model.total[0], times = [];
  for (let i = 0; i < 120; i++) { const part = 0.5 * 0.95 ** i;
    g.from = whole * (0.5 - part); g.to = whole * (0.5 + part); g.animation = null;
    const begin = performance.now(); g.draw(begin); g.painter.context.getImageData(0, 0, 1, 1);
    times.push(performance.now() - begin); }
  g.zoom(0); return times; })()"""

# Everything that a key pressed in the search field does, and the redraw after it.
SEARCH = """(text => { const field = document.getElementById('search'), begin = performance.now();
  field.value = text; field.dispatchEvent(new Event('input')); const g = profileViewer.graph;
  g.draw(performance.now()); g.painter.context.getImageData(0, 0, 1, 1); document.body.offsetHeight;
  return performance.now() - begin; })"""

# A click on a box with what it changes around the graph, without the animation.
ZOOM = """(node => { const begin = performance.now(); profileViewer.graph.zoom(node, false);
  profileViewer.graph.draw(performance.now()); profileViewer.graph.painter.context.getImageData(0, 0, 1, 1);
  document.body.offsetHeight; return performance.now() - begin; })"""

LOADED = "window.profileViewer?.loadTimes && !profileViewer.isLoading"


def report(what, times):
    times = sorted(times)
    print(f"{what:<34} median {times[len(times) // 2]:7.1f}   95 % {times[int(len(times) * 0.95)]:7.1f}   most {times[-1]:7.1f}")


def main():
    with chromium.tab() as page:
        page.open(sys.argv[1] + "#live=0")
        page.wait(LOADED, "the flame graph")
        loads = []
        for _ in range(7):
            page.evaluate("document.querySelector('[data-seconds=\"300\"]').click()")
            page.wait(LOADED, "the reload")
            loads.append(page.evaluate("profileViewer.loadTimes"))
        header = page.evaluate("(({ header, count }) => ({ stacks: header.distinctStacks, total: header.total, nodes: count,"
                               " functions: header.functionCount }))(profileViewer.model)")
        print(f"{header['stacks']} distinct stacks, {header['nodes']} boxes, {header['functions']} functions; milliseconds")
        report("load: query and transfer", [load["fetch"] for load in loads])
        report("load: decode and layout", [load["layout"] for load in loads])
        report("load: show", [load["show"] for load in loads])
        report("redraw", page.evaluate(REDRAW))
        texts = ["o", "op", "operation", "operation_12", "vfs_read", "nothing at all", "/_1.*7$", ""]
        report("search, one key", [page.evaluate(f"{SEARCH}({text!r})") for text in texts for _ in range(5)])
        nodes = page.evaluate("Array.from({ length: 8 }, (_, d) => profileViewer.model.rows[d])")
        report("zoom by a click", [page.evaluate(f"{ZOOM}({node})") for node in nodes + [0]])
        page.evaluate(f"{SEARCH}('operation_12')")
        report("redraw while searching", page.evaluate(REDRAW))


main()
