"""A suite's `faults` stand between the client and the cassette; a project registers its own."""

from chat_wire import completion
from scripted import Scripted, reply

CONFTEST = """
    from dataclasses import dataclass

    import httpx2

    from replay import faults


    @dataclass(frozen=True)
    class Unplugged:
        message: str = "no route to host"

        def __call__(self, transport):
            return Gone(self.message)


    class Gone:
        def __init__(self, message):
            self.message = message

        def handle_request(self, request):
            raise httpx2.ConnectError(self.message, request=request)


    faults.registry.register("unplugged", Unplugged)
"""


def suite(faults):
    return f"""
        targets: [small]
        conversations: [hours]
        faults: [{faults}]
        assert: [error: connection]
    """


def test_a_fault_is_what_the_case_sees_instead_of_the_recording(sandbox):
    sandbox.write(
        {
            "conftest.py": CONFTEST,
            "fixtures/conversations/hours.yaml": "messages: [{role: user, content: Open?}]\n",
            "suites/shop.yaml": suite("unplugged"),
            "replay.toml": "[targets.small]\nprovider = 'openai'\nmodel = 'm'\nbase_url = 'https://127.0.0.1/v1'\n",
        }
    )
    sandbox.pytest().assert_outcomes(passed=1)
    sandbox.write({"suites/shop.yaml": suite("{unplugged: {message: gone}}")})
    sandbox.pytest().assert_outcomes(passed=1)
    _, (line,) = sandbox.run()
    assert line["transcript"]["turns"][0]["error"]["message"].endswith("gone")


def test_an_unknown_fault_is_refused_at_its_place(sandbox):
    sandbox.write(
        {
            "conftest.py": CONFTEST,
            "fixtures/conversations/hours.yaml": "messages: [{role: user, content: Open?}]\n",
            "suites/shop.yaml": suite("unpluged"),
            "replay.toml": "[targets.small]\nprovider = 'openai'\nmodel = 'm'\n",
        }
    )
    result = sandbox.pytest()
    assert result.ret == 4
    assert (
        'suites/shop.yaml:3:10: error: no fault is called "unpluged"; did you mean "unplugged"?'
        in result.stderr.str()
    )


def test_without_its_fault_the_same_case_plays_its_recording(sandbox):
    sandbox.write(
        {
            "fixtures/conversations/hours.yaml": "messages: [{role: user, content: Open?}]\n",
            "suites/shop.yaml": "targets: [small]\nconversations: [hours]\nassert: [finish_reason: stop]\n",
        }
    )
    with Scripted([reply(completion(model="m"))]) as server:
        table = (
            f"[targets.small]\nprovider = 'openai_compatible'\nmodel = 'm'\nbase_url = '{server.url}/v1'\n"
        )
        sandbox.write({"replay.toml": table})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    sandbox.pytest().assert_outcomes(passed=1)
