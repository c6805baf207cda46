"""What the official SDKs make of each fault, and what the verdicts of a suite say of it."""

import asyncio
import json

import anthropic
import httpx2
import openai
import pytest
from chat_wire import completion
from fault_bodies import ASKED, ASKED_OF_CLAUDE, SAID, STREAMED, STREAMS, TOOLS, WHOLE, cassette
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Scripted, reply, stream

from replay import faults

RETRIES = {"api_key": "unused", "max_retries": 0}
NOTHING = None
# fault -> what OpenAI's SDK raises for a whole answer, and for a stream; None: it raises nothing
RAISES = {
    "rate_limit": (openai.RateLimitError,) * 2,
    "server_error": (openai.InternalServerError,) * 2,
    "overloaded": (openai.InternalServerError,) * 2,
    "auth": (openai.AuthenticationError,) * 2,
    "content_filter": (openai.BadRequestError,) * 2,
    "timeout": (openai.APITimeoutError,) * 2,
    "connection_reset": (openai.APIConnectionError,) * 2,
    "html_gateway_page": (openai.InternalServerError,) * 2,
    "stall": (openai.APITimeoutError, openai.APITimeoutError),
    "slow_first_token": (NOTHING, NOTHING),
    "trickle": (NOTHING, NOTHING),
    "cut": (json.JSONDecodeError, NOTHING),  # a stream that ends early is silence
    "missing_done": ("no stream", NOTHING),
    "missing_usage": (NOTHING, NOTHING),
    "malformed_chunk": (json.JSONDecodeError, json.JSONDecodeError),
    "error_event": (NOTHING, openai.APIError),
    "empty_choices": (NOTHING, NOTHING),
    "duplicate_chunk": ("no stream", NOTHING),
}
ARGUMENTS = {"cut": {"inside": "chunk"}, "trickle": {"bytes": 3}}


def asked(client, body):
    """The text and how the call ended, from a client whose transport plays a fault."""
    said = ""
    try:
        if not body.get("stream"):
            answer = client.chat.completions.create(**body)
            return answer.choices[0].message.content if answer.choices else "", None
        for chunk in client.chat.completions.create(**body):
            said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    except Exception as problem:  # noqa: BLE001 - it is what the test looks at
        return said, problem
    return said, None


async def asked_async(client, body):
    said = ""
    try:
        if not body.get("stream"):
            answer = await client.chat.completions.create(**body)
            return answer.choices[0].message.content if answer.choices else "", None
        async for chunk in await client.chat.completions.create(**body):
            said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    except Exception as problem:  # noqa: BLE001 - it is what the test looks at
        return said, problem
    return said, None


def through_openai(transport, body):
    with openai.OpenAI(http_client=httpx2.Client(transport=transport), **RETRIES) as client:
        return asked(client, body)


def through_openai_async(transport, body):
    async def run():
        async with openai.AsyncOpenAI(
            http_client=httpx2.AsyncClient(transport=transport), **RETRIES
        ) as client:
            return await asked_async(client, body)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """What a scripted provider said over real HTTP, recorded by the SDK itself: whole, and as a stream."""
    path = tmp_path_factory.mktemp("recorded") / "cassette.yaml"
    from replay.cassette.cassette import Cassette

    answers = [reply(WHOLE["chat"][2][0]), stream(STREAMS["chat"][2])]
    with Scripted(answers) as server, Cassette(path, "once") as tape:
        for body in (ASKED, STREAMED):
            with openai.OpenAI(
                http_client=tape.http_client(), base_url=f"{server.url}/v1", **RETRIES
            ) as client:
                assert asked(client, body) == (SAID, None)
    return path


@pytest.mark.parametrize("streams", [False, True], ids=("whole", "stream"))
@pytest.mark.parametrize("through", [through_openai, through_openai_async], ids=("sync", "async"))
@pytest.mark.parametrize("fault", RAISES)
def test_openais_sdk_sees_the_fault(recorded, fault, through, streams):
    from replay.cassette.cassette import Cassette

    expected = RAISES[fault][streams]
    play = faults.build(fault, ARGUMENTS.get(fault))
    with Cassette(recorded) as tape:
        said, problem = through(play(tape.transport()), STREAMED if streams else ASKED)
    if expected == "no stream":
        assert "cannot be played" in str(problem.__cause__ or problem)
        return
    assert (type(problem) if problem else None) is expected
    partial = ("cut", "stall", "malformed_chunk", "error_event")
    if streams and fault in partial:
        assert said
        assert SAID.startswith(said)
        assert said != SAID
    elif problem is None and fault not in ("empty_choices", "duplicate_chunk", "error_event"):
        assert said == SAID


def test_the_sdk_itself_tries_again_and_gets_the_recording(tmp_path):
    tape = cassette(tmp_path / "c.yaml", WHOLE["chat"])
    play = faults.build("rate_limit", {"retry_after": "ms", "seconds": 0.001, "first": 2})(tape.transport())
    with openai.OpenAI(api_key="unused", http_client=httpx2.Client(transport=play)) as client:
        assert asked(client, ASKED) == (SAID, None)


def test_arguments_that_stop_half_way_reach_the_app(tmp_path):
    tape = cassette(tmp_path / "c.yaml", STREAMS["call"])
    transport = faults.build("truncated_arguments")(tape.transport())
    with openai.OpenAI(http_client=httpx2.Client(transport=transport), **RETRIES) as client:
        chunks = list(client.chat.completions.create(**STREAMED, tools=TOOLS))
    calls = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or ()]
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(call.function.arguments or "" for call in calls))


CLAUDE = {
    "rate_limit": anthropic.RateLimitError,
    "overloaded": anthropic.InternalServerError,
    "auth": anthropic.AuthenticationError,
    "connection_reset": anthropic.APIConnectionError,
    "stall": httpx2.ReadTimeout,  # within a stream this SDK lets the library's own error through
    "error_event": anthropic.APIStatusError,
    "timeout": anthropic.APITimeoutError,
    "cut": NOTHING,
    "missing_done": NOTHING,
    "trickle": NOTHING,
    "duplicate_chunk": NOTHING,
}


@pytest.mark.parametrize("fault", CLAUDE)
def test_anthropics_sdk_sees_the_fault_in_its_stream(tmp_path, fault):
    tape = cassette(tmp_path / "c.yaml", STREAMS["messages"])
    transport = faults.build(fault, {"duplicate_chunk": 4}.get(fault))(tape.transport())
    said, raised = "", None
    with anthropic.Anthropic(http_client=httpx2.Client(transport=transport), **RETRIES) as client:
        try:
            for event in client.messages.create(**ASKED_OF_CLAUDE, stream=True):
                said += getattr(getattr(event, "delta", None), "text", None) or ""
        except (anthropic.AnthropicError, httpx2.TransportError) as problem:
            raised = problem
    expected = CLAUDE[fault]
    assert isinstance(raised, expected) if expected else raised is None
    assert fault == "duplicate_chunk" or SAID.startswith(said)


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_fault_is_played_on_what_real_providers_said(tmp_path):
    """On recordings of the corpus: a fault plays, or says why it has no place; nothing crashes."""
    from itertools import islice

    from test_fault_plugins import ask

    from replay.cassette.cassette import Cassette
    from replay.cassette.file import save
    from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
    from replay.errors import FaultNotPlayed

    urls = {
        "chat.completions": "https://api.openai.com/v1/chat/completions",
        "messages": "https://api.anthropic.com/v1/messages",
        "responses": "https://api.openai.com/v1/responses",
    }
    played = dict.fromkeys(faults.registry.names(), 0)
    for endpoint, url in urls.items():
        streamed = (
            one for one in recordings(endpoint) if one.row.get("stream") and one.status == 200 and one.request
        )
        for one in islice(streamed, 5):
            request = RecordedRequest("POST", url, {"content-type": "application/json"}, one.request)
            headers = {"content-type": ["text/event-stream"]}
            save(tmp_path / "c.yaml", [Interaction(request, RecordedResponse(200, "OK", headers, one.body))])
            for name in faults.registry.names():
                with Cassette(tmp_path / "c.yaml") as tape:
                    around = faults.Faults([faults.build(name)])
                    try:
                        seen = ask(around(tape.transport()), url, json.loads(one.request))
                    except FaultNotPlayed:
                        continue
                changed = seen.body != one.body or seen.error or seen.status != 200 or seen.times
                assert changed, (name, one.id)
                played[name] += 1
    assert all(played.values()), played


# -- suites -------------------------------------------------------------------------------------------------

TARGET = "[targets.small]\nprovider = 'openai'\nmodel = 'gpt-4o-mini'\ntimeout = 60\n"
JUDGED = {
    "rate_limit: date": "rate_limit",
    "server_error": "server",
    "overloaded": "overloaded",
    "auth": "auth",
    "content_filter": "content_filter",
    "timeout": "timeout",
    "connection_reset": "connection",
    "connection_reset: 2": "cut",
    "stall": "timeout",
    "slow_first_token: 90": "timeout",
    "trickle": "timeout",  # no read was late; the call as a whole was
    "cut: {end: closed}": "cut",
    "cut: {inside: token}": "cut",
    "malformed_chunk": "bad_response",
    "error_event": "stream_error",
    "html_gateway_page": "server",
    "html_gateway_page: 200": "bad_response",
}


@pytest.fixture
def suite(sandbox):
    """A recorded case of one stream; `suite(fault, asserts)` writes the suite that plays the fault on it."""
    asked = {
        "messages": ASKED["messages"],
        "params": {"stream": True, "stream_options": {"include_usage": True}},
    }
    sandbox.write({"replay.toml": TARGET, "fixtures/conversations/refund.yaml": json.dumps(asked)})
    folder = sandbox.root / "fixtures/cassettes/refund"
    folder.mkdir(parents=True)
    cassette(folder / "small.yaml", STREAMS["chat"]).close()

    def write(fault, asserts, **more):
        named = fault if ":" in fault else f"{fault}: "
        text = f"targets: [small]\nconversations: [refund]\nfaults: [{{{named}}}]\n"
        sandbox.write({"suites/shop.yaml": f"{text}assert: {json.dumps(asserts)}\n", **more})

    sandbox.suite = write
    return sandbox


@pytest.mark.parametrize("fault", JUDGED)
def test_a_suite_plays_the_fault_offline_and_the_verdict_names_it(suite, fault):
    suite.suite(fault, [{"error": JUDGED[fault]}])
    suite.pytest("--replay-strict").assert_outcomes(passed=1)
    suite.suite(fault, ["stream_integrity"])
    result = suite.pytest()
    result.assert_outcomes(failed=1)
    _, (line,) = suite.run()
    kinds = {
        (verdict["assertion"], verdict["kind"])
        for verdict in line["verdicts"]
        if verdict["status"] != "passed"
    }
    assert ("contract", f"error_{JUDGED[fault]}") in kinds
    assert ("stream_integrity", JUDGED[fault]) in kinds


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("cut: 3", {"finish_missing", "no_done", "usage_missing"}),
        ("missing_done", {"no_done"}),
        ("missing_usage", {"usage_missing"}),
        ("'content_filter': reply", {"content_filter"}),
    ],
)
def test_a_fault_that_raises_nothing_is_found_by_contract(suite, fault, kinds):
    suite.suite(fault, [{"contains": "On"}])
    suite.pytest().assert_outcomes(failed=1)
    _, (line,) = suite.run()
    assert {verdict["kind"] for verdict in line["verdicts"] if verdict["status"] != "passed"} == kinds


def test_a_late_first_token_is_told_to_latency_without_a_wait(suite):
    suite.suite("slow_first_token: 30", [{"latency": {"first_token_ms": 1000}}])
    suite.pytest().assert_outcomes(failed=1)
    _, (line,) = suite.run()
    assert line["transcript"]["turns"][0]["timing"]["first_token_ms"] == 30_020


def test_the_targets_retries_hold_for_faults_too_and_wait_for_nothing(suite):
    suite.suite(
        "rate_limit: {seconds: 100, first: 2}",
        [{"contains": "3 days"}],
        **{"replay.toml": TARGET + "retries = 2\n"},
    )
    suite.pytest("--replay-strict").assert_outcomes(passed=1)
    _, (line,) = suite.run()
    turn = line["transcript"]["turns"][0]
    assert turn["attempts"] == 3
    assert turn["tries"] == [{"kind": "rate_limit", "status": 429}] * 2


def test_a_fault_without_a_place_fails_its_case_and_says_why(suite):
    suite.suite("truncated_arguments", [{"contains": "3 days"}])
    result = suite.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seam (fault)*truncated_arguments cannot be played*no tool is called*"])


def test_a_fault_that_nothing_came_to_is_told(suite):
    suite.suite("rate_limit: {call: 2}", [{"contains": "3 days"}])
    suite.pytest().assert_outcomes(passed=1)
    result = suite.pytest("--replay-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seam (fault)*fault rate_limit was never played*"])


# -- an app's own code ---------------------------------------------------------------------------------------

APP = """
    import json

    import pytest

    BODY = {body}
    URL = "{url}"

    def with_openai():
        import openai
        client = openai.OpenAI(api_key="unused", base_url=URL.removesuffix("/chat/completions"))
        return client.chat.completions.create(**BODY).choices[0].message.content

    def with_httpx():
        import httpx
        answer = httpx.post(URL, json=BODY)
        answer.raise_for_status()
        return answer.json()["choices"][0]["message"]["content"]

    def with_requests():
        import requests
        answer = requests.post(URL, json=BODY)
        answer.raise_for_status()
        return answer.json()["choices"][0]["message"]["content"]

    def with_aiohttp():
        import aiohttp, asyncio
        async def ask():
            async with aiohttp.ClientSession(raise_for_status=True) as session:
                async with session.post(URL, json=BODY) as answer:
                    return (await answer.json())["choices"][0]["message"]["content"]
        return asyncio.run(ask())
"""


@pytest.mark.parametrize("library", ["openai", "httpx", "requests", "aiohttp"])
def test_the_marker_plays_faults_under_any_library(sandbox, library):
    test = f"""
    @pytest.mark.replay(faults=[{{"server_error": {{"first": 9}}}}])
    def test_down(replay):
        with pytest.raises(Exception) as raised:
            with_{library}()
        assert "500" in str(raised.value)
        replay.check(error={{"kind": "server"}})
    """
    body = completion({"content": SAID}, model="gpt-4o-mini")
    with Scripted([reply(body)]) as server:
        url = f"{server.url}/v1/chat/completions"
        code = APP.format(body=ASKED, url=url)
        sandbox.write(
            {"suites/test_shop.py": code + f"\n    def test_down(replay):\n        assert with_{library}()\n"}
        )
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    sandbox.write({"suites/test_shop.py": code + test})
    sandbox.pytest().assert_outcomes(passed=1)


def test_an_app_that_tries_again_is_whole_and_its_tries_are_one_turn(sandbox):
    test = """
    @pytest.mark.replay(faults=[{"rate_limit": {"retry_after": "ms", "seconds": 0.001, "first": 1}}])
    def test_busy(replay):
        assert with_openai()
        (turn,) = replay.transcript.turns
        assert turn.attempts == 2
        replay.check("contract")
    """
    sandbox.write(
        {"suites/test_shop.py": APP.format(body=ASKED, url=WHOLE["chat"][0]) + test, "replay.toml": ""}
    )
    folder = sandbox.root / "fixtures/cassettes/test_shop/test_busy"
    folder.mkdir(parents=True)
    cassette(folder / "app.yaml", WHOLE["chat"]).close()
    sandbox.pytest().assert_outcomes(passed=1)


def test_a_fault_of_the_marker_that_is_unknown_or_never_played_fails_the_test(sandbox):
    app = APP.format(body=ASKED, url=WHOLE["chat"][0])
    for test, told in (
        (
            "@pytest.mark.replay(faults=['ratelimit'])",
            '*no fault is called "ratelimit"; did you mean "rate_limit"*',
        ),
        ("@pytest.mark.replay(faults=[{'auth': {'call': 2}}])", "*fault auth was never played*"),
    ):
        code = f"{app}\n    {test}\n    def test_hours():\n        with_openai()\n"
        sandbox.write({"suites/test_shop.py": code, "replay.toml": ""})
        folder = sandbox.root / "fixtures/cassettes/test_shop/test_hours"
        folder.mkdir(parents=True, exist_ok=True)
        cassette(folder / "app.yaml", WHOLE["chat"]).close()
        result = sandbox.pytest()
        assert result.ret == 1
        result.stdout.fnmatch_lines([told])


@pytest.mark.parametrize("library", ["httpx", "requests", "aiohttp"])
def test_what_an_app_asks_after_a_fault_is_recorded_and_plays_offline(sandbox, library):
    test = f"""
    @pytest.mark.replay(faults=[{{"server_error": {{"first": 1}}}}])
    def test_down(replay):
        with pytest.raises(Exception):
            with_{library}()
        assert with_{library}()
        assert [turn.attempts for turn in replay.transcript.turns] == [2]
    """
    with Scripted([reply(completion({"content": SAID}, model="gpt-4o-mini"))]) as server:
        code = APP.format(body=ASKED, url=f"{server.url}/v1/chat/completions")
        sandbox.write({"suites/test_shop.py": code + test, "replay.toml": ""})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
        assert len(server.requests) == 1
    sandbox.pytest().assert_outcomes(passed=1)
