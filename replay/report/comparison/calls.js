// Tool calls beside each other: those of one name are a pair, in the order in which they stand.

function callPairs(before, after, names) {
  if (!before.length && !after.length) return null;
  return h("div.calls-both", null, upTo(50, aligned(before, after), (pairing) => callPair(pairing, names)));
}

// Returns { one, other, from, to }: calls with their numbers. What has no partner of its name stands alone.
function aligned(before, after) {
  const [one, other] = [before, after].map((calls) => calls.map((call, n) => ({ call, number: n + 1, name: callName(call) })));
  const out = [];
  let a = 0, b = 0;
  for (const [kind, items] of runs(one.map(({ name }) => name), other.map(({ name }) => name)))
    for (const _ of items) out.push({ one: kind === "new" ? null : one[a++], other: kind === "gone" ? null : other[b++] });
  return married(out);
}

// A call that one side made earlier or later than the other is still the same call.
function married(pairings) {
  for (const pairing of pairings.filter(({ one, other }) => one && !other)) {
    const partner = pairings.find(({ one, other }) => !one && other?.name === pairing.one.name);
    if (partner) [pairing.other, partner.other] = [partner.other, null];
  }
  return pairings.filter(({ one, other }) => one || other);
}

function callPair({ one, other }, names) {
  if (!one || !other) return loneCall(one ?? other, one ? 0 : 1, names);
  const moved = one.number !== other.number;
  const [was, is] = [one, other].map(({ call }) => givenTo(call));
  const same = equal(was.value, inOrderOf(was.value, is.value)) && was.broken === is.broken;
  return h("div.call", null,
    h("header", null, h("span.calls", { "aria-hidden": "true" }, "ƒ"), h("b", null, one.name || "no name"),
      same && h("span.tag", null, "the same"), moved && h("span.tag", null, `call ${one.number} → call ${other.number}`),
      [[was, names[0]], [is, names[1]]].map(([given, name]) => given.broken && h("span.tag.bad", null, "not JSON: ", name))),
    same ? jsonBlock(was.text) : argumentDiff(was, is, names));
}

function loneCall(found, side, names) {
  const halves = [h("p.note.blank", null, "not called"), toolCall(found.call)];
  return h("div.lone", null, h("span.tag.bad", null, "only ", names[side]), side ? pair(...halves) : pair(...halves.reverse()));
}

function argumentDiff(was, is, names) {
  if (isPlain(was.value) && isPlain(is.value)) return fieldTable(was.value, is.value, names);
  const asWritten = was.broken || is.broken || typeof was.value === "string" || typeof is.value === "string";
  return sideBySide(...[was, is].map((given) => (asWritten ? given.text : laidOut(given.text))), names);
}

// The arguments of a call as they were written, and what they say.
function givenTo(call) {
  const given = call.function?.arguments ?? call.custom?.input ?? "";
  const text = typeof given === "string" ? given : JSON.stringify(given);
  const plain = call.type === "custom";
  const broken = !plain && Boolean(text.trim()) && !isJson(text);
  return { text, broken, value: plain || broken ? text : text.trim() ? parseLine(text) : {} };
}
