"""The `replay` fixture: an app's own code, unchanged, recorded and played, judged as a transcript."""

import pytest
from chat_wire import completion
from scripted import Scripted, reply

APP = """
    import json

    BODY = {"model": "small-1", "messages": [{"role": "user", "content": "When are you open?"}]}

    def with_openai(url):
        import openai
        client = openai.OpenAI(api_key="sk-live-0123456789abcdef", base_url=url + "/v1")
        return client.chat.completions.create(**BODY).choices[0].message.content

    def with_openai_async(url):
        import asyncio, openai
        async def ask():
            async with openai.AsyncOpenAI(api_key="sk-live-0123456789abcdef", base_url=url + "/v1") as client:
                return (await client.chat.completions.create(**BODY)).choices[0].message.content
        return asyncio.run(ask())

    def with_httpx(url):
        import httpx
        return httpx.post(url + "/v1/chat/completions", json=BODY).json()["choices"][0]["message"]["content"]

    def with_requests(url):
        import requests
        answer = requests.post(url + "/v1/chat/completions", json=BODY)
        return answer.json()["choices"][0]["message"]["content"]

    def with_urllib3(url):
        import urllib3
        answer = urllib3.request("POST", url + "/v1/chat/completions", json=BODY)
        return answer.json()["choices"][0]["message"]["content"]

    def with_aiohttp(url):
        import asyncio, aiohttp
        async def ask():
            async with aiohttp.ClientSession() as session:
                async with session.post(url + "/v1/chat/completions", json=BODY) as answer:
                    return (await answer.json())["choices"][0]["message"]["content"]
        return asyncio.run(ask())
"""
LIBRARIES = ("openai", "openai_async", "httpx", "requests", "urllib3", "aiohttp")


@pytest.fixture
def app(sandbox):
    """A project with an app; `app.test(code)` writes its test, `app.url` is where its provider was."""
    sandbox.write({"suites/app.py": APP, "replay.toml": '[redaction]\nsalt = "test"\n'})

    def test(code):
        sandbox.write({"suites/test_shop.py": f"import app\nURL = {sandbox.url!r}\n{code}"})

    sandbox.test, sandbox.url = test, "http://127.0.0.1:9"
    return sandbox


def record(app, code, answer=None):
    with Scripted([answer or reply(completion({"content": "From 9 to 17."}, model="small-1"))]) as server:
        app.url = server.url
        app.test(code)
        app.pytest("--record-mode=once").assert_outcomes(passed=1)


@pytest.mark.parametrize("library", LIBRARIES)
def test_whatever_library_an_app_uses_is_recorded_and_plays_offline(app, library):
    record(
        app,
        f"def test_hours(replay):\n    assert app.with_{library}(URL)\n    replay.check(contains='9')\n",
    )
    app.pytest().assert_outcomes(passed=1)
    _, (line,) = app.run()
    assert line["transcript"]["turns"][0]["reply"]["message"]["content"] == "From 9 to 17."
    assert line["case"]["id"] == "test_hours[app]#1"
    kept = (app.root / "fixtures/cassettes/test_shop/test_hours/app.yaml").read_text()
    assert "sk-live" not in kept


def test_the_marker_alone_is_enough(app):
    record(
        app, "import pytest\n@pytest.mark.replay\ndef test_hours():\n    assert '9' in app.with_openai(URL)\n"
    )
    app.pytest().assert_outcomes(passed=1)


def test_a_changed_prompt_fails_the_test_even_if_the_app_swallows_the_error(app):
    record(app, "def test_hours(replay):\n    app.with_openai(URL)\n")
    app.test(
        "def test_hours(replay):\n    app.BODY['messages'][0]['content'] = 'Why?'\n"
        "    try:\n        app.with_openai(URL)\n    except Exception:\n        pass\n"
    )
    result = app.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*seam (no_recording)*no recorded interaction matches*", "*messages[[]0].content*"]
    )


def test_a_failed_check_names_the_assertion(app):
    record(app, "def test_hours(replay):\n    app.with_openai(URL)\n")
    app.test("def test_hours(replay):\n    app.with_openai(URL)\n    replay.check(contains='midnight')\n")
    result = app.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*contains*midnight*"])


def test_a_test_that_fails_by_itself_is_in_the_run_with_what_it_raised(app):
    answer = lambda asked: reply(completion({"content": "Nine."}, model=asked.json["model"]))
    code = """
def test_checks(replay):
    app.with_httpx(URL)
    replay.check(contains="ten")

def test_asserts(replay):
    assert app.with_httpx(URL) == "Ten."
"""
    with Scripted([answer]) as server:
        app.url = server.url
        app.test(code)
        app.pytest("--record-mode=once").assert_outcomes(failed=2)
    app.pytest().assert_outcomes(failed=2)
    _, results = app.run()
    found = {
        one["case"]["id"]: [(v["assertion"], v["kind"]) for v in one["verdicts"] if v["status"] == "failed"]
        for one in results
    }
    assert found == {
        "test_checks[app]#1": [("contains", "missing")],
        "test_asserts[app]#1": [("python", "AssertionError")],
    }


def test_contract_is_judged_unless_it_is_switched_off(app):
    cut = completion({"content": "From 9"}, finish_reason="length", model="small-1")
    code = "def test_hours(replay):\n    app.with_openai(URL)\n    replay.check(contract='length')\n"
    record(app, code, reply(cut))
    app.test("def test_hours(replay):\n    app.with_openai(URL)\n")
    result = app.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*contract (length)*"])
    app.test("def test_hours(replay):\n    app.with_openai(URL)\n    replay.check(contract='off')\n")
    app.pytest().assert_outcomes(passed=1)


def test_what_a_test_checks_for_does_not_fail_the_contract(app):
    cut = completion({"content": "From 9"}, finish_reason="length", model="small-1")
    code = "def test_hours(replay):\n    app.with_openai(URL)\n    replay.check({})\n"
    record(app, code.format("finish_reason='length'"), reply(cut))
    app.pytest().assert_outcomes(passed=1)
    app.test(code.format("contains='9'"))
    app.pytest().assert_outcomes(failed=1)


def test_a_test_that_asks_nothing_is_not_green(app):
    app.test("def test_hours(replay):\n    pass\n")
    result = app.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not_intercepted*"])


def test_other_sockets_are_blocked_and_named(app):
    record(app, "def test_hours(replay):\n    app.with_openai(URL)\n")
    app.test(
        "import socket\ndef test_hours(replay):\n    app.with_openai(URL)\n"
        "    try:\n        socket.create_connection(('192.0.2.1', 80))\n    except Exception:\n        pass\n"
    )
    result = app.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seam (network)*192.0.2.1:80*"])


def test_tests_without_the_fixture_are_left_alone(app):
    app.test(
        "import socket\ndef test_plain():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        socket.create_connection(server.getsockname()).close()\n"
    )
    app.pytest().assert_outcomes(passed=1)
    assert not (app.root / "reports").exists()
