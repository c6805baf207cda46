"""The seeded provider, which other tests lean on: the same chance in every run, and an eye on its limits."""

import threading

import httpx2
import openai
import pytest
from seeded import Limit, Model, Seeded, Storm, chance, spread


def ask(client, model, text, **params):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **params)


def sdk(server):
    return openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0)


def answers(server, order):
    client = sdk(server)
    return {text: [ask(client, "m", text).choices[0].message.content for _ in range(3)] for text in order}


def test_answers_do_not_hang_on_the_order_of_the_questions():
    texts = [f"question {n}" for n in range(12)]
    with Seeded({"m": Model(passes=0.5)}, seed=3) as one, Seeded({"m": Model(passes=0.5)}, seed=3) as two:
        first, second = answers(one, texts), answers(two, texts[::-1])
    assert first == second
    assert len({tuple(said) for said in first.values()}) > 2  # chance, and not one coin for all


def test_pass_rates_are_those_asked_for():
    with Seeded({"m": Model(passes=spread(0.8, 0.3))}, seed=5) as server:
        client = sdk(server)
        said = [ask(client, "m", f"q{n}").choices[0].message.content for n in range(200)]
        expected = sum(chance(server.models["m"], 5, call.conversation) for call in server.calls)
    assert abs(sum(text.startswith("Yes") for text in said) - expected) < 25


def test_a_stream_says_the_same_as_a_whole_answer_with_its_usage():
    with Seeded({"m": Model()}) as server:
        client = sdk(server)
        events = list(ask(client, "m", "Hi", stream=True, stream_options={"include_usage": True}))
        whole = ask(client, "m", "Hi")
    text = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    assert text.strip() == whole.choices[0].message.content
    assert events[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert events[0].system_fingerprint == whole.system_fingerprint == "fp_seeded"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("server", openai.InternalServerError),
        ("reset", openai.APIConnectionError),
        ("bad", openai.BadRequestError),
        ("cut", openai.APIConnectionError),
    ],
)
def test_what_goes_wrong_is_what_was_asked_for(fault, raised):
    with Seeded({"m": Model(faults={fault: 1.0})}) as server, pytest.raises(raised):
        ask(sdk(server), "m", "Hi")


def test_storms_say_when_to_come_back_and_billing_does_not():
    with Seeded(
        {"m": Model(storm=Storm(every=3, length=1, retry_after=2)), "b": Model(billing_after=0)}
    ) as server:
        client = sdk(server)
        ask(client, "m", "1"), ask(client, "m", "2")
        with pytest.raises(openai.RateLimitError) as storm:
            ask(client, "m", "3")
        ask(client, "m", "4")
        with pytest.raises(openai.RateLimitError) as billing:
            ask(client, "b", "1")
    assert storm.value.response.headers["retry-after"] == "2"
    assert storm.value.response.headers["x-request-id"] == "req_0_3"
    assert (billing.value.code, "retry-after" in billing.value.response.headers) == (
        "insufficient_quota",
        False,
    )


def test_who_sends_too_much_is_found_out():
    limit = Limit(concurrency=1, requests=2, per=60)
    with Seeded({"m": Model(latency=0.4, limit=limit)}) as server, httpx2.Client() as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        threads = [
            threading.Thread(
                target=client.post, args=(f"{server.base_url}/chat/completions",), kwargs={"json": body}
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.violations == [
        "m call 2: 2 calls at once",
        "m call 3: 3 calls at once",
    ]
    assert (server.most_at_once("m"), server.most_in("m", 60)) == (3, 3)
