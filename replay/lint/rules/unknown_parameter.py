"""A parameter is none that the provider documents."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from replay.errors import nearest
from replay.fixtures import PARAMS
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
# Names of CreateChatCompletionRequest in OpenAI's published OpenAPI description, without model and messages.
_OPENAI = frozenset(
    (
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "native",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    )
)


def check(subject: Subject) -> Iterator[Found]:
    """Find parameters of Chat Completions that are not known.

    OpenAI refuses what it does not know; other servers take more, and only what is almost a known name is
    found there. A request that OpenAI answered has no unknown ones.
    """
    elsewhere = {"base_url", "base_url_env"} & subject.settings.keys()
    strict = subject.provider == "openai" and subject.addressed and not elsewhere
    if strict and subject.taken:
        return
    known = _OPENAI if strict else PARAMS | {"tools"}
    for name in subject.params:
        if name not in known and (strict or get_close_matches(name, known, n=1, cutoff=0.85)):
            who = "OpenAI" if strict else "the chat wire"
            yield Found(("params", name), f"{who} has no parameter {name}", f"{nearest(name, known)}")
