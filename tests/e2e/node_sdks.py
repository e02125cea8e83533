"""The real Node SDKs, in one long-lived process that takes jobs line by line: far quicker than a process for each."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from sdk_answers import TIMEOUT, Answer, Client, Failure, SdkError, Tool

FOLDER: Final = Path(__file__).resolve().parent / "node"
TOOLS: Final = ["f", "g", "look", "get_tide", "get_weather"]
"""Names of the tools in our streams: the AI SDK takes a call of any other for an error."""


def absence() -> str:
    """Why the Node SDKs can't be driven, in a word; empty if they can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    return "" if (FOLDER / "node_modules" / "openai").is_dir() else "the Node SDKs are not installed: make node"


def versions() -> list[str]:
    """Names and versions of the packages that are driven."""
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]
    installed = {name: FOLDER / "node_modules" / name / "package.json" for name in wanted}
    return [f"{name} {json.loads(path.read_text('utf-8'))['version']}" for name, path in installed.items()]


class Node:
    """The process. Jobs may come from any thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._ids = itertools.count()

    def ask(self, client: str, base_url: str, model: str) -> Answer:
        """Send one job; return the answer. Raises SdkError with what the SDK raised."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = future
            job = {"id": number, "client": client, "url": base_url, "model": model, "tools": TOOLS}
            stdin = self._running().stdin
            assert stdin is not None
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
        result = future.result(2 * TIMEOUT)
        if failure := result.get("failure"):
            raise SdkError(Failure(**failure))
        return _answer(result["answer"])

    def close(self) -> None:
        """End the process. The next job starts another one."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.stdin.close()  # type: ignore[union-attr] # it is a pipe
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["node", FOLDER / "clients.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        return self._process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            result = json.loads(line)
            self._waiting.pop(result["id"]).set_result(result)
        for future in list(self._waiting.values()):
            future.set_exception(RuntimeError(f"node ended with status {process.wait()}"))


def _answer(found: dict[str, Any]) -> Answer:
    usage = found["usage"]
    tools = [Tool(**tool) for tool in found["tools"]]
    return Answer(found["text"], found["reasoning"], tools, found["stop"], tuple(usage) if usage else None)


NODE: Final = Node()


def _client(name: str, dialect: str) -> Client:
    return Client(name, dialect, lambda base_url, model: NODE.ask(name, base_url, model))


CLIENTS: Final = (
    _client("openai-node chat", "openai-chat"),
    _client("openai-node chat .stream()", "openai-chat"),
    _client("ai @ai-sdk/openai chat", "openai-chat"),
    _client("ai @ai-sdk/openai-compatible", "openai-chat"),
    _client("openai-node responses", "openai-responses"),
    _client("openai-node responses .stream()", "openai-responses"),
    _client("ai @ai-sdk/openai responses", "openai-responses"),
    _client("anthropic-node", "anthropic-messages"),
    _client("anthropic-node .stream()", "anthropic-messages"),
    _client("ai @ai-sdk/anthropic", "anthropic-messages"),
    _client("@google/genai", "gemini"),
)
