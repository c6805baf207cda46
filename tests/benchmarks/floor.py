"""FLOOR A: a bare loop over the official SDK with an in-memory transport, JSON Lines input and four checks.

python tests/benchmarks/floor.py CASES.jsonl
"""

import json
import sys

import httpx2
import jsonschema
import openai


class InMemory(httpx2.BaseTransport):
    def __init__(self):
        self.body = b""

    def handle_request(self, request):
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=self.body)


def main(path):
    transport = InMemory()
    client = openai.OpenAI(
        api_key="none",
        base_url="http://floor/v1",
        http_client=httpx2.Client(transport=transport),
        max_retries=0,
    )
    validators, bad = {}, 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            transport.body = json.dumps(entry["response"]).encode()
            reply = client.chat.completions.create(**entry["request"])
            bad += not checked(entry, reply, validators)
    print(bad, "failed")


def checked(entry, reply, validators):
    choice, kind = reply.choices[0], entry["kind"]
    if choice.finish_reason != ("tool_calls" if kind == "tools" else "stop"):
        return False
    if not reply.usage or reply.usage.prompt_tokens > 1100 or reply.usage.completion_tokens > 200:
        return False
    if kind == "schema":
        schema = entry["request"]["response_format"]["json_schema"]["schema"]
        key = json.dumps(schema, sort_keys=True)
        if key not in validators:
            validators[key] = jsonschema.Draft202012Validator(schema)
        return validators[key].is_valid(json.loads(choice.message.content))
    if kind == "tools":
        calls = [
            (call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls
        ]
        return [name for name, _ in calls] == ["lookup_order"]
    return True


main(sys.argv[1])
