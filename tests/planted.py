"""Synthetic secrets, the places where they are planted, and an oracle that sees them in any wrapping.

Every kind is made here at random, in the form its issuer documents: none of these is anyone's. The oracle
shares no code with the redaction.
"""

import base64
import binascii
import json
import re
import string
import struct
from collections import defaultdict
from itertools import pairwise
from urllib.parse import quote, unquote
from zlib import crc32

from replay.cassette.interaction import RecordedRequest, RecordedResponse

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
WORD, HEX = LOWER + UPPER + DIGITS, DIGITS + "abcdef"
URLSAFE = WORD + "-_"


def of(alphabet, count):
    return lambda rng: "".join(rng.choice(alphabet) for _ in range(count))


def after(prefix, alphabet, count):
    return lambda rng: prefix + of(alphabet, count)(rng)


def joined(*parts):
    """Text as it is, and of (alphabet, count) at random."""
    return lambda rng: "".join(part if isinstance(part, str) else of(*part)(rng) for part in parts)


def uuid(rng):
    return "-".join(of(HEX, count)(rng) for count in (8, 4, 4, 4, 12))


def segment(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def jwt(rng):
    head, body = {"alg": "HS256", "typ": "JWT"}, {"sub": of(DIGITS, 10)(rng), "name": of(LOWER, 9)(rng)}
    return f"{segment(head)}.{segment(body)}.{of(URLSAFE, 43)(rng)}"


def pem(rng):
    lines = "\n".join(of(WORD + "+/", 64)(rng) for _ in range(6))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


PREFIXED = {
    "openai": after("sk-", WORD, 48),
    "openai project": after("sk-proj-", URLSAFE, 120),
    "openai service account": after("sk-svcacct-", URLSAFE, 90),
    "openai admin": after("sk-admin-", URLSAFE, 90),
    "openai session": after("sess-", WORD, 40),
    "openai ephemeral": after("ek_", HEX, 32),
    "anthropic": after("sk-ant-api03-", URLSAFE, 95),
    "anthropic admin": after("sk-ant-admin01-", URLSAFE, 95),
    "openrouter": after("sk-or-v1-", HEX, 64),
    "deepseek": after("sk-", HEX, 32),
    "google": after("AIza", URLSAFE, 35),
    "google oauth": after("ya29.", URLSAFE, 100),
    "google client secret": after("GOCSPX-", URLSAFE, 28),
    "google refresh": after("1//0", URLSAFE, 60),
    "aws access key id": after("AKIA", UPPER + "234567", 16),
    "aws temporary key id": after("ASIA", UPPER + "234567", 16),
    "aws bedrock": joined("ABSK", (WORD + "+/", 126), "=="),
    "aws session": joined("IQoJb3JpZ2lu", (WORD + "+/", 300), "="),
    "azure new": joined((WORD, 52), "JQQJ99", (WORD, 26)),
    "azure client secret": joined((WORD, 3), "8Q~", (WORD + "._~-", 34)),
    "groq": after("gsk_", WORD, 52),
    "xai": after("xai-", WORD, 80),
    "perplexity": after("pplx-", WORD, 48),
    "hugging face": after("hf_", LOWER + UPPER, 34),
    "replicate": after("r8_", WORD, 37),
    "fireworks": after("fw_", WORD, 24),
    "together": after("tgp_v1_", URLSAFE, 43),
    "nvidia": after("nvapi-", URLSAFE, 64),
    "cerebras": after("csk-", LOWER + DIGITS, 48),
    "elevenlabs": after("sk_", HEX, 48),
    "voyage": after("pa-", URLSAFE, 43),
    "jina": after("jina_", URLSAFE, 60),
    "tavily": after("tvly-dev-", WORD, 32),
    "pinecone": joined("pcsk_", (WORD, 5), "_", (WORD, 63)),
    "langsmith": joined("lsv2_pt_", (HEX, 32), "_", (HEX, 10)),
    "langfuse": lambda rng: "sk-lf-" + uuid(rng),
    "langfuse public": lambda rng: "pk-lf-" + uuid(rng),
    "databricks": after("dapi", HEX, 32),
    "github": after("ghp_", WORD, 36),
    "github app": after("ghs_", WORD, 36),
    "github fine-grained": joined("github_pat_", (WORD, 22), "_", (WORD, 59)),
    "gitlab": after("glpat-", URLSAFE, 20),
    "bitbucket": after("ATBB", WORD, 32),
    "atlassian": after("ATATT3", URLSAFE, 180),
    "slack": joined("xoxb-", (DIGITS, 12), "-", (DIGITS, 12), "-", (WORD, 24)),
    "slack app": joined("xapp-1-A", (UPPER + DIGITS, 10), "-", (DIGITS, 13), "-", (HEX, 64)),
    "slack webhook": joined("https://hooks.slack.com/services/T0ABCDEFG/B0ABCDEFG/", (WORD, 24)),
    "discord": joined("MTA", (WORD, 23), ".", (WORD, 6), ".", (URLSAFE, 38)),
    "discord webhook": joined("https://discord.com/api/webhooks/", (DIGITS, 19), "/", (URLSAFE, 68)),
    "telegram": joined(("123456789", 1), (DIGITS, 9), ":AA", (URLSAFE, 33)),
    "twilio": after("SK", HEX, 32),
    "sendgrid": joined("SG.", (URLSAFE, 22), ".", (URLSAFE, 43)),
    "mailgun": after("key-", HEX, 32),
    "mailchimp": joined((HEX, 32), "-us12"),
    "resend": joined("re_", (WORD, 8), "_", (WORD, 24)),
    "stripe": after("sk_live_", WORD, 24),
    "stripe restricted": after("rk_test_", WORD, 99),
    "stripe webhook": after("whsec_", WORD, 32),
    "square": after("sq0atp-", URLSAFE, 22),
    "shopify": after("shpat_", HEX, 32),
    "npm": after("npm_", WORD, 36),
    "pypi": after("pypi-AgEIcHlwaS5vcmc", URLSAFE, 120),
    "docker": after("dckr_pat_", URLSAFE, 27),
    "digitalocean": after("dop_v1_", HEX, 64),
    "doppler": after("dp.pt.", WORD, 43),
    "vault": after("hvs.", URLSAFE, 90),
    "heroku": lambda rng: "HRKU-" + uuid(rng),
    "vercel": after("vck_", WORD, 56),
    "supabase": after("sbp_", HEX, 40),
    "supabase secret": joined("sb_secret_", (URLSAFE, 22), "_", (URLSAFE, 8)),
    "netlify": after("nfp_", WORD, 36),
    "new relic": after("NRAK-", UPPER + DIGITS, 27),
    "grafana": joined("glsa_", (WORD, 32), "_", (HEX, 8)),
    "sentry": after("sntryu_", HEX, 64),
    "sentry dsn": joined("https://", (HEX, 32), "@o", (DIGITS, 6), ".ingest.us.sentry.io/", (DIGITS, 7)),
    "postman": joined("PMAK-", (HEX, 24), "-", (HEX, 34)),
    "linear": after("lin_api_", WORD, 40),
    "notion": after("ntn_", WORD, 46),
    "notion old": after("secret_", WORD, 43),
    "figma": after("figd_", URLSAFE, 40),
    "airtable": joined("pat", (WORD, 14), ".", (HEX, 64)),
    "terraform": joined((WORD, 14), ".atlasv1.", (URLSAFE, 67)),
    "age": after("AGE-SECRET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "jwt": jwt,
    "pem": pem,
}
OPAQUE = {
    "azure": of(HEX, 32),
    "cohere": of(WORD, 40),
    "mistral": of(WORD, 32),
    "aws secret": of(WORD + "+/", 40),
    "together old": of(HEX, 64),
    "password": of(WORD + '!"\\/&%$', 16),
    "uuid": uuid,
}


def luhn(body):
    """The digit that makes `body` pass the Luhn test: every second from the right doubled, nines cast out."""
    total = sum(
        (2 * int(digit) - 9 * (digit > "4")) if place % 2 == 0 else int(digit)
        for place, digit in enumerate(reversed(body))
    )
    return str(-total % 10)


def card(rng):
    body = f"4{rng.choice('1256789')}{of(DIGITS, 13)(rng)}"
    return body + luhn(body)


def iban(rng):
    account = of(DIGITS, 18)(rng)
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


PERSONAL = {
    "email": lambda rng: f"{of(LOWER, 7)(rng)}.{of(LOWER, 8)(rng)}@{of(LOWER, 9)(rng)}.com",
    "phone": lambda rng: f"+49{rng.choice('123456789')}{of(DIGITS, 9)(rng)}",
    "card": card,
    "iban": iban,
    "ip": lambda rng: f"93.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 256)}",
    "ip6": lambda rng: f"2a01:4f8:{of('123456789abcdef', 4)(rng)}:{of('123456789abcdef', 4)(rng)}::1",
}
ALL = PREFIXED | OPAQUE | PERSONAL

# what people write around a secret
SENTENCES = (
    "My API key is {}.",
    "Use this key: {} to call the service",
    "here's the token you asked for: {}",
    "set AZURE_OPENAI_API_KEY to {} and restart",
    "I logged in with password {} but it failed",
    "{} is our production secret, do not share it",
    "curl -H 'x-api-key: {}' https://api.example.com/v1",
    "The credentials are app / {}",
    "key={}",
    "Authorization: Bearer {}",
    'client = Client("{}")  # the api key',
    "the secret for staging (rotated in May) is\n\n{}\n\nplease keep it safe",
    "Please debug: auth fails with `{}` as the key",
    "COHERE_API_KEY={}\nPORT=80",
    'Why is my request with api key "{}" rejected?',
    "Our access token expired yesterday. The new one is {}.",
)


# places in requests


def asked(body, **fields):
    data = json.dumps(body).encode()
    return RecordedRequest("POST", "https://api.example.com/v1/chat/completions", {}, data, **fields)


def says(content, role="user"):
    return asked({"messages": [{"role": role, "content": content}]})


def in_header(text, rng):
    name = rng.choice(
        ["authorization", "x-api-key", "api-key", "cookie", "x-goog-api-key", "openai-organization"]
    )
    return RecordedRequest("POST", "https://api.example.com/v1/x", {name: f"Bearer {text}"}, b"{}")


def in_query(text, rng):
    name = rng.choice(["key", "api_key", "api-key", "access_token", "sig", "X-Amz-Signature", "token"])
    return RecordedRequest("GET", f"https://x.example.com/v1/models?a=1&{name}={quote(text, safe='')}&b=2")


def in_field(text, rng):
    name = rng.choice(
        ["api_key", "apiKey", "x-api-key", "password", "client_secret", "accessToken", "Authorization"]
    )
    return asked({"tools": [{"server": {"headers": {name: text}, "on": True}}]})


def in_escaped_field(text, rng):
    name = rng.choice(["api_key", "password", "client_secret", "refresh_token", "secretAccessKey"])
    return says(json.dumps({name: text, "n": 1}), "tool")


def in_prose(text, rng):
    return says(f"Use\n{text}\nand (twice) “{text}”, é.")


def in_a_sentence(text, rng):
    return says(f"Hello,\n{rng.choice(SENTENCES).format(text)}")


def in_json_in_json(text, rng):
    return says(f"It said: {json.dumps({'note': text, 'n': 1})}", "tool")


def double_escaped(text, rng):
    return says(json.dumps({"body": json.dumps({"log": f"\tline\n{text}"})}), "tool")


def in_base64(text, rng):
    data = base64.b64encode(f"port = 80\nvalue = '{text}'\n".encode()).decode()
    file = {"filename": "settings.ini", "file_data": f"data:text/plain;base64,{data}"}
    content = [{"type": "text", "text": "Look:"}, {"type": "file", "file": file}]
    return says(content)


def in_a_url(text, rng):
    scheme = rng.choice(["https", "postgresql", "mongodb+srv", "redis", "amqp"])
    return says(f"Look at {scheme}://app:{quote(text, safe='')}@db.example.com:5432/main please")


# places in responses


def answered(body):
    return RecordedResponse(200, "OK", {"content-type": ["application/json"]}, json.dumps(body).encode())


def in_response_header(text, rng):
    name = rng.choice(["Set-Cookie", "openai-organization", "x-amz-security-token", "CF-Ray"])
    return RecordedResponse(200, headers={name: [text], "content-type": ["application/json"]})


def in_tool_arguments(text, rng):
    call = {"name": "save", "arguments": json.dumps({"value": text, "keep": True})}
    calls = [{"id": "c1", "type": "function", "function": call}]
    return answered({"choices": [{"message": {"role": "assistant", "tool_calls": calls}}]})


def split(text, rng):
    cuts = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 6)))})
    return [text[start:end] for start, end in pairwise(cuts)]


def streamed(lines, kind="text/event-stream"):
    chunks = tuple((float(place), len(line)) for place, line in enumerate(lines))
    return RecordedResponse(200, "OK", {"content-type": [kind]}, b"".join(lines), chunks)


def sse(events, done=b"data: [DONE]\n\n"):
    return streamed([*(f"data: {json.dumps(event)}\n\n".encode() for event in events), done])


def named_sse(events):
    lines = [f"event: {event['type']}\r\ndata: {json.dumps(event)}\r\n\r\n".encode() for event in events]
    return streamed(lines)


def ndjson(events):
    lines = [json.dumps(event).encode() + b"\n" for event in events]
    return streamed(lines, "application/x-ndjson")


def frame(kind, payload):
    """One message of an AWS event stream: lengths, their CRC, headers, payload, the CRC of it all."""
    pairs = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in pairs.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def frames(kind, events):
    lines = [frame(kind, json.dumps(event).encode()) for event in events]
    return streamed(lines, "application/vnd.amazon.eventstream")


def chunk(**delta):
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def pieces(text, rng):
    return split(f"Here: {text} — so", rng)


def argument_pieces(text, rng, name="to"):
    return split(json.dumps({name: text, "count": 3}), rng)


def chat_text(text, rng):
    return sse([chunk(role="assistant", content=""), *(chunk(content=part) for part in pieces(text, rng))])


def chat_arguments(text, rng, name="to"):
    def call(**function):
        return chunk(tool_calls=[{"index": 1, "function": function}])

    parts = argument_pieces(text, rng, name)
    return sse([call(name="send", arguments=""), *(call(arguments=part) for part in parts)])


def chat_field(text, rng):
    return chat_arguments(text, rng, "password")


def anthropic(kind, field, parts):
    return [
        {"type": "content_block_delta", "index": 1, "delta": {"type": kind, field: part}} for part in parts
    ]


def anthropic_text(text, rng):
    return named_sse(anthropic("text_delta", "text", pieces(text, rng)))


def anthropic_thinking(text, rng):
    return named_sse(anthropic("thinking_delta", "thinking", pieces(text, rng)))


def anthropic_arguments(text, rng):
    return named_sse(anthropic("input_json_delta", "partial_json", argument_pieces(text, rng)))


def responses(kind, parts):
    place = {"type": f"response.{kind}.delta", "item_id": "item_1", "output_index": 0}
    return named_sse([place | {"delta": part} for part in parts])


def responses_text(text, rng):
    return responses("output_text", pieces(text, rng))


def responses_arguments(text, rng):
    return responses("function_call_arguments", argument_pieces(text, rng))


def gemini_events(parts):
    return [{"candidates": [{"content": {"parts": [{"text": part}], "role": "model"}}]} for part in parts]


def gemini_sse(text, rng):
    return sse(gemini_events(pieces(text, rng)), b"")


def gemini_array(text, rng):
    events = [json.dumps(event, indent=2) for event in gemini_events(pieces(text, rng))]
    return streamed(
        [b"[", *(event.encode() + b"\n,\r\n" for event in events[:-1]), events[-1].encode(), b"]"]
    )


def ollama_text(text, rng):
    parts = pieces(text, rng)
    return ndjson({"model": "m", "message": {"role": "assistant", "content": part}} for part in parts)


def cohere_text(text, rng):
    parts = pieces(text, rng)
    return sse(
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}}}
        for part in parts
    )


def converse_text(text, rng):
    events = [{"contentBlockIndex": 0, "delta": {"text": part}} for part in pieces(text, rng)]
    return frames("contentBlockDelta", events)


def converse_arguments(text, rng):
    parts = argument_pieces(text, rng)
    events = [{"contentBlockIndex": 1, "delta": {"toolUse": {"input": part}}} for part in parts]
    return frames("contentBlockDelta", events)


def invoke_text(text, rng):
    said = [json.dumps(event).encode() for event in anthropic("text_delta", "text", pieces(text, rng))]
    return frames("chunk", [{"bytes": base64.b64encode(event).decode(), "p": "abc"} for event in said])


NAMED = (in_header, in_response_header, in_query, in_field, in_escaped_field, chat_field)
TEXTS = (in_prose, in_json_in_json, double_escaped, in_base64, in_a_url, in_tool_arguments)
STREAMS = (
    chat_text,
    chat_arguments,
    anthropic_text,
    anthropic_thinking,
    anthropic_arguments,
    responses_text,
    responses_arguments,
    gemini_sse,
    gemini_array,
    ollama_text,
    cohere_text,
)
FRAMES = (converse_text, converse_arguments, invoke_text)


def fits(text, place):
    """Whether a secret can stand in a place at all: a header has one line."""
    return "\n" not in text or place not in (in_header, in_response_header)


ENCODINGS = {
    "exact": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, offset 1": lambda text: base64.b64encode(f"x{text}".encode()).decode(),
    "base64, offset 2": lambda text: base64.b64encode(f"xy{text}z".encode()).decode(),
    "base64, url-safe": lambda text: base64.urlsafe_b64encode(f"a:{text}".encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: quote(text, safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
}


# the oracle


def everything(exchange):
    """All that would be written down, every wrapping undone: JSON, URL escapes, base64, events, frames."""
    found = [getattr(exchange, "uri", "")]
    headers = exchange.headers.values()
    found += [value if isinstance(value, str) else value[0] for value in headers]
    documents = list(_documents(exchange.body))
    found += [exchange.body.decode("utf-8", "replace"), *documents, *_streamed_texts(documents)]
    seen, new = set(), set(found)
    while new:
        seen |= new
        new = {inner for text in new for inner in _inside(text)} - seen
    return "\n".join(seen)


def _documents(body):
    if b":event-type" in body:
        for event in _events(body):
            text = event.decode()
            inner = json.loads(text).get("bytes") if text.startswith('{"bytes"') else None
            yield base64.b64decode(inner).decode() if inner else text
        return
    try:
        whole = json.loads(body)
    except ValueError:
        lines = body.decode("utf-8", "replace").splitlines()
        yield from (line.removeprefix("data: ") for line in lines)
    else:
        for part in whole if isinstance(whole, list) else [whole]:
            yield json.dumps(part)


def _events(body):
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [event.payload for event in buffer]


def _streamed_texts(documents):
    texts = defaultdict(list)
    for document in documents:
        try:
            value = json.loads(document)
        except ValueError:
            continue
        for path, leaf in _leaves(value):
            texts[path].append(leaf)
    return ["".join(parts) for parts in texts.values()]


def _inside(text):
    if "%" in text:
        yield unquote(text)
    if re.search(r'\\[u"\\/nrtbf]', text) and not text.startswith(("{", "[")):
        yield _unescaped(text)
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        yield from filter(_is_text, (_decoded(run[offset:]) for offset in range(4)))
    for run in re.findall(r"(?:[0-9a-fA-F]{2}){8,}", text):
        yield from filter(_is_text, [bytes.fromhex(run).decode("utf-8", "replace")])
    yield from (leaf for place in (text.find("{"), text.find("[")) for leaf in _json_texts(text, place))


def _json_texts(text, place):
    try:
        value, _ = json.JSONDecoder().raw_decode(text, place) if place >= 0 else (None, 0)
    except ValueError:
        return
    yield from (leaf for _, leaf in _leaves(value))


def _unescaped(text):
    return re.sub(
        r'\\(u[0-9a-f]{4}|["\\/nrtbf])', lambda escape: json.loads(f'"{escape[0]}"', strict=False), text
    )


def _decoded(run):
    run = run.replace("-", "+").replace("_", "/")
    try:
        run = run[: len(run) - (len(run) % 4 == 1)]
        return base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _is_text(text):
    """Whether most of it, at least, is what a text is made of: a cut may have damaged an end."""
    return sum(char.isprintable() and char != "\ufffd" for char in text) > 0.8 * len(text)


def _leaves(value, path=()):
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, name))


# the figure


def redacted(redactor, exchange):
    done = redactor.request if isinstance(exchange, RecordedRequest) else redactor.response
    return done(exchange)


def recall(kinds, places, redactor_of, rng, times=1):
    """The share of planted secrets that no longer come through, and `(kind, place)` of those that do."""
    missed, planted = [], 0
    for kind, make in kinds.items():
        for place in places:
            for _ in range(times):
                text = make(rng)
                if not fits(text, place):
                    continue
                exchange, planted = place(text, rng), planted + 1
                assert text in everything(exchange), f"{kind} was not planted by {place.__name__}"
                if text in everything(redacted(redactor_of(text), exchange)):
                    missed.append((kind, place.__name__))
    return 1 - len(missed) / planted, missed, planted
