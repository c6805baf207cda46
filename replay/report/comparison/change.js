// A conversation that came out differently: both sides, what the assertions found, and what was said.

function changeBody(before, after, names) {
  const [one, other] = [before, after].map((data) => unfolded(data.transcript));
  const calls = callNames([...one, ...other].flatMap((turn) => [...turn.messages, turn.reply?.message]));
  return [
    pair(sideHead(before, names[0], "baseline"), sideHead(after, names[1], "candidate")),
    verdictPairs(before.verdicts, after.verdicts),
    askedPair(one[0]?.request, other[0]?.request, names),
    upTo(100, Array.from({ length: Math.max(one.length, other.length) }), (_, n) => turnPair(one[n], other[n], n + 1, names, calls)),
    h("div.wholes", null, [[before, names[0]], [after, names[1]]].map(([data, name]) =>
      fold([name, " in full"], () => [setting(data.transcript.conversation || {}), turnList(data.transcript)]))),
  ];
}

// One side alone, where the run has no line of the other.
function halfBody(data, name) {
  return [sideHead(data, name, "alone"), verdictList(data.verdicts), turnList(data.transcript)];
}

function pair(left, right) {
  return h("div.pair", null, h("div", null, left), h("div", null, right));
}

function sideHead({ case: { id, attempt }, outcome, transcript, cost }, name, side) {
  const usages = transcript.turns.map((turn) => turn.reply?.usage || {});
  const total = (values) => (values.length && values.every(isNumber) ? values.reduce((a, b) => a + b) : null);
  const tokens = ["prompt_tokens", "completion_tokens"].map((key) => count(total(usages.map((usage) => usage[key]))) || "?");
  const models = [...new Set(transcript.turns.map((turn) => turn.reply?.model).filter(Boolean))];
  const facts = [
    isNumber(attempt) && `attempt ${attempt}`,
    models.join(", "),
    `${tokens.join(" → ")} tokens`,
    dollars(cost),
    milliseconds(total(transcript.turns.map((turn) => turn.timing?.total_ms))),
  ];
  return h(`header.side.${side}.${knownOutcome(outcome)}`, { title: String(id) },
    h("h3", null, h("span.sign", { "aria-hidden": "true" }), h("span", null, name), h("span.kind", null, knownOutcome(outcome))),
    h("p.meta", null, facts.filter(Boolean).map((fact) => h("span", null, fact))));
}

function knownOutcome(outcome) {
  return ["passed", "failed", "error", "skipped"].includes(outcome) ? outcome : "error";
}

// Verdicts beside each other, by assertion; what passed on both sides is one line.
function verdictPairs(before, after) {
  const rows = new Map();
  for (const [side, verdicts] of [before, after].entries())
    for (const [key, found] of numbered(verdicts)) rows.set(key, Object.assign(rows.get(key) ?? [], { [side]: found }));
  const bad = [...rows.values()].filter((row) => row[0]?.status !== "passed" || row[1]?.status !== "passed");
  const fine = rows.size - bad.length;
  return h("section.verdicts", { "aria-label": "Verdicts" },
    upTo(50, bad, ([one, other]) => pair(verdictOf(one), verdictOf(other))),
    fine > 0 && h("p.note", null, `${plural(fine, "assertion")} passed on both sides: ${passedNames(rows, bad)}`));
}

// Each verdict with the name of its assertion, counted where it has more than one.
function numbered(verdicts) {
  const seen = new Map();
  return verdicts.map((found) => {
    const name = `${found.assertion}`, times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return [`${times} ${name}`, found];
  });
}

function passedNames(rows, bad) {
  const names = [...rows.values()].filter((row) => !bad.includes(row)).map(([one]) => String(one.assertion));
  return [...new Set(names)].slice(0, 20).join(", ");
}

function verdictOf(found) {
  if (!found) return h("p.note", null, "not judged");
  return found.status === "failed" || found.status === "error" ? verdict(found) : verdictLine(found);
}

// What was asked differently: model and parameters, and the tools on offer.
function askedPair(one, other, names) {
  if (!one || !other) return null;
  const [before, after] = [one, other].map(({ params, tools }) => ({ ...params, ...(tools?.length ? { tools } : {}) }));
  if (equal(before, after)) return null;
  return h("section.asked", null, h("h4", null, "Asked differently"), fieldTable(before, after, names));
}

function turnPair(one, other, number, names, calls) {
  return h("section.turn", { "data-turn": number, "aria-label": `Turn ${number}` },
    h("h3.turn-head", null, h("span", null, `Turn ${number}`), h("span.line"), turnFacts(one, other)),
    newsPairs(one?.news ?? [], other?.news ?? [], names, calls),
    messagePair(one?.reply?.message, other?.reply?.message, names, { calls, note: "reply", fresh: true }),
    (one?.error || other?.error) && pair(one?.error && errorCard(one.error), other?.error && errorCard(other.error)));
}

// How a turn ended, once where both ended the same.
function turnFacts(one, other) {
  const ends = [one, other].map((turn) => turn ? [turn.reply && finish(turn.reply), turn.attempts > 1 && h("span.warn", null, `${turn.attempts} attempts`)] : [h("span.warn", null, "no such turn")]);
  const [was, is] = ends.map((parts) => add(h("span.ends"), parts));
  return was.textContent === is.textContent ? was : [was, h("span", null, "→"), is];
}
