"""A small project for the tests of what takes cases elsewhere: some pass, `shop/hours` does not say 8."""

import textwrap

from chat_wire import completion
from scripted import Scripted, reply

from replay import suites
from replay.config import Project
from replay.runner import Runner, plan

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
FILES = {
    "fixtures/conversations/shop/hours.yaml": """
        messages: [{role: user, content: When are you open?}]
    """,
    "fixtures/conversations/shop/days.yaml": """
        messages: [{role: user, content: On which days?}]
    """,
    "fixtures/conversations/shop/look.yaml": """
        messages:
          - role: user
            content:
              - {type: text, text: What is this?}
              - {type: image_url, image_url: {path: pixel.png}}
    """,
    "fixtures/conversations/many.jsonl": """
        {"name": "one", "messages": [{"role": "user", "content": "One?"}]}
        {"name": "two", "messages": [{"role": "user", "content": "Two?"}]}
    """,
    "suites/shop.yaml": """
        description: what a shop is asked
        targets: [small]
        conversations: [shop/*, many/*]
        assert:
          - finish_reason: stop
        cases:
          - {conversation: "shop/*", assert: [contains: "9"]}
          - {conversation: shop/hours, targets: [small, large], assert: [contains: "8"]}
          - {conversation: shop/days, repeats: 2, assert: [baseline]}
    """,
    "replay.toml": """
        [redaction]
        salt = "pepper-of-the-shop"
        terms = ["Blue Heron"]

        [targets.small]
        provider = "openai_compatible"
        model = "small-1"
        base_url = "{url}/v1"
        headers = {{x-team = "night shift"}}
        organization = "org-of-the-shop"

        [targets.large]
        provider = "openai_compatible"
        model = "large-1"
        base_url = "{url}/v1"
    """,
}


def said(asked):
    return reply(completion({"content": "From 9 to 17."}, model=asked.json["model"]))


BASELINE = """
    conversation: shop/days
    target: small
    variants:
      - turns: [{content: From 9 to 17., finish_reason: stop}]
"""


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")


def record(root, files, answer=said):
    """Write a project and record all of its suites over loopback."""
    with Scripted([answer]) as server:
        write(root, files | {"replay.toml": files["replay.toml"].format(url=server.url)})
        project = Project.find(root)
        runner = Runner(project, "new_episodes")
        for suite in suites.load_all(sorted(project.suites.glob("*.yaml")), project):
            for planned in plan(suite, project):
                runner.run(planned)
