"""The faulty upstream and the process starter, which all end-to-end tests and the demo stand on."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from faulty_upstream import serving
from processes import ProcessError, mitmdump
from scenarios import BY_NAME, SCENARIOS

pytestmark = pytest.mark.e2e
SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "faulty_upstream.py"
SPLIT = b"".join(BY_NAME["split-event"].chunks)


@pytest.fixture(scope="module")
def upstream():
    with serving({"folder/name": b"data: of a file\n\n", "nothing": b""}) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/messages", {}, {"x-fault": "split-event"}),
        ("/v1/messages", {"model": "fault/split-event"}, {}),
        ("/fault/split-event/v1/messages", {}, {}),
        ("/fault/split-event/v1/messages?beta=true", {}, {"x-cut": "3"}),
    ],
)
def test_a_request_chooses_its_scenario_by_header_model_or_path(path, body, headers, upstream):
    assert httpx.post(upstream.url + path, json=body, headers=headers).content == SPLIT
    assert upstream.requests[-1].path == path


def test_a_request_for_no_scenario_is_answered_by_404(upstream):
    assert httpx.post(f"{upstream.url}/v1/messages", content=b"no json").status_code == 404


def test_further_streams_are_served_byte_for_byte_under_names_that_may_have_slashes(upstream):
    assert httpx.post(f"{upstream.url}/fault/folder/name/v1/responses").content == b"data: of a file\n\n"
    assert httpx.post(f"{upstream.url}/fault/nothing/v1/responses").content == b""


def test_a_chunked_request_and_a_second_one_on_the_same_connection_are_understood(upstream):
    with httpx.Client() as client:
        for _ in range(2):
            body = iter([b'{"model": "fault/', b'split-event"}'])
            assert client.post(f"{upstream.url}/v1/messages", content=body).content == SPLIT


@pytest.mark.parametrize(("name", "error"), [("upstream-reset", httpx.ReadError), ("upstream-cut", httpx.RemoteProtocolError)])
def test_a_broken_connection_is_one(name, error, upstream):
    with pytest.raises(error):
        httpx.post(f"{upstream.url}/fault/{name}/v1/messages")


def test_a_silent_connection_ends_with_the_server():
    with httpx.Client() as client:
        with serving() as server:
            response = client.send(client.build_request("POST", f"{server.url}/fault/silence/v1/messages"), stream=True)
            pieces = response.iter_raw()
            assert next(pieces).startswith(b"event: message_start")
        with pytest.raises(httpx.TransportError):
            list(pieces)


def test_a_port_that_is_taken_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError), serving(port=taken.getsockname()[1]):  # noqa: PT011 - the message is the system's
        pass


def test_on_its_own_it_lists_its_scenarios():
    listed = subprocess.run([sys.executable, SCRIPT, "--list"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert [line.split()[0] for line in listed.splitlines()] == [one.name for one in SCENARIOS]


def test_on_its_own_it_serves_a_folder_until_it_is_interrupted(tmp_path):
    (tmp_path / "mine.sse").write_bytes(b"data: mine\n\n")
    command = [sys.executable, SCRIPT, "--port", "0", "--streams", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[4].rstrip(",")
        assert httpx.post(f"{url}/fault/mine/v1/messages").content == b"data: mine\n\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_mitmdump_that_does_not_start_is_an_error_that_says_why():
    with pytest.raises(ProcessError, match="--no-such-argument"), mitmdump(addon=False, args=["--no-such-argument"]):
        pass


def test_a_mitmdump_has_files_of_its_own_and_leaves_none():
    with mitmdump(addon=False) as proxy:
        assert proxy.ca_cert.exists()
        assert "listening" in proxy.output()
    assert proxy.process.returncode == 0
    assert not proxy.confdir.exists()
