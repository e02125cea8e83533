"""What a person sees: mitmweb in a real Chromium, mitmproxy's console in a real terminal. Pictures of it go to out/screenshots/."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.clients import Client1, dial
from e2e.routes import API, JSON, REQUEST
from e2e.wire import Answer, eventually, upstream
from healthy_streams import CHAT_TEXT, CHAT_TOOL, chunk
from processes import ENTRY, HOST, REPOSITORY, mitmdump, reverse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.wire import Script, Upstream
    from processes import Mitmdump

pytestmark = pytest.mark.e2e

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PICTURES = REPOSITORY / "out" / "screenshots"
STREAM = "content-type: text/event-stream"
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \x1b[31m\u202eevil"
SPLICED = CHAT_TEXT[2].removesuffix(b"\n")
"""A frame without its blank line."""
WAIT = 30_000
"""Milliseconds."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    api = pytest.importorskip("playwright.sync_api")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"])
        yield running
        running.close()


class Web:
    """A mitmweb in front of a scripted upstream."""

    def __init__(self, proxy: Mitmdump, server: Upstream, port: int) -> None:
        self.proxy, self._server, self._port = proxy, server, port
        self._count = 0

    def ask(self, script: Script) -> tuple[Client1, str]:
        """Send a request that the script answers. Returns the client, and the page that shows the answer."""
        self._count += 1
        path = self._server.script(f"case-{self._count}", script) + API
        client = Client1(dial(self.proxy.port))
        client.request("POST", HOST, path, JSON, REQUEST)
        flow = eventually(lambda: next((one["flow"] for one in self.proxy.records() if one.get("path") == path), None), "the flow")
        return client, f"http://{HOST}:{self._port}/?token=pw#/flows/{flow}/response"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    port = free_port()
    options = {"web_port": str(port), "web_password": "pw", "web_open_browser": "false"}
    with upstream() as server, mitmdump(reverse(server.port), options=options, tool="mitmweb") as proxy:
        yield Web(proxy, server, port)


@contextlib.contextmanager
def page_of(browser: Any, url: str) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    yield page
    assert all(HOST in one or one.startswith(("data:", "blob:", "file:")) for one in asked), "nothing is asked of others"
    assert page.title() != "owned"
    page.close()


def wait_for(page: Any, text: str) -> None:
    page.wait_for_function("text => document.body.innerText.includes(text)", arg=text, timeout=WAIT)


def test_the_text_of_an_open_stream_grows_in_the_browser_and_damage_is_marked(web: Web, browser: Any) -> None:
    go_on = threading.Semaphore(0)

    def slow(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(CHAT_TEXT[0] + CHAT_TEXT[1])
        for frames in (CHAT_TEXT[2:4], (SPLICED, *CHAT_TEXT[4:])):
            assert go_on.acquire(timeout=60)
            answer.send(b"".join(frames))
        answer.end()

    client, url = web.ask(slow)
    with page_of(browser, url) as page:
        wait_for(page, "OpenAI Chat Completions")
        wait_for(page, "still open")
        assert "tide" not in page.inner_text("body").partition("── answer")[2].partition("── frames")[0]
        go_on.release()
        wait_for(page, "High tide in")
        page.screenshot(path=PICTURES / "mitmweb-open.png")
        go_on.release()
        wait_for(page, "1. repaired missing_blank_line")
        wait_for(page, "🔧")
        page.screenshot(path=PICTURES / "mitmweb-repaired.png")
    client.read_all()


def test_a_damaged_and_a_tool_calling_stream_are_shown_as_they_were(web: Web, browser: Any) -> None:
    client, url = web.ask(lambda answer: answer.stream(*CHAT_TEXT[:4]))
    client.read_all()
    with page_of(browser, url) as page:
        wait_for(page, "[error] Resplice: the upstream's stream broke")
        wait_for(page, "1. lost answer_incomplete")
        wait_for(page, "❌")
        page.screenshot(path=PICTURES / "mitmweb-failed.png")
    client, url = web.ask(lambda answer: answer.stream(*CHAT_TOOL))
    client.read_all()
    with page_of(browser, url) as page:
        wait_for(page, "[tool call] get_tide")
        wait_for(page, '"port": "Lisbon",')
        page.screenshot(path=PICTURES / "mitmweb-tool-call.png")
        page.goto(url.replace("/response", "/request"))
        wait_for(page, "── user ─")


def test_what_a_model_writes_is_harmless_in_the_browser(web: Web, browser: Any) -> None:
    hostile = (CHAT_TEXT[0], chunk({"content": HOSTILE}), b"data: {" + HOSTILE.encode() + b"\n\n")
    client, url = web.ask(lambda answer: answer.stream(*hostile))
    client.read_all()
    with page_of(browser, url) as page:
        wait_for(page, "<script>document.title")
        wait_for(page, "<U+202E>evil")
        page.screenshot(path=PICTURES / "mitmweb-hostile.png")


def test_the_report_is_a_page_that_shows_itself_without_anything_from_outside(web: Web, browser: Any, tmp_path: Path) -> None:
    client, _ = web.ask(lambda answer: answer.stream(*CHAT_TEXT[:4], b"data: {" + HOSTILE.encode() + b"\n\n"))
    client.read_all()
    eventually(lambda: [one for one in web.proxy.records() if one["type"] == "stream.close"], "a stream's end")
    target = tmp_path / "report.html"
    command = [sys.executable, "-m", "resplice.cli.main", "report", str(web.proxy.log_path), "--html", str(target)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "addons")}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    with page_of(browser, target.as_uri()) as page:
        wait_for(page, "Resplice report")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.screenshot(path=PICTURES / "report.png", full_page=True)


# -- the console


class Terminal:
    """A program in a terminal of 160 columns and 50 lines."""

    def __init__(self, command: list[str]) -> None:
        pyte = pytest.importorskip("pyte")
        self.screen = pyte.Screen(160, 50)
        self._stream = pyte.ByteStream(self.screen)
        self._fd, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        environment = os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True)
        os.close(end)

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """What is on the screen, once it matches."""
        deadline = time.monotonic() + WAIT / 1000
        while time.monotonic() < deadline:
            if select.select([self._fd], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    self._stream.feed(os.read(self._fd, 65536))
            if re.search(pattern, text := "\n".join(self.screen.display)):
                return text
        raise AssertionError(f"{pattern!r} never came:\n{text}")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)


def test_the_console_shows_a_stream_while_it_grows(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slow(answer: Answer) -> None:
        answer.head(STREAM)
        answer.send(b"".join(CHAT_TEXT[:3]))
        assert go_on.wait(60)
        answer.send(SPLICED + b"".join(CHAT_TEXT[3:]))
        answer.end()

    port = free_port()
    with upstream() as server:
        path = server.script("slow", slow) + API
        settings = (f"confdir={tmp_path}", f"listen_port={port}", f"listen_host={HOST}", f"resplice_log={tmp_path}/log.jsonl")
        sets = [word for one in settings for word in ("--set", one)]
        run = "from mitmproxy.tools.main import mitmproxy; mitmproxy()"
        terminal = Terminal([sys.executable, "-c", run, "--mode", reverse(server.port), "-s", str(ENTRY), *sets])
        try:
            terminal.wait_for(r"Flows|\[reverse")
            client = eventually(lambda: _connected(port), "the proxy")
            client.request("POST", HOST, path, JSON, REQUEST)
            terminal.wait_for("POST")
            terminal.type("\r\x1b[C")  # open the flow, go to the response
            assert "still open" in terminal.wait_for("High tide")
            go_on.set()
            text = terminal.wait_for("1. repaired missing_blank_line")
            assert "\u202e" not in text
            PICTURES.mkdir(parents=True, exist_ok=True)
            (PICTURES / "console.txt").write_text("\n".join(line.rstrip() for line in terminal.screen.display) + "\n", "utf-8")
            client.read_all()
        finally:
            go_on.set()
            terminal.end()


def _connected(port: int) -> Client1 | None:
    try:
        return Client1(dial(port))
    except OSError:
        return None
