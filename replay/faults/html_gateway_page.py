"""`html_gateway_page` or `html_gateway_page: 200`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.faults._answer import Answer, Chunk
from replay.faults._fault import Call, Instead

_PAGE = """<html>
<head><title>{status} {reason}</title></head>
<body>
<center><h1>{status} {reason}</h1></center>
<hr><center>gateway</center>
</body>
</html>
"""
_REASONS = {200: "OK", 413: "Request Entity Too Large", 502: "Bad Gateway", 503: "Service Unavailable"}


@dataclass(frozen=True)
class HtmlGatewayPage(Instead):
    """A gateway answers with a page of HTML instead of the provider; with status 200 too."""

    status: int = 502

    def __post_init__(self) -> None:
        """Refuse a status that has no body."""
        super().__post_init__()
        if self.status not in range(200, 600) or self.status in (204, 304):
            raise ValueError(f"status must be from 200 to 599 and have a body, not {self.status!r}")

    def answer(self, _: Call) -> Answer:
        """Return the page."""
        page = _PAGE.format(status=self.status, reason=_REASONS.get(self.status, "Gateway Time-out"))
        return Answer(self.status, {"content-type": ["text/html"]}, (Chunk(page.encode()),))
