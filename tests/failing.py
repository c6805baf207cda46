"""A provider whose failure is a known function of the request: it says No where that holds, else Yes."""

from __future__ import annotations

import io
import random
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

from _pytest.pytester import LineMatcher
from scripted import Scripted, reply

from replay.cli import main


class Failing(Scripted):
    """Fails where `fails(body)` holds, then with the chance `rate`; the n-th time the same in every run."""

    def __init__(self, fails, rate=1.0, seed=0, takes=0.0):
        self.takes = takes  # seconds that an answer takes
        self._fails, self._rate, self._seed = fails, rate, seed
        self._times, self._now, self.most = Counter(), 0, 0  # `most` calls were there at once
        super().__init__([self._answer])

    @property
    def bodies(self):
        return [asked.json for asked in self.requests]

    def toml(self, *names, **settings):
        """Targets with these names, whose models are called the same."""
        more = "".join(f"{key} = {value}\n" for key, value in settings.items())
        return "\n".join(
            f'[tool.replay.targets.{name}]\nprovider = "openai_compatible"\nmodel = "{name}"\n'
            f'base_url = "{self.url}/v1"\n{more}'
            for name in names
        )

    def _answer(self, asked):
        self._now += 1
        self.most = max(self.most, self._now)
        time.sleep(self.takes)
        self._now -= 1
        body = asked.json
        said = asked.body
        self._times[said] += 1
        dice = random.Random(f"{self._seed} {self._times[said]} {said!r}").random()
        bad = self._fails(body) and dice < self._rate
        return reply(completion(body, "No." if bad else "Yes."))


def completion(body, text, finish="stop"):
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }


def text_of(body):
    return "\n".join(str(message.get("content")) for message in body["messages"])


def tools_of(body):
    return [tool["function"]["name"] for tool in body.get("tools", ())]


def typed(*arguments):
    """Run `replay` in this process, as it is typed in the folder that this one is in."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    told = (LineMatcher(said.getvalue().splitlines()) for said in (out, err))
    return SimpleNamespace(ret=code, **dict(zip(("stdout", "stderr"), told, strict=True)))
