# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of the hub: from the cache without a look at the network, and over a network of our own."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.hub_cache import HubName, cache_folder, cached_snapshot, read_hub_name
from forward_pass.core.messages import ErrorMessage, Message, ResultMessage, decode

COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNREACHABLE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gpt2", HubName("gpt2")),
        (" org/a-name_1.5B ", HubName("org/a-name_1.5B")),
        ("org/name@v1.0", HubName("org/name", "v1.0")),
        ("org/name@refs/pr/3", HubName("org/name", "refs/pr/3")),
    ],
)
def test_names_of_the_hub(text: str, name: HubName) -> None:
    assert read_hub_name(text) == name and str(name) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "a/b/c", "/a/b", "./a", "../a", "a b/c", "a/..", "a/b@", "-a/b", "a--b/c", "a/b@../x", "C:\\a", "a/b\n/c"],
)
def test_what_is_no_name_of_the_hub(text: str) -> None:
    assert read_hub_name(text) is None


def test_the_cache_is_where_the_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder() == Path.home() / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/h")
    assert cache_folder() == Path("/h/hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path and cached_snapshot(HubName("org/m")) is None
    snapshot = tmp_path / "models--org--m" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    assert cached_snapshot(HubName("org/m")) is None and cached_snapshot(HubName("org/m", COMMIT)) == snapshot
    (tmp_path / "models--org--m" / "refs").mkdir()
    (tmp_path / "models--org--m" / "refs" / "main").write_text(COMMIT)
    assert cached_snapshot(HubName("org/m")) == snapshot


# With transformers and the tracer as a process.

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.tracer import small_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub of the tests has as org/small."""
    folder = small_models.gpt2(tmp_path_factory.mktemp("hub") / "small")
    (folder / "onnx.bin").write_bytes(b"not wanted")
    (folder / "pytorch_model.bin").write_bytes(b"not wanted either")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that is out of reach."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", UNREACHABLE)
    return tmp_path / "cache"


class _Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as is asked for: what a model consists of, and its files; errors by its names."""

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if "/gated" in path:
            self._send(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "agree first"}, b"", body)
        elif "/busy" in path:
            self._send(503, {}, b"", body)
        elif "/api/models/org/small" in path and path.endswith(("small", "main")):
            files = [{"rfilename": one.name, "size": one.stat().st_size} for one in sorted(self.folder.iterdir())]
            words = {"id": "org/small", "sha": COMMIT, "siblings": files, "tags": [], "downloads": 0, "private": False}
            self._send(200, {"Content-Type": "application/json"}, json.dumps(words).encode(), body)
        elif path.startswith("/org/small/resolve/main/"):
            data = (self.folder / path.rpartition("/")[2]).read_bytes()
            etag = hashlib.sha256(data).hexdigest()
            self._send(200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, data, body)
        else:
            self._send(404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "no such model"}, b"", body)

    def _send(self, status: int, headers: dict[str, str], data: bytes, body: bool) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub within reach; gives the list of what it was asked."""
    asked: list[str] = []
    handler = type("Hub", (_Hub,), {"folder": model, "asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield asked
        server.shutdown()


FIND = """
import sys
from forward_pass.core.errors import UserError
from forward_pass.core.hub_cache import read_hub_name
from forward_pass.core.messages import ErrorMessage, ResultMessage, encode
from forward_pass.tracer.hub import hub_folder, keep_quiet
try:
    keep_quiet()
    found = hub_folder(read_hub_name(sys.argv[1]), "--online" in sys.argv, False, True, lambda message: None)
    said = ResultMessage(str(found))
except UserError as error:
    said = ErrorMessage(error.message, error.hint, error.code)
print(encode(said))
"""


def python(program: str, *words: str) -> tuple[Message, float]:
    """What a program said, in a Python of its own, and after how many seconds."""
    started = time.monotonic()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.stdout, done.stderr
    return decode(done.stdout.splitlines()[-1]), time.monotonic() - started


def test_the_network_is_not_asked_unless_that_is_allowed(hub: list[str]) -> None:
    said, _ = python(FIND, "org/small")
    what = "There is no model called org/small in the local cache, and no folder of that name."
    assert said == ErrorMessage(what, "Let it be downloaded (--online), or give a folder that holds the model.", 2)
    assert hub == []


def test_a_model_is_fetched_once_and_then_found_offline(
    hub: list[str], cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _ = python(FIND, "org/small", "--online")
    snapshot = cache / "models--org--small" / "snapshots" / COMMIT
    assert said == ResultMessage(str(snapshot)) and hub
    names = {path.name for path in snapshot.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names <= {path.name for path in model.iterdir()}
    assert not names & {"onnx.bin", "pytorch_model.bin"}
    monkeypatch.setenv("HF_ENDPOINT", UNREACHABLE)
    for words in ((), ("--online",)):
        assert python(FIND, "org/small", *words)[0] == said
    (snapshot / "model.safetensors").unlink()
    partly, _ = python(FIND, "org/small")
    assert isinstance(partly, ErrorMessage)
    assert partly.message.startswith(
        "The model org/small is only partly in the local cache: the weights of small are m"
    )


LOAD = """
import sys, torch
from forward_pass.core.messages import ResultMessage, encode
from forward_pass.tracer.__main__ import _arguments
from forward_pass.tracer.request import read_request
from forward_pass.tracer.subject import load
words = ["--prompt", "the sky", "--out", "x", "--model", "org/small"]
found = load(read_request(_arguments(words)), torch.device("cpu"), lambda message: None)
text = "".join(map(found.codec.text, found.codec.encode("the sky")))
print(encode(ResultMessage(str(found.checkpoint[0]), {"name": found.name, "source": found.source, "text": text})))
"""


def test_what_is_in_the_cache_is_loaded_without_a_network(cache: Path, model: Path) -> None:
    snapshot = cache / "models--org--small" / "snapshots" / COMMIT
    shutil.copytree(model, snapshot)
    (cache / "models--org--small" / "refs").mkdir()
    (cache / "models--org--small" / "refs" / "main").write_text(COMMIT)
    said, _ = python(LOAD)
    data = {"name": "small", "source": f"org/small@{COMMIT[:12]}", "text": "the sky"}
    assert said == ResultMessage(str(snapshot / "model.safetensors"), data)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("org/gated", "The model org/gated is gated: the hub gives it only to those who agreed to its terms."),
        ("org/unknown", "The hub has no model called org/unknown, or does not show it to you."),
        ("unknown", "The hub has no model called unknown, or does not show it to you."),
        ("org/busy", "The hub would not give org/busy: it answered with status 503."),
    ],
)
def test_what_the_hub_will_not_give(hub: list[str], name: str, says: str) -> None:
    said, seconds = python(FIND, name, "--online")
    assert isinstance(said, ErrorMessage) and said.message == says and said.hint
    assert hub and seconds < 25


def test_no_network_is_said_soon(cache: Path) -> None:
    said, seconds = python(FIND, "org/small", "--online")
    assert isinstance(said, ErrorMessage) and said.message.startswith("The hub cannot be reached for org/small: ")
    assert said.hint.startswith("Check the network") and seconds < 25


def test_a_hub_that_is_switched_off_by_the_user_stays_so(hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said, _ = python(FIND, "org/small", "--online")
    assert isinstance(said, ErrorMessage) and said.message == "The hub is not asked: HF_HUB_OFFLINE is set."
    assert hub == []


def test_what_a_full_disk_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from forward_pass.tracer.hub import _refused

    error = _refused(HubName("a/b"), OSError(28, "No space left on device"))
    assert isinstance(error, UserError)
    assert error.message == "a/b cannot be written to the cache: No space left on device."
