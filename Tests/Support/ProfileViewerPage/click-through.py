#!/usr/bin/env python3
"""Clicks through the profile viewer's page in headless Chromium and checks what it shows.

    click-through.py URL OUTPUT-DIRECTORY [--dark]

Prints one line per check, writes screenshots to the output directory, and exits with 1 when a check fails.
"""
import json
import os
import sys
import time

import chromium

failures = 0


def check(holds, what, detail=""):
    global failures
    print(("ok      " if holds else "FAILED  ") + what + (f": {detail}" if detail != "" else ""), flush=True)
    if not holds:
        failures += 1


# The box under the middle of the widest node of row 3 that has children: something to click at.
FIND_BOX = """(() => {
  const g = profileViewer.graph, m = profileViewer.model;
  let best = -1;
  for (let i = m.rows[3]; i < m.rows[4]; i++) if (m.childCount[i] > 0 && (best < 0 || m.total[i] > m.total[best])) best = i;
  const r = g.rectangle(best), b = document.getElementById('graph').getBoundingClientRect();
  return {node: best, x: b.left + r.left + r.width / 2, y: b.top + r.top + r.height / 2,
          total: m.total[best], name: m.describe(best).name, depth: m.depth[best]};
})()"""

SHARE = "document.getElementById('search-result').textContent"


def run(page, url, output, dark):
    suffix = "-dark" if dark else ""
    page.open(url + "#live=0", dark=dark)
    page.wait("window.profileViewer?.model && !profileViewer.isLoading", "the flame graph")
    page.wait("profileViewer.graph.drawTimes.length > 0", "the first drawing")
    stacks = page.evaluate("profileViewer.model.header.distinctStacks")
    total = page.evaluate("profileViewer.model.header.total")
    check(total > 0 and stacks > 0, "the page shows samples", f"{total} samples, {stacks} stacks")
    check(page.evaluate("profileViewer.model.total[0] === profileViewer.model.header.total"), "the root holds all samples")
    check(page.evaluate("[...Array(profileViewer.model.count).keys()].slice(1).every(i => { const m = profileViewer.model, p = m.parent[i]; "
                        "return p < i && m.start[i] >= m.start[p] && m.start[i] + m.total[i] <= m.start[p] + m.total[p] + 1e-6 })"),
          "every box lies inside its parent")
    colors = page.evaluate("""(() => { const c = document.getElementById('graph');
      const d = c.getContext('2d').getImageData(0, 0, c.width, 300).data, s = new Set();
      for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); return s.size; })()""")
    check(colors > 12, "the canvas is painted", f"{colors} colours")
    page.screenshot(os.path.join(output, f"overview{suffix}.png"))

    # Tool tip and zoom by mouse.
    box = page.evaluate(FIND_BOX)
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box["x"], y=box["y"])
    page.wait("!document.getElementById('tooltip').hidden", "the tool tip")
    tip = page.evaluate("document.getElementById('tooltip').textContent")
    check("Of all" in tip and "Samples" in tip, "the tool tip says samples and share", tip)
    page.screenshot(os.path.join(output, f"tooltip{suffix}.png"))
    page.click(box["x"], box["y"])
    page.wait("profileViewer.graph.zoomed > 0", "the zoom")
    check(page.evaluate("profileViewer.graph.zoomed") == box["node"], "a click zooms to the box under it")
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    check(abs(page.evaluate("profileViewer.graph.rectangle(profileViewer.graph.zoomed).width")
              - page.evaluate("profileViewer.graph.width")) < 1.5, "the zoomed box fills the width")
    crumbs = page.evaluate("[...document.querySelectorAll('#breadcrumb button')].map(b => b.textContent)")
    check(crumbs[0] == "all" and len(crumbs) >= 3, "the breadcrumb leads back", " > ".join(crumbs))
    page.screenshot(os.path.join(output, f"zoomed{suffix}.png"))

    # Reload of newer data keeps the zoom.
    zoom_key = "profileViewer.model.key(profileViewer.graph.zoomed).join()"
    key = page.evaluate(zoom_key)
    page.evaluate("document.querySelector('[data-seconds=\"300\"]').click()")
    page.wait("!profileViewer.isLoading", "the reload")
    check(page.evaluate(zoom_key) == key, "the zoom survives a refresh")
    page.key("Escape")
    page.wait("profileViewer.graph.zoomed === 0", "the reset")
    check(True, "Escape shows everything again")

    # Search: the share against counting by hand over all paths.
    page.key("/", "/")
    check(page.evaluate("document.activeElement.id") == "search", "slash goes to the search field")
    page.call("Input.insertText", text="vfs_read")
    page.wait(f"{SHARE} !== ''", "the search result")
    share = page.evaluate(SHARE)
    expected = page.evaluate("""(() => { const m = profileViewer.model; let sum = 0;
      for (let i = 1; i < m.count; i++) if (m.self[i] > 0) {
        if (m.path(i).some(n => m.describe(n).name.includes('vfs_read'))) sum += m.self[i]; }
      return 100 * sum / m.total[0]; })()""")
    check(expected > 0 and abs(float(share.split()[0]) - expected) < 0.06, "search says the matching share", f"{share}, by hand {expected:.3f} %")
    check(page.evaluate("[...document.querySelectorAll('#functions tbody tr')].every(r => r.functionName.includes('vfs_read'))"),
          "the table follows the search")
    page.screenshot(os.path.join(output, f"search{suffix}.png"))

    # A refresh keeps search, keyboard focus and the tool tip of the box under the pointer.
    page.evaluate("document.querySelector('#functions tbody tr').focus()")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box["x"], y=box["y"])
    page.wait("!document.getElementById('tooltip').hidden", "the tool tip")
    focused = page.evaluate("document.activeElement.functionName")
    page.evaluate("document.querySelector('[data-seconds=\"300\"]').click()")
    page.wait("!profileViewer.isLoading", "the refresh")
    check(page.evaluate(SHARE) == share, "a refresh keeps the search")
    check(page.evaluate("document.activeElement.functionName") == focused, "and the keyboard's focus")
    check(page.evaluate("!document.getElementById('tooltip').hidden"), "and the tool tip")

    # A server that does not answer is said, the graph stays, and all mends itself.
    problems = list(page.problems)
    offline = dict(latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.call("Network.enable")
    page.call("Network.emulateNetworkConditions", offline=True, **offline)
    page.evaluate("document.querySelector('[data-seconds=\"300\"]').click()")
    page.wait("!document.getElementById('error').hidden", "the error")
    check("does not answer" in page.evaluate("document.getElementById('error').textContent"), "a dead server is said")
    check(page.evaluate("profileViewer.model.header.total > 0"), "and the graph stays")
    page.screenshot(os.path.join(output, f"error{suffix}.png"))
    page.call("Network.emulateNetworkConditions", offline=False, **offline)
    page.wait("document.getElementById('error').hidden", "the end of the error")
    check(True, "and the page mends itself")
    page.evaluate("(r => r.checked && r.click())(document.getElementById('refresh'))")
    page.wait("!profileViewer.isLoading", "the last refresh")
    page.problems = problems
    page.evaluate("document.getElementById('search').focus()")
    page.key("Escape")
    page.wait(f"{SHARE} === ''", "the end of the search")
    page.evaluate("(() => { const s = document.getElementById('search'); s.value = '/[unclosed'; s.dispatchEvent(new Event('input')); })()")
    check(page.evaluate(SHARE) == "invalid expression", "a broken expression is named as such")
    page.evaluate("(() => { const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input')); })()")

    # Keyboard.
    page.evaluate("document.getElementById('graph').focus()")
    for _ in range(3):
        page.key("ArrowDown")
    check(page.evaluate("profileViewer.model.depth[profileViewer.graph.selected]") == 3, "arrow keys walk the boxes")
    check(len(page.evaluate("document.getElementById('announcement').textContent")) > 5, "the chosen box is announced")
    page.key("Enter")
    check(page.evaluate("profileViewer.graph.zoomed > 0"), "Enter zooms")
    page.key("Escape")
    page.key("Escape")

    # Flame direction.
    page.key("i", "i")
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    check(page.evaluate("profileViewer.graph.rowTop(0) > profileViewer.graph.rowTop(1)"), "the graph turns over")
    page.screenshot(os.path.join(output, f"flame{suffix}.png"))
    page.key("i", "i")

    # Filters.
    before = page.evaluate("profileViewer.model.header.total")
    page.evaluate("""(() => { const s = document.getElementById('process');
      s.value = [...s.options].find(o => o.value.startsWith('n')).value; s.dispatchEvent(new Event('change')); })()""")
    page.wait("!profileViewer.isLoading && profileViewer.model.childCount[0] === 1", "one process")
    after = page.evaluate("profileViewer.model.header.total")
    check(0 < after < before, "a process alone has fewer samples", f"{after} of {before}")
    page.evaluate("(() => { const s = document.getElementById('process'); s.value = ''; s.dispatchEvent(new Event('change')); })()")
    page.wait("!profileViewer.isLoading && profileViewer.model.childCount[0] > 1", "all processes")

    # A window by dragging on the timeline.
    area = page.evaluate("(() => { const r = document.getElementById('timeline').getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()")
    y = area[1] + area[3] / 2
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=area[0] + area[2] * 0.55, y=y)
    page.call("Input.dispatchMouseEvent", type="mousePressed", x=area[0] + area[2] * 0.55, y=y, button="left", clickCount=1)
    for part in (0.6, 0.7, 0.8):
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=area[0] + area[2] * part, y=y, button="left", buttons=1)
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=area[0] + area[2] * 0.8, y=y, button="left", clickCount=1)
    page.wait("profileViewer.state.windowSeconds === 0 && !profileViewer.isLoading", "the custom window")
    window = page.evaluate("[profileViewer.state.from, profileViewer.state.to, profileViewer.state.isLive]")
    check(window[0] < window[1] and not window[2], "dragging chooses a window and stops the refresh", f"{window[1] - window[0]} s")

    # An empty window says so, and helps.
    page.evaluate("location.hash = '#from=1000&to=2000'")
    page.wait("profileViewer.state.to === 2000 && !profileViewer.isLoading && !document.getElementById('empty').hidden", "the empty state")
    text = page.evaluate("document.getElementById('empty').textContent")
    check("No samples in this window" in text, "an empty window says what is wrong")
    page.screenshot(os.path.join(output, f"empty{suffix}.png"))
    page.evaluate("document.querySelector('#empty button').click()")
    page.wait("!profileViewer.isLoading && profileViewer.model.header.total > 0", "the newest samples")
    check(page.evaluate("document.getElementById('empty').hidden"), "and leads to the newest samples")

    # Hostile names reached the page, and did nothing.
    page.evaluate("document.querySelector('[data-seconds=\"300\"]').click()")
    page.wait("!profileViewer.isLoading && profileViewer.state.windowSeconds === 300", "the usual window")
    hostile = page.evaluate("profileViewer.model.texts.filter(s => s.includes('onerror=')).length")
    check(hostile > 0, "hostile names are among the data")
    for name in ("onerror=", "<script>", "gnirts", "bell", '"quoted"', "\u05e9", "very_long_", "<img src=x onerror=window"):
        page.evaluate(f"(() => {{ const s = document.getElementById('search'); s.value = {json.dumps(name)}; s.dispatchEvent(new Event('input')); }})()")
        page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        node = page.evaluate(f"(() => {{ const m = profileViewer.model; for (let i = 1; i < m.count; i++) if (m.describe(i).name.includes({json.dumps(name)})) return i; }})()")
        page.evaluate(f"profileViewer.graph.zoom({node})")
        page.evaluate(f"profileViewer.graph.select({node})")
        time.sleep(0.05)
        if name == "very_long_":
            check(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long name makes nothing wider")
            box = page.evaluate("(r => [r.left, r.top, r.right, r.bottom])(document.getElementById('tooltip').getBoundingClientRect())")
            check(box[0] >= 0 and box[1] >= 0 and box[2] <= 1600 and box[3] <= 1000, "its tool tip stays in the window", str(box))
    page.screenshot(os.path.join(output, f"hostile{suffix}.png"))
    options = page.evaluate("[...document.getElementById('process').options].map(o => o.textContent)")
    check(any("<img src=x onerror=window.hostile=1>" in text for text in options), "a hostile process is offered as text")
    check(page.evaluate("window.hostile === undefined"), "no hostile name ran")
    check(page.evaluate("document.querySelectorAll('img').length") == 1 and page.evaluate("document.querySelectorAll('script').length") == 1,
          "no hostile name became an element")
    check(page.evaluate("![...document.querySelectorAll('body *')].some(e => e.children.length === 0 && /[\\u202a-\\u202e\\u2066-\\u2069\\u0007]/.test(e.textContent))"),
          "no control character is shown as it is")
    page.evaluate("(() => { profileViewer.graph.select(-1); profileViewer.graph.zoom(0); const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input')); })()")

    # Time to draw, for the record: a zoom step by step over the whole graph, redrawn at each.
    times = page.evaluate("""(() => { const g = profileViewer.graph, m = profileViewer.model, all = [];
      for (let i = 0; i < 60; i++) { const part = 0.5 - i / 130, whole = m.total[0];
        g.from = whole * (0.5 - part); g.to = whole * (0.5 + part); g.animation = null;
        const t = performance.now(); g.draw(t); g.painter.context.getImageData(0, 0, 1, 1); all.push(performance.now() - t); }
      g.zoom(0); all.sort((a, b) => a - b); return {median: all[30], p95: all[57], most: all[59], nodes: m.count}; })()""")
    print(f"        redraw of {times['nodes']} boxes: median {times['median']:.1f} ms, 95 % {times['p95']:.1f} ms, most {times['most']:.1f} ms")
    layout = page.evaluate("(() => { const m = profileViewer.model, t = performance.now(); m.functionTotals(0); return performance.now() - t; })()")
    print(f"        function totals: {layout:.1f} ms")
    check(page.problems == [], "no script error and nothing blocked", "; ".join(page.problems))


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    url, output = arguments
    os.makedirs(output, exist_ok=True)
    with chromium.tab() as page:
        run(page, url, output, "--dark" in sys.argv)
    sys.exit(1 if failures else 0)


main()
