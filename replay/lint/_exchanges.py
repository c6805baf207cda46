"""What is looked at in logs: each exchange with what came before it, and requests as they are pasted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from replay import providers
from replay.conversation import Json
from replay.errors import Fault
from replay.importers import Logged
from replay.jsontext import parse
from replay.lint._fixtures import Sighted, is_partial
from replay.lint._places import InBody
from replay.lint._recent import Threads, digest, histories, system_of
from replay.lint.subject import Around, Earlier, Subject
from replay.record import Facts, Refused, facts
from replay.turn import Request

_UNREAD = ("the request cannot be read", "the request body has no messages")


@dataclass
class Exchanges:
    """Reads exchanges into subjects. `skipped` counts what could not be looked at, by the reason."""

    around: Around
    model: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    def pasted(self, data: bytes, path: str) -> Sighted:
        """Read the body of a request. Raises Refused."""
        found = facts(Logged(path, "", request=data), self.model)
        place = _place(found, path)
        return self._subject(found, place), place

    def logged(self, logged: Logged, path: str, threads: Threads) -> Sighted | None:
        """Read an exchange of a log, and remember it for what comes after; None where there is nothing."""
        if self._learns(logged, path):
            return None
        try:
            found = facts(logged, self.model)
        except (Refused, RecursionError) as why:
            return self._refused(logged, path, str(why))
        place = _place(found, path)
        return _in_thread(self._subject(found, place), place, found, threads), place

    def list_of_models(self, body: Json, source: str) -> bool:
        """Take in what `GET /v1/models` answered; tell whether it is that."""
        listed = (
            isinstance(body, dict) and body.get("object") == "list" and isinstance(body.get("data"), list)
        )
        if listed:
            self.around.shutdowns.learn(body["data"], source)
        return listed

    def _learns(self, logged: Logged, path: str) -> bool:
        if logged.method != "GET" or not urlsplit(logged.url).path.rstrip("/").endswith("/models"):
            return False
        try:
            return self.list_of_models(parse(logged.response or b""), f"{path}, {logged.place}")
        except ValueError:
            return False

    def _refused(self, logged: Logged, path: str, why: str) -> Sighted | None:
        if not why.startswith(_UNREAD):
            self.skipped[why] += 1
            return None
        faults = (Fault(path, 0, 0, why),)
        return Subject(Request("", ()), self.around, faults), InBody(path, logged.place, {})

    def _subject(self, found: Facts, place: InBody) -> Subject:
        request, logged, body = found.request, found.logged, found.call.body
        return Subject(
            request,
            self.around,
            provider=found.call.provider,
            settings=found.call.settings,
            addressed=bool(logged.url or logged.provider),
            body=body,
            recorded=bool(place.record) and not logged.derived,
            partial=is_partial(request, body, derived=bool(logged.derived)),
            reply=found.reply,
            error=found.error,
            system=system_of(request.messages),
        )


def _place(found: Facts, path: str) -> InBody:
    told = {"messages": [one.to_json() for one in found.request.messages]}
    told["tools"] = [one.to_wire() for one in found.request.tools]
    read = providers.registry.get(found.call.wire).decode_request
    return InBody(path, found.logged.place, found.call.body, told, histories(found.request.messages), read)


def _in_thread(subject: Subject, place: InBody, found: Facts, threads: Threads) -> Subject:
    """Return the subject with what came before it, and remember it for what comes after."""
    asked = digest(b"", [place.path, found.logged.url, found.call.body])
    before, failed = threads.before(subject.messages, place.history), threads.failed(asked)
    known = replace(subject, before=_seen_from(before, place.path), failed=failed)
    reply = found.whole
    tokens = reply.usage.prompt_tokens if reply and reply.usage else None
    finish = reply.finish_reason if reply else None
    count = len(subject.messages)
    earlier = Earlier(place.path, place.record, subject.system, count, finish, tokens, found.error)
    threads.add(earlier, asked, place.history, reply.message if reply else None)
    return known


def _seen_from(earlier: Earlier | None, path: str) -> Earlier | None:
    """Name the file of an earlier exchange, where it is another one."""
    if earlier is None or earlier.path == path:
        return earlier
    return replace(earlier, place=f"{earlier.path}, {earlier.place}")
