// Messages beside each other: what is the same once, what differs word by word or key by key.

// The new messages of a turn. The first ones are mostly the same for both, and folded but for the last.
function newsPairs(before, after, names, calls) {
  let same = 0;
  while (same < before.length && same < after.length && alikeMessages(before[same], after[same])) same++;
  const shared = before.slice(0, same), shown = Math.max(0, same - 2);
  const rest = Array.from({ length: Math.max(before.length, after.length) - same }, (_, n) => [before[same + n], after[same + n]]);
  return [
    shown > 0 && fold(`${plural(shown, "earlier message")}, the same for both`, () => shared.slice(0, shown).map((message) => bubble(message, { calls }))),
    shared.slice(shown).map((message) => bubble(message, { calls })),
    upTo(100, rest, ([one, other]) => messagePair(one, other, names, { calls })),
  ];
}

// Ids are made anew each time, and are no difference.
function alikeMessages(one, other) {
  return equal(withoutIds(one), withoutIds(other));
}

function withoutIds(message) {
  const { tool_call_id, ...rest } = message ?? {};
  return Array.isArray(rest.tool_calls) ? { ...rest, tool_calls: rest.tool_calls.map(({ id, ...call }) => call) } : rest;
}

function messagePair(one, other, names, options) {
  if (!one && !other) return null;
  if (!one || !other) return pair(sideOf(one, options), sideOf(other, options));
  if (alikeMessages(one, other)) return bubble(one, { ...options, note: [options.note, "the same"].filter(Boolean).join(", ") });
  const fields = [["role", one.role, other.role], ...extraFields(one, other)];
  return h("div.both" + (options.fresh ? ".fresh" : ""), { role: "group", "aria-label": `${one.role}, both sides` },
    h("header", null, h("b", null, String(one.role ?? "no role")), spokenName(one, options.calls), options.note && h("span.note", null, options.note)),
    contentPair(one.content, other.content, names),
    callPairs(toolCalls(one), toolCalls(other), names),
    fields.filter(([, was, is]) => !equal(was, is)).map(([name, was, is]) =>
      fold(`${name} differs`, () => sideBySide(textOf(was), textOf(is), names), name === "refusal")));
}

function sideOf(message, options) {
  return message ? bubble(message, options) : h("p.note.blank", null, "nothing");
}

function extraFields(one, other) {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const shown of ["role", "content", "tool_calls", "tool_call_id", "function_call"]) keys.delete(shown);
  return [...keys].map((key) => [key, one[key], other[key]]);
}

function textOf(value) {
  return value === undefined || value === null ? "" : valueText(value);
}

function contentPair(before, after, names) {
  const [one, other] = [before ?? "", after ?? ""];
  if (equal(one, other)) return one !== "" && h("div.same", null, h("span.note", null, "the same text"), body({ content: one }));
  const json = jsonPair(one, other);
  if (!json) return sideBySide(textOf(one), textOf(other), names);
  const [was, is] = json;
  return was === is
    ? [h("p.note", null, "the same JSON, written differently"), fold("as text", () => sideBySide(one, other, names))]
    : [h("div.as-json", null, sideBySide(was, is, names)), fold("as text", () => sideBySide(one, other, names))];
}

// Two replies that are JSON, laid out with the keys in one order; null where one of them is not, or is fenced alone.
function jsonPair(one, other) {
  if (typeof one !== "string" || typeof other !== "string") return null;
  const [was, is] = [one, other].map(inJson);
  if (!was || !is || was.fenced !== is.fenced) return null;
  return [laidOut(JSON.stringify(was.value)), laidOut(JSON.stringify(inOrderOf(was.value, is.value)))];
}

function inJson(string) {
  const fence = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?\s*```\s*$/i.exec(string);
  const inner = fence ? fence[1] : string;
  if (!/^\s*[{[]/.test(inner) || !isJson(inner)) return null;
  return { fenced: Boolean(fence), value: parseLine(inner) };
}

// The second value with its keys in the order of the first.
function inOrderOf(model, value) {
  if (Array.isArray(value)) return value.map((item, n) => inOrderOf(Array.isArray(model) ? model[n] : undefined, item));
  if (!isPlain(value)) return value;
  const keys = isPlain(model) ? Object.keys(model).filter((key) => Object.hasOwn(value, key)) : [];
  const all = [...new Set([...keys, ...Object.keys(value)])];
  return Object.fromEntries(all.map((key) => [key, inOrderOf(isPlain(model) ? model[key] : undefined, value[key])]));
}

// Two objects key by key: those that differ in one table, those that do not by name.
function fieldTable(before, after, names) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const sameKeys = keys.filter((key) => Object.hasOwn(before, key) && Object.hasOwn(after, key) && equal(before[key], inOrderOf(before[key], after[key])));
  const differ = keys.filter((key) => !sameKeys.includes(key));
  return [
    differ.length > 0 && diffTable(names, differ.slice(0, 200).map((key) => fieldRows(key, before, after, names))),
    sameKeys.length > 0 && h("p.equal", null, `the same: ${sameKeys.slice(0, 30).map((key) => `${key} ${shortValue(before[key])}`).join(", ")}`),
  ];
}

function fieldRows(key, before, after, names) {
  const [has, had] = [Object.hasOwn(after, key), Object.hasOwn(before, key)];
  const head = h("tr.key", null, h("th", { colspan: 2, scope: "rowgroup" }, h("code", null, key), !had && onlyTag(names[1]), !has && onlyTag(names[0])));
  const one = had ? valueText(before[key]) : "", other = has ? valueText(inOrderOf(before[key], after[key])) : "";
  if (!had) return h("tbody", null, head, other.split("\n").map((line) => changedLine(undefined, line)));
  if (!has) return h("tbody", null, head, one.split("\n").map((line) => changedLine(line, undefined)));
  const alike = one === other; // a number and its text
  return h("tbody", null, head, diffRows(alike ? JSON.stringify(before[key]) : one, alike ? JSON.stringify(after[key]) : other));
}

function onlyTag(name) {
  return [" ", h("span.tag", null, "only ", name)];
}

function shortValue(value) {
  const string = JSON.stringify(value) ?? "";
  return string.length > 40 ? `${string.slice(0, 39)}…` : string;
}
