#!/usr/bin/env python3
"""Clicks through the profile viewer's page in headless Chromium and checks what it shows.

    click-through.py URL OUTPUT-DIRECTORY [--dark]

Needs only Chromium and Python's standard library. Speaks the DevTools protocol over a small web socket client. Prints
one line per check, writes screenshots to the output directory, and exits with 1 when a check fails.
"""
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request


class WebSocket:
    """A text-only client, enough for DevTools: no extensions, no fragments on the way out."""

    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.receive_some()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head

    def receive_some(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("Chromium closed the connection")
        return data

    def take(self, count):
        while len(self.buffer) < count:
            self.buffer += self.receive_some()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        length = len(data)
        if length < 126:
            head = struct.pack("!BB", 0x81, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x81, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x81, 0x80 | 127, length)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        message = b""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", self.take(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.take(8))[0]
            payload = self.take(length)
            if first & 0x0F in (0, 1):
                message += payload
                if first & 0x80:
                    return message.decode()
            elif first & 0x0F == 8:
                raise ConnectionError("Chromium closed the connection")


class Page:
    """One tab."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.problems = []

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("method") == "Runtime.exceptionThrown":
                self.problems.append(answer["params"]["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.problems.append(answer["params"]["entry"]["text"] + " " + answer["params"]["entry"].get("url", ""))
            elif answer.get("method") == "Page.javascriptDialogOpening":
                self.problems.append("a dialog opened: " + answer["params"]["message"])
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.evaluate(expression):
                return
            time.sleep(0.05)
        raise RuntimeError(f"waited {seconds} s in vain for {what}")

    def click(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name, text=""):
        codes = {"Escape": 27, "Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39}
        parameters = {"key": name, "windowsVirtualKeyCode": codes.get(name, ord(name[0]))}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


def start_chromium(profile):
    program = next((p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), None)
    if program is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    process = subprocess.Popen(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}",
         "--window-size=1600,1000", "--hide-scrollbars", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 60
    port_file = os.path.join(profile, "DevToolsActivePort")
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"Chromium ended with {process.returncode}")
        try:
            with open(port_file) as file:
                port = int(file.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                for target in json.load(answer):
                    if target["type"] == "page":
                        return process, WebSocket(target["webSocketDebuggerUrl"])
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    process.kill()
    sys.exit("Chromium did not open its debugging port")


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
    for domain in ("Page", "Runtime", "Log"):
        page.call(f"{domain}.enable")
    page.call("Emulation.setDeviceMetricsOverride", width=1600, height=1000, deviceScaleFactor=1, mobile=False)
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"}]
    page.call("Emulation.setEmulatedMedia", features=features)
    page.call("Page.navigate", url=url + "#live=0")
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
    hostile = page.evaluate("profileViewer.model.header.strings.filter(s => s.includes('onerror=')).length")
    check(hostile > 0, "hostile names are among the data")
    for name in ("onerror=", "<script>", "gnirts", "bell"):
        page.evaluate(f"(() => {{ const s = document.getElementById('search'); s.value = {json.dumps(name)}; s.dispatchEvent(new Event('input')); }})()")
        page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        node = page.evaluate(f"(() => {{ const m = profileViewer.model; for (let i = 1; i < m.count; i++) if (m.describe(i).name.includes({json.dumps(name)})) return i; }})()")
        page.evaluate(f"profileViewer.graph.zoom({node})")
        page.evaluate(f"profileViewer.graph.select({node})")
        time.sleep(0.05)
    page.screenshot(os.path.join(output, f"hostile{suffix}.png"))
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
        const t = performance.now(); g.draw(t); g.context.getImageData(0, 0, 1, 1); all.push(performance.now() - t); }
      g.zoom(0); all.sort((a, b) => a - b); return {median: all[30], p95: all[57], most: all[59], nodes: m.count}; })()""")
    print(f"        redraw of {times['nodes']} boxes: median {times['median']:.1f} ms, 95 % {times['p95']:.1f} ms, most {times['most']:.1f} ms")
    layout = page.evaluate("(() => { const m = profileViewer.model, t = performance.now(); m.functionTotals(0); return performance.now() - t; })()")
    print(f"        function totals: {layout:.1f} ms")
    check(page.problems == [], "no script error and nothing blocked", "; ".join(page.problems))


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    url, output = arguments
    os.makedirs(output, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="viewer-page-")
    process, socket = start_chromium(profile)
    try:
        run(Page(socket), url, output, "--dark" in sys.argv)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)
    sys.exit(1 if failures else 0)


main()
