"""Cassettes and fixtures behind a local HTTP server, for an app in any language.

    with replay.serve.Served("fixtures/cassettes/shop") as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="not needed")

The app asks this server where it would ask its provider: only the base address differs. The path decides
which wire is spoken. A request is matched as a whole, as everywhere; one that is not recorded is refused in
the wire's own error shape, and with a status that no SDK tries again.

A request may say more, by header or by query parameter of the same name:

    x-replay-cassette: shop/refund               only these recordings answer, from their own beginning
    x-replay-fault: rate_limit; first=1, cut     faults around the answer, the first one outermost
    x-replay-pace: recorded                      chunks come at their recorded times (or `none`)

`GET /_replay/journal` says what was asked and what answered; `POST /_replay/reset` plays from the beginning,
with the files as they are now. It needs `pip install 'conversation-replay[serve]'`.
"""

from replay.serve._served import LOOPBACK, Served

__all__ = ["LOOPBACK", "Served"]
