"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional

from websockets.sync.client import connect

from .program import DEADLINE

#: What Chromium is called where it is installed.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable() -> Optional[str]:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One browser with one page; a context, after which both and their files are gone."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="par-browser-")
        self._process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-default-apps", "--disable-sync", "--metrics-recording-only", "--mute-audio",
                "--remote-debugging-port=0", f"--user-data-dir={self._folder.name}", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._number = 0
        self._session: Optional[str] = None
        #: Messages of the browser's own accord, the oldest first.
        self.events: list[dict[str, Any]] = []
        for line in self._process.stderr:
            if "DevTools listening on " in line:
                address = line.split("DevTools listening on ")[1].strip()
                break
        else:
            raise RuntimeError(f"{program} ended before it could be driven")
        self._connection = connect(address, max_size=None, open_timeout=DEADLINE)
        self._socket = self._connection.__enter__()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._session = None
            self.call("Browser.close")
            self._connection.__exit__(None, None, None)
            self._process.wait(DEADLINE)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stderr.close()
            self._folder.cleanup()

    def _receive(self) -> dict[str, Any]:
        return json.loads(self._socket.recv(timeout=DEADLINE))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while (answer := self._receive()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def wait_for(self, method: str) -> None:
        """Waits for an event, if there was none since `events` was cleared."""
        while all(event.get("method") != method for event in self.events):
            self.events.append(self._receive())

    def open(self, path: Path | str, fragment: str = "") -> None:
        """Opens a file or an address."""
        # A page that is open already would only be scrolled.
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.wait_for("Page.loadEventFired")
        self.events.clear()
        self.call("Page.navigate", url=(path if isinstance(path, str) else path.resolve().as_uri()) + fragment)
        self.wait_for("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is, once its promise is kept."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = DEADLINE) -> None:
        """Waits until an expression is true, which is looked at whenever the page has changed."""
        held = self.value(
            "new Promise(done => { const holds = () => { try { return " + expression + "; } catch { return false; } };"
            " if (holds()) return done(true);"
            " const look = () => { if (holds()) end(true); };"
            " const observer = new MutationObserver(look);"
            " const end = value => { observer.disconnect(); clearInterval(timer); clearTimeout(last); done(value); };"
            " observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});"
            f" const timer = setInterval(look, 100), last = setTimeout(() => end(holds()), {seconds * 1000}); }})"
        )
        assert held, f"{seconds} s passed without {expression}\n" + self.value("[...document.querySelectorAll('dialog[open]'), document.body].map(e => e.innerText).join('\\n\\n')")[:3000]

    def write(self, text: str) -> None:
        """Puts a text where the focus is."""
        self.call("Input.insertText", text=text)
        self.drawn()

    def drawn(self) -> None:
        """Waits until what was asked for is on the screen."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def size(self, width: int, height: int, scale: float = 1, *, mobile: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=mobile,
        )  # fmt: skip
        self.drawn()

    def prefers(self, colours: str) -> None:
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": colours}],
        )
        self.drawn()

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        if key == "Tab":
            text = {"windowsVirtualKeyCode": 9}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **(text if kind == "keyDown" else {}))
        self.drawn()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        box = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, *box, button="left", clickCount=1)
        self.drawn()

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def troubles(self) -> list[Any]:
        """Errors and warnings that the browser had with the page, and what it asked the network for."""
        found: list[Any] = []
        for event in self.events:
            facts = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    found.append(facts["exceptionDetails"])
                case "Runtime.consoleAPICalled":
                    found.append(facts["args"])
                case "Log.entryAdded":
                    found.append(facts["entry"])
                case "Network.requestWillBeSent" if facts["type"] != "Document":
                    found.append(facts["request"]["url"])
        return found


