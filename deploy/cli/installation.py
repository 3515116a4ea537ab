"""A running Heroic: where it is, for whom we act, and its bulk calls."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from deploy.local.home import REPOSITORY
from shared.errors import HeroicError, NotFound, Unavailable
from shared.web.ndjson import LineResult

T = TypeVar("T")

NDJSON = "application/x-ndjson"
TIMEOUT = httpx.Timeout(10, read=120, write=120)
PATIENCE_SECONDS = 60
"""How long a call is tried again that is told to come back later."""


class Refused(HeroicError):
    """A service refused the whole call."""

    code, title = "refused", "Refused"


class Organisation(msgspec.Struct, frozen=True):
    """An organisation and the credentials by which we act for it."""

    id: str
    name: str
    client_id: str
    client_secret: str


class Up(msgspec.Struct, frozen=True):
    """What `up.json` says of an installation."""

    base_url: str
    organisations: list[Organisation]
    postgres: dict[str, str] = {}


class Chosen(NamedTuple):
    """The installation and the organisation that a command is about."""

    up_file: Path
    organisation: str | None = None

    def up(self) -> Up:
        """The installation; NotFound where none is up."""
        try:
            return msgspec.json.decode(self.up_file.read_bytes(), type=Up)
        except FileNotFoundError as error:
            raise NotFound(f"Nothing is up: there is no {self.up_file}.") from error

    def site(self) -> "Site":
        """The installation, to be called for the organisation."""
        up = self.up()
        for one in up.organisations:
            if self.organisation in (None, one.id):
                return Site(up.base_url, one)
        raise NotFound("up.json has no credentials of that organisation.")


def default_up_file() -> Path:
    """`up.json` of the local installation; `HEROIC_HOME` moves it."""
    home = os.environ.get("HEROIC_HOME")
    return (Path(home) if home else REPOSITORY / ".heroic") / "up.json"


class Site:
    """A running Heroic, called for one organisation."""

    def __init__(self, base_url: str, organisation: Organisation) -> None:
        self.organisation = organisation
        # The proxies of an environment have no business with an address of ours.
        self.http = httpx.Client(base_url=base_url, timeout=TIMEOUT, trust_env=False)
        self._token, self._until = "", 0.0

    def headers(self) -> dict[str, str]:
        """Who we are; a token is fetched again before it ends."""
        if time.monotonic() > self._until:
            credentials = (self.organisation.client_id, self.organisation.client_secret)
            form = {"grant_type": "client_credentials"}
            answer = self.http.post("/intake/oauth/token", data=form, auth=credentials)
            granted = checked(answer).json()
            self._token = granted["access_token"]
            self._until = time.monotonic() + granted["expires_in"] / 2
        return {"Authorization": f"Bearer {self._token}"}

    def post(self, path: str, body: object) -> dict[str, object]:
        """The answer to a call with a JSON body; raises Refused, Unavailable."""

        def call() -> dict[str, object]:
            answer = self.http.post(path, json=body, headers=self.headers())
            found: dict[str, object] = checked(answer).json()
            return found

        return patiently(call)

    def get(self, path: str) -> bytes:
        """What is there, as JSON; raises Refused, Unavailable."""
        return patiently(lambda: checked(self.http.get(path, headers=self.headers())).content)

    def bulk(
        self, path: str, lines: Sequence[bytes], params: dict[str, str]
    ) -> Iterator[LineResult]:
        """What became of each line, as the answer comes in."""
        content = b"\n".join(lines)
        headers = self.headers() | {"Content-Type": NDJSON}

        def call() -> httpx.Response:
            request = self.http.build_request(
                "POST", path, content=content, headers=headers, params=params
            )
            return checked(self.http.send(request, stream=True))

        answer = patiently(call)
        try:
            decode = msgspec.json.Decoder(LineResult).decode
            yield from map(decode, answer.iter_lines())
        except httpx.TransportError as error:
            raise Unavailable("The connection broke; running it again is safe.") from error
        finally:
            answer.close()


def checked(answer: httpx.Response) -> httpx.Response:
    """`answer`, if it is a success; Unavailable or Refused with what it says if not."""
    if answer.is_success:
        return answer
    answer.read()
    try:
        detail = str(answer.json().get("detail", ""))
    except ValueError:
        detail = ""
    words = f"{answer.request.url.path}: {answer.status_code} {detail}".strip()
    if answer.status_code in (429, 503):
        after = answer.headers.get("retry-after", "1")
        raise Unavailable(words, retry_after=int(after) if after.isdecimal() else 1)
    raise Refused(words)


def patiently(call: Callable[[], T]) -> T:
    """Do it, and again while the service asks for patience; raises Unavailable in the end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except httpx.TransportError as error:
            raise Unavailable(f"Heroic does not answer: {type(error).__name__}.") from error
        except Unavailable as error:
            if time.monotonic() + error.retry_after > deadline:
                raise
            time.sleep(error.retry_after)
