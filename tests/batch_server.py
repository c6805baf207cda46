"""OpenAI's, Azure's and Anthropic's batch APIs over real loopback HTTP, as their documentation says.

    with BatchServer(lambda body, times: (200, completion())) as server:
        ... f"{server.url}/v1" is OpenAI's base address, server.url Anthropic's and Azure's
        server.carried_out   # each request that was carried out, and so paid: (batch, custom_id, body)

Each look at a batch moves it one step on. Answers come in another order than requests. `script(body, times)`
answers a request whose like was carried out `times` times before: (status, body), or "expired", "canceled",
or an error code that a line of OpenAI's error file has without an answer.
"""

import json
import random
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STEPS = ("validating", "in_progress", "finalizing", "completed")
ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/chat/completions",
)
STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class BatchServer:
    """`hook(event)` is called after something happened and before it is answered; events are "uploaded",
    "created", "looked", "downloaded". `queue` is how many requests may be enqueued; `hold` keeps batches
    going on while it is true. `refuse` maps "METHOD path" to (status, body) that is answered instead, once.
    """

    def __init__(self, script, *, queue=10**9):
        self.script, self.queue, self.hold, self.hook = script, queue, False, lambda event: None
        self.refuse = {}
        self.files, self.batches, self.log, self.carried_out = {}, {}, [], []
        self.looked_at_files = Counter()
        self._asked = Counter()
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    # what is asked

    def handle(self, method, url, headers, body):
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        azure = parts.path.startswith("/openai/")
        path = parts.path.removeprefix("/openai") if azure else parts.path.removeprefix("/v1")
        if azure and "api-version" not in query:
            return 404, _error("Resource not found", "404")
        with self._lock:
            self.log.append(f"{method} {path}")
            if refused := self.refuse.pop(f"{method} {path}", None):
                return refused
            return self._route(method, path, query, headers, body, azure)

    def _route(self, method, path, query, headers, body, azure):
        asked = f"{method} {path}"
        matches = ((re.fullmatch(route, asked), answer) for route, answer in self._routes.items())
        match, answer = next(found for found in matches if found[0])
        return answer(*match.groups(), query=query, headers=headers, body=body, azure=azure)

    @property
    def _routes(self):
        return {
            "POST /files": lambda headers, body, azure, **_: self._upload(headers, body, azure),
            "GET /files/([^/]+)": lambda name, **_: (200, self._file(name)),
            "GET /files/([^/]+)/content": lambda name, **_: self._downloaded(self.files[name]["content"]),
            "POST /batches": lambda body, azure, **_: self._create(json.loads(body), azure),
            "GET /batches": lambda query, **_: (200, self._list(query)),
            "GET /batches/([^/]+)": lambda name, **_: self._looked_at(name, self._look),
            "POST /messages/batches": lambda body, **_: self._create_messages(json.loads(body)),
            "GET /messages/batches": lambda query, **_: (200, self._list(query, anthropic=True)),
            "GET /messages/batches/([^/]+)": lambda name, **_: self._looked_at(name, self._look_messages),
            "GET /messages/batches/([^/]+)/results": lambda name, **_: self._results_of(name),
            ".*": lambda **_: (404, _error("there is nothing here", "not_found")),
        }

    def _looked_at(self, name, look):
        if name not in self.batches:
            return 404, _error(f"no batch {name}", "not_found")
        look(self.batches[name])
        return 200, _public(self.batches[name])

    def _results_of(self, name):
        return self._downloaded(self.batches[name]["_results"])

    def _downloaded(self, content):
        self.hook("downloaded")
        return 200, content

    # OpenAI's

    def _upload(self, headers, body, azure):
        parts = message_from_bytes(b"content-type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
        fields = {part.get_param("name", header="content-disposition"): part for part in parts.get_payload()}
        if fields["purpose"].get_payload() != "batch":
            return 400, _error("purpose must be batch", "invalid_purpose")
        name = f"file-{len(self.files) + 1}"
        content = fields["file"].get_payload(decode=True)
        self.files[name] = {"content": content, "filename": fields["file"].get_filename(), "azure": azure}
        assert self.files[name]["filename"].endswith(".jsonl")
        self.hook("uploaded")
        return 200, self._file(name)

    def _file(self, name):
        file = self.files[name]
        self.looked_at_files[name] += 1
        return {
            "id": name,
            "object": "file",
            "bytes": len(file["content"]),
            "created_at": int(time.time()),
            "filename": file["filename"],
            "purpose": "batch",
            "status": "pending" if file["azure"] and self.looked_at_files[name] < 2 else "processed",
        }

    def _create(self, asked, azure):
        assert asked["completion_window"] == "24h"
        if asked["endpoint"] not in ENDPOINTS:
            return 400, _error(f"endpoint {asked['endpoint']} is not supported", "invalid_endpoint")
        if azure and self._file(asked["input_file_id"])["status"] != "processed":
            return 400, _error("the file is pending", "invalid_file")
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": int(time.time()),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        self.hook("created")
        return 200, _public(self.batches[name])

    def _look(self, batch):
        self.hook("looked")
        if batch["status"] not in STEPS[:3] or (self.hold and batch["status"] == "in_progress"):
            return
        batch["status"] = STEPS[STEPS.index(batch["status"]) + 1]
        if batch["status"] == "in_progress":
            self._validate(batch)
        elif batch["status"] == "completed":
            self._carry_out(batch)

    def _validate(self, batch):
        lines = self.files[batch["input_file_id"]]["content"].decode().splitlines()
        errors, seen, model = [], set(), None
        for number, line in enumerate(lines, 1):
            found = None
            with suppress(ValueError):
                found = json.loads(line)
            if found is None:
                errors.append(
                    _complaint("invalid_json_line", "This line is not parseable as valid JSON.", number)
                )
                continue
            model = model or found["body"]["model"]
            if found["custom_id"] in seen:
                errors.append(_complaint("duplicate_custom_id", "The custom_id is a duplicate.", number))
            elif found["method"] != "POST" or found["url"] != batch["endpoint"]:
                errors.append(_complaint("invalid_url", "The URL is not that of the batch.", number))
            elif found["body"]["model"] != model:
                errors.append(_complaint("mismatched_model", "All requests must have one model.", number))
            elif found["body"].get("stream") or found["body"].get("refuse"):
                errors.append(_complaint("invalid_request", "This request cannot be in a batch.", number))
            seen.add(found["custom_id"])
        batch["_lines"] = [json.loads(line) for line in lines] if not errors else []
        queued = sum(
            len(one.get("_lines", ())) for one in self.batches.values() if one["status"] in STEPS[:3]
        )
        if queued > self.queue:
            errors = [
                _complaint("token_limit_exceeded", f"Enqueued token limit reached: {self.queue}.", None)
            ]
        if errors:
            batch |= {"status": "failed", "errors": {"object": "list", "data": errors}, "_lines": []}
        batch["request_counts"]["total"] = len(batch["_lines"])

    def _carry_out(self, batch):
        output, errors = [], []
        for line in batch["_lines"]:
            said = self._answered(batch, line["custom_id"], line["body"])
            entry = {"id": f"batch_req_{line['custom_id'][:8]}", "custom_id": line["custom_id"]}
            if isinstance(said, str):
                code = {"expired": "batch_expired", "canceled": "batch_cancelled"}.get(said, said)
                errors.append(entry | {"response": None, "error": {"code": code, "message": f"it is {said}"}})
                continue
            status, body = said
            response = {"status_code": status, "request_id": f"req_{line['custom_id'][:8]}", "body": body}
            (output if status == 200 else errors).append(entry | {"response": response, "error": None})
        if any(error["error"] and error["error"]["code"] == "batch_expired" for error in errors):
            batch["status"] = "expired"
        batch["request_counts"] |= {"completed": len(output), "failed": len(errors)}
        batch["output_file_id"], batch["error_file_id"] = self._written(output), self._written(errors)

    def _written(self, lines):
        if not lines:
            return None
        name = f"file-{len(self.files) + 1}"
        content = "\n".join(map(_line, _shuffled(lines))).encode()
        self.files[name] = {"content": content, "filename": "o.jsonl", "azure": False}
        return name

    def _answered(self, batch, name, body):
        times = self._asked[_line(body)]
        said = self.script(body, times)
        if not isinstance(said, str):
            self._asked[_line(body)] += 1
            self.carried_out.append((batch["id"], name, body))
        return said

    # Anthropic's

    def _create_messages(self, asked):
        requests = asked["requests"]
        assert len({one["custom_id"] for one in requests}) == len(requests)
        assert all(1 <= len(one["custom_id"]) <= 64 for one in requests)
        for number, one in enumerate(requests):
            if one["params"].get("stream"):
                message = f"requests.{number}.params.stream: not supported in a batch"
                return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        name = f"msgbatch_{len(self.batches) + 1}"
        self.batches[name] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": {
                "processing": len(requests), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0
            },
            "created_at": _now(),
            "expires_at": _now(),
            "ended_at": None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": None,
            "_lines": requests,
            "_looks": 0,
        }  # fmt: skip
        self.hook("created")
        return 200, _public(self.batches[name])

    def _look_messages(self, batch):
        self.hook("looked")
        batch["_looks"] += 1
        if batch["processing_status"] == "ended" or self.hold or batch["_looks"] < 3:
            return
        results = [self._result(batch, line) for line in batch["_lines"]]
        counts = Counter(result["result"]["type"] for result in results)
        batch["request_counts"] = dict.fromkeys(batch["request_counts"], 0) | counts
        batch["results_url"] = f"{self.url}/v1/messages/batches/{batch['id']}/results"
        batch["processing_status"], batch["ended_at"] = "ended", _now()
        batch["_results"] = "".join(_line(result) + "\n" for result in _shuffled(results)).encode()

    def _result(self, batch, line):
        said = self._answered(batch, line["custom_id"], line["params"])
        if isinstance(said, str):
            result = {"type": said}
        elif said[0] == 200:
            result = {"type": "succeeded", "message": said[1]}
        else:
            error = {"type": STATUS[said[0]], "message": str(said[1])}
            result = {"type": "errored", "error": {"type": "error", "error": error}}
        return {"custom_id": line["custom_id"], "result": result}

    def _list(self, query, *, anthropic=False):
        found = [one for one in self.batches.values() if ("type" in one) is anthropic][::-1]
        after = query.get("after_id" if anthropic else "after")
        if after:
            found = found[[one["id"] for one in found].index(after) + 1 :]
        shown = found[: int(query.get("limit", 20))]
        page = {"data": [_public(one) for one in shown], "has_more": len(shown) < len(found)}
        ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
        return page | ({"first_id": None, "last_id": None} | ends if anthropic else {"object": "list"} | ends)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer("GET", b"")

    def do_POST(self):
        self._answer("POST", self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, method, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said = self.api.handle(method, self.path, headers, body)
        content = said if isinstance(said, bytes) else _line(said).encode()
        with suppress(OSError):  # whoever asked may be dead by now
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def _line(data):
    return json.dumps(data, ensure_ascii=False)


def _public(batch):
    return {name: value for name, value in batch.items() if not name.startswith("_")}


def _error(message, code):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _complaint(code, message, line):
    return {"code": code, "message": message, "param": None, "line": line}


def _shuffled(lines):
    return random.Random(1).sample(lines, len(lines))


def _now():
    return datetime.now(UTC).isoformat()
