"""Redaction at the boundary: what is secret or personal is replaced before the first byte reaches the disk.

The same function runs on a live request before its recording is looked up, so a redacted cassette still
matches. Where nothing is found the bytes stay as they are; where something is, nothing but it changes:
numbers, structure, escapes, the number and order of events and chunks are kept. Redacting twice is
redacting once.

Headers are kept by list. Texts are searched for known values in any encoding, for fields whose name says
that they are secret, for well-known key formats, for the project's own terms, and for personal data of a
checkable form. In binary bodies (with a NUL byte) and long runs of base64 (images, audio) only known values
are looked for.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any

from replay.cassette._pseudonyms import PLACEHOLDER, pseudonym
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.config import Project, redaction
from replay.conversation import Json

if TYPE_CHECKING:
    from replay.cassette._rewrite import Rewriter
    from replay.cassette._search import Hit

REQUEST_HEADERS = frozenset({"accept", "content-type", "openai-beta", "anthropic-version", "anthropic-beta"})
RESPONSE_HEADERS = frozenset(
    {
        "apim-request-id",
        "content-encoding",  # only where the body could not be decoded
        "content-type",
        "date",
        "location",
        "openai-model",
        "openai-processing-ms",
        "openai-version",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "x-amzn-errortype",
        "x-amzn-requestid",
        "x-request-id",
        "x-should-retry",
    }
)
RESPONSE_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
REQUEST_IDS = frozenset({"request-id", "x-request-id", "apim-request-id", "x-amzn-requestid"})
_SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


class Redactor:
    """Replaces secrets and personal data by stable pseudonyms keyed with `salt`.

    `known` are live credentials (8 characters or more), `terms` words to hide wherever they stand. `pii` says
    what becomes of personal data: `keyed` pseudonyms, `drop` (one placeholder for each family), `keep`.
    `headers` are kept beside those that always are; `added` are the rules a project adds, as `Search` takes
    them. Raises BadInput.
    """

    def __init__(
        self,
        salt: str,
        known: Iterable[str] = (),
        terms: Iterable[str] = (),
        pii: str = "keyed",
        *,
        headers: Iterable[str] = (),
        **added: Any,
    ) -> None:
        self._salt, self._pii = salt, pii
        known, terms, headers = sorted(set(known)), list(terms), list(headers)
        self._says = (salt, known, terms, pii, headers, added)
        self._headers = frozenset(name.lower() for name in headers)
        if added:  # what a project adds may not be there, which is to be told before anything is sent
            _ = self._rewriter

    @classmethod
    def for_project(
        cls, project: Project, live: Mapping[str, str | None], *, personal: bool = True
    ) -> Redactor:
        """Make the redactor of a project, from the table `[tool.replay.redaction]`.

        The table holds `salt`, `terms`, `pii`, `headers`, `patterns`, `keys`, `allow` and `presidio`. `live`
        are the target's credentials by variable. REPLAY_SALT in the environment comes before the table's
        salt. Known values are those of `live` and of every environment variable whose name says so (KEY,
        TOKEN, SECRET, PASSWORD), but for names of files. Without `personal` personal data stays as it is.
        Raises BadInput.
        """
        table = dict(redaction(project.settings))
        known = [*filter(None, live.values()), *_environment()]
        table["salt"] = os.environ.get("REPLAY_SALT") or table.get("salt", "")
        return cls(known=known, **(table if personal else table | {"pii": "keep"}))

    @cached_property
    def _rewriter(self) -> Rewriter:
        """Made when there is something to search: loading the rules takes longer than many cases."""
        from replay.cassette._rewrite import Rewriter
        from replay.cassette._search import Search

        _, known, terms, pii, _, added = self._says
        return Rewriter(Search(known, terms, personal=pii != "keep", **added), self._pseudonym)

    @cached_property
    def fingerprint(self) -> bytes:
        """What differs where another redactor might hide something else."""
        return sha256(repr(self._says).encode()).digest()

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """Return the request as it may be written down and looked up."""
        headers = {
            name: value for name, value in request.headers.items() if self._keeps(name, REQUEST_HEADERS)
        }
        uri, (body, _) = request.uri, self._rewriter.body(request.body)
        if not self._is_clean((uri, *headers.values())):
            uri, headers = self.text(uri), {name: self.text(value) for name, value in headers.items()}
        return replace(request, uri=uri, headers=headers, body=body)

    def response(self, response: RecordedResponse) -> RecordedResponse:
        """Return the response as it may be written down. The chunks keep their number, order and times."""
        headers = {
            name: values
            for name, values in response.headers.items()
            if self._keeps(name, RESPONSE_HEADERS) or name.lower().startswith(RESPONSE_PREFIXES)
        }
        clean = self._is_clean(chain.from_iterable(headers.values()))
        headers = {
            name: [self._header(name, value, clean) for value in values] for name, values in headers.items()
        }
        body, chunks = self._rewriter.body(response.body, response.chunks)
        failure = response.failure and replace(response.failure, message=self.text(response.failure.message))
        return replace(response, headers=headers, body=body, chunks=chunks, failure=failure)

    def text(self, text: str) -> str:
        """Return a text without its secrets; the same object when there are none."""
        data = _bytes(text)
        clean = self.data(data)
        return text if clean is data else _text(clean)

    def data(self, data: bytes) -> bytes:
        """Return bytes without their secrets; the same object when there are none."""
        return self._rewriter.text(data)

    def json(self, value: Json) -> Json:
        """Return a JSON value without its secrets, redacted as its text would be."""
        text = json.dumps(value, ensure_ascii=False)
        clean = self.text(text)
        return value if clean is text else json.loads(clean)

    def find(self, text: str | bytes) -> list[tuple[str, int]]:
        """List what redaction would replace, as `(kind, offset in bytes or characters)`; never the value."""
        if isinstance(text, bytes):
            return self._rewriter.find(text)
        data = _bytes(text)
        return [(kind, len(_text(data[:start]))) for kind, start in self.find(data)]

    def _keeps(self, name: str, always: frozenset[str]) -> bool:
        return name.lower() in always or name.lower() in self._headers

    def _is_clean(self, texts: Iterable[str]) -> bool:
        text = "\n".join(texts)
        return self.text(text) is text

    def _header(self, name: str, value: str, clean: bool) -> str:
        if name.lower() not in REQUEST_IDS or PLACEHOLDER.fullmatch(_bytes(value)):
            return value if clean else self.text(value)
        return pseudonym(self._salt, "id", _bytes(value)).decode()

    def _pseudonym(self, hit: Hit) -> bytes:
        drop = self._pii == "drop" and hit.family != "key"
        return pseudonym(self._salt, hit.family, hit.value, drop=drop)


def _environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_VARIABLE.search(name) and not value.startswith(("/", "~", "./")):
            yield value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
