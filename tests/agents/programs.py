"""Coding agents as their users run them: installed from npm, asked one question, read by what they print."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from processes import REPOSITORY, Mitmdump

FOLDER = REPOSITORY / "out" / "agents"
HARBOUR = REPOSITORY / "tests" / "agents" / "harbour.py"
INSTALL_DEADLINE = 600.0
MODEL = "gpt-5"
QUESTION = "When is high tide?"
type Events = list[dict[str, Any]]


@dataclass(frozen=True)
class Shown:
    """What an agent shows to its user, in the end."""

    says: str
    """The answer, or the error."""
    answered: bool
    """It reports success."""
    seconds: float
    hung: bool = False
    """It did not come to an end, and was stopped."""
    calls: tuple[str, ...] = ()
    """The arguments of each call that reached its tool, as JSON."""


@dataclass(frozen=True, eq=False)
class Agent:
    """One of them."""

    name: str
    package: str
    binary: str
    dialect: str
    command: tuple[str, ...]
    """What follows the binary."""
    key: str
    """The variable for its API key."""
    variables: Mapping[str, str]
    read: Callable[[str, str], tuple[bool, str]]
    """(standard output, standard error) -> whether it reports success, and the answer or the error."""
    config: tuple[str, Callable[[Sequence[str]], str]]
    """A file in its home, and what is in it, given the command line of the MCP server that has its tool."""

    def ask(self, proxy: Mitmdump, run: str, limit: float) -> Shown:
        """Ask it something, with its default settings; `run` is its API key. It is stopped after `limit` seconds."""
        with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as home:
            calls = Path(home) / "calls.jsonl"
            path = Path(home) / self.config[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.config[1]([sys.executable, str(HARBOUR), str(calls)]), "utf-8")
            shown = self._run(Path(home), {**_environment(proxy, home), **self.variables, self.key: run}, limit)
            return replace(shown, calls=tuple(calls.read_text("utf-8").splitlines()) if calls.exists() else ())

    def _run(self, home: Path, environment: dict[str, str], limit: float) -> Shown:
        begin = time.monotonic()
        command = [str(FOLDER / "node_modules" / ".bin" / self.binary), *self.command]
        process = subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return Shown(f"(nothing within {limit:.0f} s)", answered=False, seconds=limit, hung=True)
        finally:
            _end(process)
        answered, says = self.read(out, err)
        return Shown(" ".join(says.split()), answered and process.returncode == 0, time.monotonic() - begin)


def _end(process: subprocess.Popen[str]) -> None:
    """The agent's own children are of its process group, which is ours alone."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        return
    process.wait(30)


def _environment(proxy: Mitmdump, home: str) -> dict[str, str]:
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy.url)
    trust = dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"), str(proxy.ca_cert))
    return {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb", "LANG": "C.UTF-8", **proxies, **trust}


def install() -> str:
    """Install those that are not there yet. Returns why that can't be done, or an empty string."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "Node and npm are not on this machine"
    missing = [agent.package for agent in AGENTS if not (FOLDER / "node_modules" / agent.package).exists()]
    if not missing:
        return ""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *missing]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_DEADLINE, check=False)
    return f"npm could not install {', '.join(missing)}: {done.stderr[-300:]}" if done.returncode else ""


def version(agent: Agent) -> str:
    """Of what is installed."""
    package = json.loads((FOLDER / "node_modules" / agent.package / "package.json").read_text("utf-8"))
    return str(package["version"])


def _events(out: str) -> Events:
    found = []
    for line in out.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _read_claude(out: str, err: str) -> tuple[bool, str]:
    events = _events(out)
    if not events:
        return False, err
    return not events[-1].get("is_error"), str(events[-1].get("result"))


def _read_codex(out: str, err: str) -> tuple[bool, str]:
    events = _events(out)
    failures = [event["error"]["message"] for event in events if event["type"] == "turn.failed"]
    if failures or not any(event["type"] == "turn.completed" for event in events):
        return False, failures[-1] if failures else err
    said = [event["item"] for event in events if event["type"] == "item.completed"]
    return True, "".join(item["text"] for item in said if item["type"] == "agent_message")


def _read_gemini(out: str, err: str) -> tuple[bool, str]:
    """An object over many lines, among warnings: the answer on the one channel, an error on the other."""
    for value in (*_objects(out), *_objects(err)):
        if value.get("error"):
            return False, str(value["error"].get("message", value["error"]))
        if "response" in value:
            return True, str(value["response"])
    return False, (err or out)[-300:]


def _objects(text: str) -> Events:
    found = []
    for begin in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, begin.start())
        except ValueError:
            continue
        found.append(value)
    return found


def _read_qwen(out: str, err: str) -> tuple[bool, str]:
    """It reports an error as an answer, in brackets."""
    try:
        result = json.loads(out)[-1]
    except ValueError:
        return False, err
    says = str(result.get("result", result.get("error", result)))
    return not result.get("is_error") and "[API Error: " not in says, says


def _read_opencode(out: str, err: str) -> tuple[bool, str]:
    events = _events(out)
    errors = [str(event["error"]) for event in events if event["type"] == "error"]
    texts = [event["part"]["text"] for event in events if event["type"] == "text"]
    return not errors and bool(texts), errors[-1] if errors else "".join(texts) or err


def _codex_config(server: Sequence[str]) -> str:
    return f"""
model = "{MODEL}"
model_provider = "api"

[model_providers.api]
name = "api"
base_url = "https://api.openai.com/v1"
wire_api = "responses"
env_key = "API_KEY"

[mcp_servers.harbour]
command = {json.dumps(server[0])}
args = {json.dumps(list(server[1:]))}
"""


def _servers(server: Sequence[str], **more: Any) -> dict[str, Any]:
    return {"mcpServers": {"harbour": {"command": server[0], "args": list(server[1:]), **more}}}


def _claude_config(server: Sequence[str]) -> str:
    return json.dumps(_servers(server))


def _gemini_config(server: Sequence[str]) -> str:
    return json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}} | _servers(server, trust=True))


def _qwen_config(server: Sequence[str]) -> str:
    return json.dumps({"security": {"auth": {"selectedType": "openai"}}} | _servers(server, trust=True))


def _opencode_config(server: Sequence[str]) -> str:
    api = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "api",
        "options": {"baseURL": "https://api.openai.com/v1", "apiKey": "{env:API_KEY}"},
        "models": {MODEL: {"name": MODEL}},
    }
    tools = {"harbour": {"type": "local", "command": list(server), "enabled": True}}
    return json.dumps({"provider": {"api": api}, "model": f"api/{MODEL}", "share": "disabled", "autoupdate": False, "mcp": tools})


CLAUDE = Agent(
    "Claude Code",
    "@anthropic-ai/claude-code",
    "claude",
    "anthropic-messages",
    ("-p", QUESTION, "--output-format", "json", "--mcp-config", "servers.json", "--allowedTools", "mcp__harbour__ring_bell"),
    "ANTHROPIC_API_KEY",
    {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "ENABLE_TOOL_SEARCH": "false",  # it has its tool from the beginning
    },
    _read_claude,
    ("servers.json", _claude_config),
)
CODEX = Agent(
    "Codex CLI",
    "@openai/codex",
    "codex",
    "openai-responses",
    ("exec", "--skip-git-repo-check", "--json", QUESTION),
    "API_KEY",
    {},
    _read_codex,
    (".codex/config.toml", _codex_config),
)
GEMINI = Agent(
    "Gemini CLI",
    "@google/gemini-cli",
    "gemini",
    "gemini",
    ("-p", QUESTION, "--output-format", "json", "--yolo"),
    "GEMINI_API_KEY",
    {"GEMINI_CLI_TRUST_WORKSPACE": "true"},
    _read_gemini,
    (".gemini/settings.json", _gemini_config),
)
QWEN = Agent(
    "Qwen Code",
    "@qwen-code/qwen-code",
    "qwen",
    "openai-chat",
    ("-p", QUESTION, "--output-format", "json", "--yolo"),
    "OPENAI_API_KEY",
    {"OPENAI_BASE_URL": "https://api.openai.com/v1", "OPENAI_MODEL": MODEL},
    _read_qwen,
    (".qwen/settings.json", _qwen_config),
)
OPENCODE = Agent(
    "opencode",
    "opencode-ai",
    "opencode",
    "openai-chat",
    ("run", "--format", "json", QUESTION),
    "API_KEY",
    {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
    _read_opencode,
    (".config/opencode/opencode.json", _opencode_config),
)
CODEX_BY_WEBSOCKET = replace(
    CODEX, config=(CODEX.config[0], lambda server: _codex_config(server).replace("env_key", "supports_websockets = true\nenv_key"))
)
AGENTS = (CLAUDE, CODEX, GEMINI, QWEN, OPENCODE)
