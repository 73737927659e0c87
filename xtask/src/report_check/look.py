"""Opens a page in Chromium through chromedriver and says what is wrong with it.

    look.py CHROMEDRIVER CHROMIUM PAGE [--shots DIR]

Needs nothing but Python. Prints one line for each fault and ends with 1 if there is any. Faults are: a message on the
console, a request for anything but the page, a text that does not fit into its box or its picture, texts of a picture
that lie on each other, a page that is wider than the screen, an element that a name points to and that is not there,
and text of too little contrast.
"""

import argparse
import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

WIDTHS = [390, 820, 1400]
SCHEMES = ["light", "dark"]
# Pixels of the page in a picture of it.
PIECE = 1800
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

FAULTS = """
const faults = [];
const name = (e) => {
  const picture = e.closest('figure');
  const where = picture ? picture.querySelector('figcaption').textContent + ': ' : '';
  return where + '<' + e.tagName.toLowerCase() + '> ' + JSON.stringify(e.textContent.trim().slice(0, 60));
};
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) faults.push(`the page is ${page.scrollWidth} px wide, the screen ${page.clientWidth}`);
// Pictures: every text lies within its picture, and on no other text.
for (const svg of document.querySelectorAll('svg')) {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map((t) => [t, t.getBoundingClientRect()]);
  for (const [t, r] of texts) {
    if (r.left < box.left - 0.5 || r.right > box.right + 0.5 || r.top < box.top - 0.5 || r.bottom > box.bottom + 0.5)
      faults.push('text leaves its picture: ' + name(t));
    if (parseFloat(getComputedStyle(t).fontSize) * box.width / svg.viewBox.baseVal.width < 9.5)
      faults.push('text of a picture is smaller than 9.5 px: ' + name(t));
  }
  for (let i = 0; i < texts.length; i++)
    for (let j = 0; j < i; j++) {
      const [a, b] = [texts[i][1], texts[j][1]];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) faults.push('texts lie on each other: ' + name(texts[i][0]) + ' and ' + name(texts[j][0]));
    }
}
// Everything else: no text is wider than what holds it, unless that scrolls.
for (const e of document.querySelectorAll('h1,h2,h3,p,li,a,figcaption,summary,th,td,caption,code,button')) {
  if (!e.checkVisibility() || e.closest('.skip')) continue;
  if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline') faults.push('text leaves its box: ' + name(e));
  const scrolls = e.closest('.table,pre');
  const r = e.getBoundingClientRect();
  if (!scrolls && (r.right > page.clientWidth + 0.5 || r.left < -0.5)) faults.push('text leaves the screen: ' + name(e));
}
for (const e of document.querySelectorAll('[aria-labelledby]'))
  for (const id of e.getAttribute('aria-labelledby').split(' '))
    if (!document.getElementById(id)) faults.push(`nothing has the id ${id}`);
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
if (new Set(ids).size !== ids.length) faults.push('an id is there twice');
for (const a of document.querySelectorAll('a[href^="#"]'))
  if (!document.getElementById(a.getAttribute('href').slice(1))) faults.push('a link leads nowhere: ' + a.href);
for (const svg of document.querySelectorAll('svg'))
  for (const e of svg.querySelectorAll('[clip-path]'))
    if (!svg.querySelector(e.getAttribute('clip-path').slice(4, -1))) faults.push('a picture is clipped by what is not in it');
// WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for marks.
const rgb = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
const luminance = (c) => {
  const [r, g, b] = rgb(c).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
const paper = getComputedStyle(document.body).backgroundColor;
const seen = new Set();
const need = (e, colour, least) => {
  if (colour === 'none' || seen.has(colour + least)) return;
  seen.add(colour + least);
  const found = contrast(colour, paper);
  if (found < least) faults.push(`${colour} on ${paper} has a contrast of ${found.toFixed(2)}, expected ${least}: ` + name(e));
};
for (const e of document.querySelectorAll('h1,h2,h3,p,li,a,figcaption,summary,th,td,caption,code')) need(e, getComputedStyle(e).color, 4.5);
for (const e of document.querySelectorAll('svg text')) need(e, getComputedStyle(e).fill, 4.5);
for (const e of document.querySelectorAll('svg circle, svg rect, svg polygon, svg path'))
  if (!e.closest('clipPath,defs')) need(e, getComputedStyle(e).fill, 3);
const counts = {pictures: document.querySelectorAll('svg').length, texts: document.querySelectorAll('svg text').length,
  sections: document.querySelectorAll('section').length, tables: document.querySelectorAll('table').length};
return {faults, counts};
"""


class Driver:
    def __init__(self, chromedriver, chromium, profile):
        self.process = subprocess.Popen(
            [chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.process.stdout:
            if "started successfully on port" in line:
                self.url = f"http://127.0.0.1:{line.rsplit(' ', 1)[1].strip().rstrip('.')}"
                break
        else:
            raise SystemExit("chromedriver did not start")
        flags = FLAGS + [f"--user-data-dir={profile}"]
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": shutil.which(chromium) or chromium, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        try:
            session = self.post("/session", {"capabilities": {"alwaysMatch": capabilities}})
        except BaseException:
            self.process.kill()
            raise
        self.url += f"/session/{session['sessionId']}"

    def post(self, path, body):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"chromedriver refused {path}: {error.read().decode()[:600]}") from error

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script):
        return self.post("/execute/sync", {"script": script, "args": []})

    def log(self, kind):
        return self.post("/se/log", {"type": kind})

    def quit(self):
        try:
            request = urllib.request.Request(self.url, method="DELETE")
            urllib.request.urlopen(request, timeout=30).close()
        finally:
            self.process.terminate()
            self.process.wait(timeout=30)


def requests(driver, page):
    """What was asked of the network, but for the page itself and what it carries."""
    for entry in driver.log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if url != page and not url.startswith(("data:", "chrome:", "about:")):
                yield url


def shoot(driver, path, width):
    """The page in pieces that can be looked at."""
    height = driver.run("return document.documentElement.scrollHeight")
    for number, top in enumerate(range(0, height, PIECE)):
        clip = {"x": 0, "y": top, "width": width, "height": min(PIECE, height - top), "scale": 1}
        picture = driver.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        pathlib.Path(f"{path}-{number:02}.png").write_bytes(base64.b64decode(picture["data"]))


def look(driver, page, shots):
    faults, counts = [], {}
    for scheme in SCHEMES:
        for width in WIDTHS:
            driver.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
            driver.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            driver.post("/url", {"url": page})
            where = f"{width} px, {scheme}"
            for open_ in (False, True):
                state = "true" if open_ else "false"
                driver.run(f"for (const d of document.querySelectorAll('details')) d.open = {state};")
                found = driver.run(FAULTS)
                counts = found["counts"]
                faults += [f"{where}: {fault}" for fault in found["faults"]]
                if shots and not open_:
                    shoot(driver, shots / f"{width}-{scheme}", width)
            faults += [f"{where}: asked the network for {url}" for url in requests(driver, page)]
            faults += [f"{where}: console: {entry['message']}" for entry in driver.log("browser")]
    if shots:
        driver.run("for (const d of document.querySelectorAll('figure details')) d.open = false;")
        printed = driver.devtools("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        (shots / "print.pdf").write_bytes(base64.b64decode(printed["data"]))
    return faults, counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("chromedriver")
    parser.add_argument("chromium")
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path)
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="grace-report-check-")
    driver = Driver(options.chromedriver, options.chromium, profile)
    try:
        begin = time.monotonic()
        faults, counts = look(driver, options.page.resolve().as_uri(), options.shots)
        seconds = time.monotonic() - begin
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
    for fault in dict.fromkeys(faults):
        print(fault)
    shown = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"{options.page.name}: {shown}; {len(WIDTHS)} widths, {len(SCHEMES)} schemes, {seconds:.0f} s")
    raise SystemExit(1 if faults else 0)


main()
