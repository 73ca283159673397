# SPDX-License-Identifier: GPL-2.0-only
# Pages in a real browser: PROGRAM is a Chromium, told what to do over a pipe by the DevTools
# protocol. Writes TAP. FOLDER has the pages that browser.sh makes.
import fcntl, json, os, subprocess, sys, tempfile

program, folder = sys.argv[1:]
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Escape": 27}


class Browser:
    def __init__(self, profile):
        (to_child, self.to), (self.back, from_child) = os.pipe(), os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_child, from_child)]
        self.child = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", "--user-data-dir=" + profile, "about:blank"],
            preexec_fn=lambda: [os.dup2(high[i], 3 + i) for i in (0, 1)], pass_fds=(3, 4),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_child, from_child, *high):
            os.close(fd)
        self.pending, self.number, self.session, self.events = b"", 0, None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.send(domain + ".enable")

    def message(self):
        while b"\0" not in self.pending:
            data = os.read(self.back, 1 << 16)
            if not data:
                sys.exit("Bail out! the browser ended")
            self.pending += data
        text, self.pending = self.pending.split(b"\0", 1)
        return json.loads(text)

    def send(self, method, **params):
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.to, json.dumps(command).encode() + b"\0")
        while True:
            m = self.message()
            if m.get("id") == self.number:
                if "error" in m:
                    raise AssertionError(f"{method}: {m['error']}")
                return m["result"]
            self.events.append(m)

    # The page of that name, loaded anew.
    def open(self, name):
        self.send("Page.navigate", url="about:blank")
        self.events = [e for e in self.events if e.get("method") != "Page.loadEventFired"]
        self.send("Page.navigate", url=f"file://{folder}/{name}")
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())
        self.get("new Promise(done => setTimeout(done, 0))")

    def get(self, expression):
        r = self.send("Runtime.evaluate", expression=expression, returnByValue=True,
                      awaitPromise=True)
        if "exceptionDetails" in r:
            raise AssertionError(f"{expression}: {r['exceptionDetails']}")
        return r["result"].get("value")

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=KEYS[key])

    def click(self, selector, shift=False):
        x, y = self.get(f"(r => [r.x + r.width / 2, r.y + r.height / 2])("
                        f"document.querySelector({json.dumps(selector)}).getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1, modifiers=8 if shift else 0)

    def size(self, width):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.send("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])


def same(got, wanted):
    assert got == wanted, f"{got!r}, expected {wanted!r}"


def count():
    return b.get("document.querySelector('section:not([hidden]) .count').textContent")


def slider():
    b.open("runs.html")
    same(count(), "1/13")
    b.get("document.querySelector('input').focus()")
    b.key("ArrowRight")
    b.key("ArrowRight")
    same(count(), "3/13")
    b.click("input")
    same(count(), "7/13")
    assert "memfd_create" not in b.get("document.querySelector('.said').textContent")


def keys():
    b.open("runs.html")
    for _ in range(11):
        b.key("ArrowRight")
    same(count(), "12/13")
    same(b.get("location.hash"), "#run=1&step=12")
    assert "-EIO" in b.get("document.querySelector('.said').textContent")
    b.key("ArrowLeft")
    same(count(), "11/13")


# A link leads to the step: its dot, its line of the source, and what it made of the state.
def permalink():
    b.open("runs.html#run=1&step=10")
    same(count(), "10/13")
    here = b.get("[...document.querySelectorAll('.source .here')].map(e => e.textContent).join()")
    assert "retrieve_fd(vm0, 0xA)" in here, here
    same(b.get("document.querySelector('circle.now').textContent"), "line 20")
    state = b.get("[...document.querySelectorAll('.state .here')].map(e => e.textContent).join()")
    assert "folio 0x6: restored" in state, state


def race():
    b.open("runs.html")
    shown = ("[...document.querySelectorAll('section[data-race]:not([hidden])')]"
             ".map(s => s.dataset.verdict).join('|')")
    same(b.get(shown), "stolen lost: 945 schedules, such as admin*7,vmm*4,admin")
    b.get("(s => { s.selectedIndex = 1; s.dispatchEvent(new Event('change')); })("
          "document.querySelector('section[data-race] select'))")
    assert b.get(shown).startswith("clean: 19860 "), b.get(shown)
    same(b.get("location.hash"), "#run=3&step=1")


# Two cells beside each other, and in both the first step that is not the same.
def beside():
    wanted = ["preserve_fd(vm0, mem, 0xb)                 = 0",
              "preserve_fd(vm0, mem, 0xb)                 = -EBUSY"]
    marks = """['trace', 'second'].map(id =>
        document.querySelector('#' + id + ' .mark').textContent.replace(/^ *14 +/, ''))"""
    b.open("compare.html")
    b.click("tr[data-row] button")
    b.click("tr[data-row] td:nth-child(3) button", shift=True)
    same(b.get(marks), wanted)
    link = b.get("location.hash")
    b.open("compare.html" + link)
    same(b.get(marks), wanted)
    b.key("Escape")
    same(b.get("document.getElementById('panel').hidden"), True)


def graph():
    b.open("graph.html")
    b.key("ArrowDown")
    b.key("ArrowRight")
    same(b.get("location.hash"), "#state=2")
    b.click("#side ul button")
    same(b.get("document.querySelector('.chosen').classList.contains('broken')"), True)
    ways = b.get("document.querySelectorAll('path.way').length")
    assert ways > 0 and b.get("document.querySelectorAll('#side ol li').length") > 1
    b.key("ArrowUp")
    same(b.get("document.querySelector('.chosen').classList.contains('broken')"), False)


PAGES = ("runs.html", "compare.html#dup-token%2Fnone&dup-token%2Fget-id", "graph.html",
         "wide.html")

# Of all text, WCAG's contrast with the page behind it.
CONTRAST = """(() => {
    const rgb = c => c.match(/[\\d.]+/g).map(Number);
    const light = c => rgb(c).slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 :
        ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
    const behind = e => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor;
        if (rgb(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
    const bad = new Set();
    for (const e of document.querySelectorAll('text, span, td, th, p, h2, pre, li, b')) {
        const style = getComputedStyle(e), svg = e.closest('svg');
        const ink = light(svg ? style.fill : style.color);
        const page = light(behind(svg ? svg.parentElement : e));
        const ratio = (Math.max(ink, page) + .05) / (Math.min(ink, page) + .05);
        if (e.textContent.trim() && ratio < 4.5) bad.add(e.className.baseVal ?? e.className);
    }
    return [...bad].join();
})()"""


def schemes():
    ground = {}
    for name in ("light", "dark"):
        b.scheme(name)
        for page in PAGES:
            b.open(page)
            ground[name] = b.get("getComputedStyle(document.body).backgroundColor")
            same(b.get(CONTRAST), "")
    b.scheme("light")
    assert ground["light"] != ground["dark"], ground


# No page is wider than the window; no text of a picture is cut or lies on a bar or other text.
def widths():
    for width in (400, 800, 1280, 1600):
        b.size(width)
        for page in PAGES:
            b.open(page)
            wide = b.get("document.documentElement.scrollWidth")
            assert wide <= width, f"{page}: {wide} in {width} pixels"
    same(b.get("""(() => {
        const bad = [];
        for (const svg of document.querySelectorAll('.picture svg')) {
            const all = [...svg.querySelectorAll('text:not([transform])')].map(t => [t.getBBox(), t]);
            const bars = [...svg.querySelectorAll('rect.used, rect.kept, rect.over, rect.back, rect.lost')]
                .map(r => r.getBBox()).filter(r => r.height > 12);
            const meet = (r, s) => r.x < s.x + s.width - 1 && s.x < r.x + r.width - 1 &&
                r.y + 3 < s.y + s.height - 3 && s.y + 3 < r.y + r.height - 3;
            /* Labels lie askew, each in a box that has the next one's, too. */
            for (const label of svg.querySelectorAll('text[transform]'))
                if (all.some(([, t]) => meet(label.getBoundingClientRect(),
                                             t.getBoundingClientRect())))
                    bad.push(label.textContent);
            all.forEach(([r, t], i) => {
                if (r.x < 0 || r.x + r.width > svg.viewBox.baseVal.width ||
                    bars.some(s => meet(r, s)) || all.some(([s], j) => j > i && meet(r, s)))
                    bad.push(t.textContent);
            });
        }
        return bad.join('|');
    })()"""), "")


def quiet():
    for e in b.events:
        method, params = e.get("method"), e.get("params", {})
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            assert url.startswith((f"file://{folder}/", "data:", "about:")), url
        assert method not in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"), e
        assert method != "Log.entryAdded" or params["entry"]["level"] != "error", e


CHECKS = [(slider, "the slider goes through the steps"), (keys, "so do keys"),
          (permalink, "a link leads to a step"), (race, "a schedule of a race can be chosen"),
          (beside, "two cells beside each other"), (graph, "states of a small world"),
          (schemes, "light and dark, with contrast"), (widths, "nothing is cut or overlaps"),
          (quiet, "no console error, and no request to anywhere")]

with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    b = Browser(profile)
    b.size(1280)
    b.scheme("light")
    for number, (check, name) in enumerate(CHECKS, 1):
        try:
            check()
            print(f"ok {number} - {name}", flush=True)
        except AssertionError as error:
            print(f"not ok {number} - {name}\n# " + str(error).replace("\n", "\n# "), flush=True)
    print(f"1..{len(CHECKS)}")
    b.session = None
    b.send("Browser.close")
    b.child.wait()
