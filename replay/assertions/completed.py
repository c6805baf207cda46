"""`completed`: the model had the last word, after the last result of a tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.assertions._found import Found, no_reply, verdicts
from replay.turn import Reply, Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class Completed:
    """The final turn came after the last tool result, ended of itself, and left nothing to be said.

    It calls no tool, its `finish_reason` is `stop`, and every user turn that was scripted has been sent.
    """

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Judge the last turn."""
        last = transcript.last
        if last is None:
            return verdicts(self, [Found("no_reply", "expected a reply, nothing was sent")])
        found = [no_reply(last)] if last.error or last.reply is None else self._ended(last.reply)
        return verdicts(self, [*found, *_unsaid(transcript)], len(transcript.turns))

    def _ended(self, reply: Reply) -> Iterator[Found]:
        calls = [call.name for call in reply.message.tool_calls]
        if calls:
            message = f"the last reply calls {', '.join(calls)}, and no turn came after the result"
            yield Found("calls_left", message, None, calls)
        elif reply.finish_reason != "stop":
            message = f"expected the last reply to stop, its finish_reason is {reply.finish_reason}"
            yield Found("not_stopped", message, "stop", reply.finish_reason)


def _unsaid(transcript: Transcript) -> Iterator[Found]:
    """What the user was to say is in the last request, unless the play ended before."""
    script = transcript.conversation.user_turns if transcript.play == "to_completion" else ()
    sent = transcript.turns[-1].request.messages[len(transcript.conversation.messages) :]
    left = len(script) - sum(message.role == "user" for message in sent)
    if left > 0:
        yield Found("user_turns_left", f"{left} of {len(script)} user turns were not sent", len(script), left)
