// A message as a chat bubble: who speaks, what is said, and the tools that are called.

const PLAIN = new Set(["name", "refusal", "reasoning_content", "reasoning", "audio"]);
const MAGIC = { png: "\x89PNG", jpeg: "\xff\xd8\xff", gif: "GIF8", webp: "RIFF" };

// `calls` tells a tool message which call it answers, `answer` how that went; `note` says where it comes from.
function bubble(message, { note = "", calls = new Map(), answer = null, fresh = false } = {}) {
  const extra = extras(message);
  const role = String(message.role || "no role");
  const head = h("header", null, h("b", null, role), spokenName(message, calls), answer && answerTags(answer), note && h("span.note", null, note));
  const known = ["system", "developer", "user", "assistant", "tool"].includes(role) ? role : "other";
  return h(`div.bubble.${known}${fresh ? ".fresh" : ""}`, { role: "group", "aria-label": role },
    head,
    reasoning(message),
    body(message),
    typeof message.refusal === "string" && h("p.refusal", null, h("b", null, "refused "), longText(message.refusal)),
    message.audio && audioChip(message.audio),
    toolCalls(message).map(toolCall),
    extra && fold("other fields", () => valueBlock(extra)));
}

function spokenName(message, calls) {
  const name = message.name ?? calls.get(message.tool_call_id);
  return [
    name && h("span.name", null, String(name)),
    message.tool_call_id && h("span.id", null, String(message.tool_call_id)),
  ];
}

// The status of a tool's result, and what gave it where that is not what was recorded.
function answerTags({ status, by }) {
  const bad = ["error", "permission_denied"].includes(status);
  const source = { nearest: "recorded for other arguments", function: "function", unmatched: "nothing answered", refused: "not executed" }[by];
  return [h("span.tag" + (bad ? ".bad" : ""), null, spelled(status)), source && h("span.note", null, source)];
}

function spelled(name) {
  return String(name ?? "").replaceAll("_", " ");
}

function extras(message) {
  const shown = new Set(["role", "content", "tool_calls", "tool_call_id", "function_call", ...PLAIN]);
  const rest = Object.entries(message).filter(([key, value]) => !shown.has(key) && value !== null && value !== "");
  return rest.length ? Object.fromEntries(rest) : null;
}

function reasoning(message) {
  const thought = message.reasoning_content ?? message.reasoning;
  return thought && fold("reasoning", () => valueBlock(thought));
}

function body(message) {
  const content = message.content;
  if (content == null) return null;
  if (Array.isArray(content)) return upTo(100, content, part);
  if (typeof content !== "string") return valueBlock(content);
  if (content === "") return h("p.empty", null, "empty text");
  return prose(content, message.role === "tool");
}

// Text as it was written; where it is JSON, also laid out.
function prose(string, isTool) {
  const json = /^\s*[{[]/.test(string) && isJson(string);
  if (json && isTool) return jsonBlock(string);
  return [h("div.prose", null, longText(string)), json && fold("as JSON", () => jsonBlock(string))];
}

function part(piece) {
  if (!piece || typeof piece !== "object") return valueBlock(piece);
  const shown = {
    text: () => h("div.prose", null, longText(String(piece.text ?? ""))),
    image_url: () => image(piece.image_url?.url ?? piece.image_url),
    input_audio: () => chip("audio", piece.input_audio?.format, size(piece.input_audio?.data)),
    file: () => chip("file", piece.file?.filename ?? piece.file?.file_id, size(piece.file?.file_data)),
    refusal: () => h("p.refusal", null, h("b", null, "refused "), longText(String(piece.refusal))),
    native: () => onlyOneWire(piece),
  }[piece.type];
  return shown ? shown() : [chip(String(piece.type ?? "part")), valueBlock(piece)];
}

// What only one provider can say: thinking with its signature, a server's own tool.
function onlyOneWire(piece) {
  const [wire, said] = Object.entries(piece).find(([key]) => key !== "type") ?? ["no provider", null];
  return fold(`${wire}: ${said?.type ?? "native"}`, () => valueBlock(said));
}

function image(url) {
  if (typeof url !== "string") return chip("image", "no address");
  if (isImage(url)) return h("img", { src: url, alt: `image, ${size(url)}`, loading: "lazy" });
  if (/^https?:\/\//i.test(url))
    return h("a.chip", { href: url, rel: "noreferrer noopener", target: "_blank" }, h("b", null, "image"), h("span", null, url.slice(0, 300)));
  return chip("image", "not a base64 image", url.slice(0, 60));
}

// Only raster images that are what they say.
function isImage(url) {
  const head = /^data:image\/(png|jpeg|gif|webp);base64,/.exec(url.slice(0, 40));
  if (!head) return false;
  try {
    return atob(url.slice(head[0].length)).startsWith(MAGIC[head[1]]);
  } catch {
    return false;
  }
}

function chip(kind, ...details) {
  return h("span.chip", null, h("b", null, kind), details.filter(Boolean).map((detail) => h("span", null, String(detail))));
}

function audioChip(audio) {
  return [chip("audio", audio.id, size(audio.data)), audio.transcript && h("div.prose", null, longText(String(audio.transcript)))];
}

function size(base64) {
  return typeof base64 === "string" ? bytes(Math.floor((base64.length * 3) / 4)) : "";
}

function toolCalls(message) {
  const legacy = message.function_call && { type: "function_call", function: message.function_call };
  return [...(Array.isArray(message.tool_calls) ? message.tool_calls : []), legacy].filter(Boolean);
}

function callName(call) {
  return call.function?.name ?? call.custom?.name ?? "";
}

function toolCall(call) {
  const given = call.function?.arguments ?? call.custom?.input ?? "";
  const string = typeof given === "string" ? given : JSON.stringify(given);
  const broken = call.type !== "custom" && string.trim() && !isJson(string);
  return h("div.call" + (broken ? ".broken" : ""), null,
    h("header", null, h("span.calls", { "aria-hidden": "true" }, "ƒ"), h("b", null, callName(call) || "no name"),
      call.type && call.type !== "function" && h("span.tag", null, call.type),
      broken && h("span.tag.bad", null, "arguments are not JSON"), call.id && h("span.id", null, String(call.id))),
    string.trim() && string.trim() !== "{}" ? jsonBlock(string) : h("p.empty", null, "no arguments"));
}

// Which call each id stands for, to name the tool that answers.
function callNames(messages) {
  const calls = messages.flatMap((message) => (message ? toolCalls(message) : []));
  return new Map(calls.map((call) => [call.id, callName(call)]));
}
