// What the assertions found: what is wrong first and open, what passed in one line.

const BADNESS = ["failed", "error", "skipped", "passed"];

function verdictList(verdicts) {
  const found = [...verdicts].sort((a, b) => BADNESS.indexOf(a.status) - BADNESS.indexOf(b.status));
  const bad = found.filter(({ status }) => status === "failed" || status === "error");
  const fine = found.filter((verdict) => !bad.includes(verdict));
  return h("section.verdicts", { "aria-label": "Verdicts" },
    upTo(50, bad, verdict),
    fine.length > 0 && fold([h("span.sign"), fineTitle(fine)], () => h("div.fine", null, upTo(200, fine, verdictLine)), !bad.length && fine.length <= 12));
}

function fineTitle(fine) {
  const passed = fine.filter(({ status }) => status === "passed").length;
  const skipped = fine.length - passed;
  return [passed && `${plural(passed, "assertion")} passed`, skipped && `${count(skipped)} skipped`].filter(Boolean).join(", ");
}

function identityOf(verdict) {
  return [h("b", null, String(verdict.assertion ?? "")), verdict.kind && h("span.kind", null, String(verdict.kind))];
}

function verdictLine(verdict) {
  return h("p.verdict-line." + (verdict.status === "passed" ? "passed" : "skipped"), null,
    h("span.sign"), identityOf(verdict), turnMark(verdict), verdict.message && h("span.why", null, longText(String(verdict.message), 500)));
}

function turnMark(verdict) {
  const toTurn = (turn) => ({ target }) => target.closest("article")?.querySelector(`[data-turn="${turn}"]`)?.scrollIntoView({ behavior: "smooth" });
  return turnsOf(verdict).map((turn) => h("button.tag", { type: "button", onclick: toTurn(turn) }, `turn ${turn}`));
}

// Where to look: a failure that lies between several places names them all.
function turnsOf({ turn, actual }) {
  const places = Array.isArray(actual) ? actual.map((place) => place?.turn).filter(isNumber) : [];
  return [...new Set([...places, turn].filter(isNumber))];
}

function verdict(found) {
  const status = found.status === "error" ? "error" : "failed";
  return h("div.verdict." + status, null,
    h("header", null, h("span.sign"), h("span.only-spoken", null, `${status}: `), identityOf(found),
      status === "error" && h("span.tag", null, "could not be judged"), turnMark(found)),
    found.message && h("p.message", null, longText(String(found.message), 3000)),
    comparison(found),
    found.diff && h("pre.lines", null, upTo(400, String(found.diff).split("\n"), diffLine)));
}

function diffLine(line) {
  const kind = { "-": "gone", "+": "new", "~": "changed" }[line[0]];
  return h("span" + (kind ? "." + kind : ""), null, wordMarks(line) || " ");
}

// In a line, `[-was-]` and `{+is+}` are words that changed.
function wordMarks(line) {
  if (line[0] !== "~") return line;
  return line.split(/(\[-.*?-\]|\{\+.*?\+\})/).map((part) =>
    /^\[-.*-\]$/.test(part) ? h("del", null, part.slice(2, -2)) : /^\{\+.*\+\}$/.test(part) ? h("ins", null, part.slice(2, -2)) : part);
}

function comparison({ expected, actual }) {
  const gives = (value) => value !== undefined && value !== null && value !== "";
  if (gives(expected) && gives(actual)) return compared(expected, actual);
  const [title, value] = gives(expected) ? ["expected", expected] : ["actual", actual];
  return gives(value) && h("div.one-sided", null, h("h4", null, title), valueBlock(value));
}

// What is made of named fields is compared field by field, so that long text in them reads as text.
function compared(expected, actual) {
  const titles = ["expected", "actual"];
  const fields = fieldPairs(expected, actual);
  if (!fields) return sideBySide(valueText(expected), valueText(actual), titles);
  const differ = fields.filter(([, was, is]) => was !== is);
  const equal = fields.filter(([, was, is]) => was === is).map(([name]) => name);
  return [
    upTo(30, differ, ([name, was, is]) => h("div.field", null, h("h4", null, name), sideBySide(was, is, titles))),
    equal.length > 0 && h("p.equal", null, `the same: ${equal.slice(0, 20).join(", ")}`),
  ];
}

// Returns [name, text, text] of two objects, or of two lists of objects that stand for the same turns.
function fieldPairs(expected, actual) {
  if (isPlain(expected) && isPlain(actual)) return pairsOf(expected, actual, "");
  const lists = Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length;
  if (!lists || ![...expected, ...actual].every((item) => isPlain(item) && "finish_reason" in item)) return null;
  return expected.flatMap((item, n) => pairsOf(item, actual[n], expected.length > 1 ? `turn ${n + 1} ` : ""));
}

function pairsOf(expected, actual, place) {
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return keys.map((key) => [place + key, fieldText(expected, key), fieldText(actual, key)]);
}

function isPlain(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !JSON.isRawJSON?.(value);
}

function fieldText(object, key) {
  return Object.hasOwn(object, key) ? valueText(object[key]) : "";
}
