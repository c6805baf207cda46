// Differences: which tokens went and which are new (Myers' greedy shortest edit script), and two texts side by side.

const FARTHEST = 800; // edits looked for; texts that differ more are shown as replaced

// Returns [kind, items] runs in order; kind is "same", "gone" or "new".
function runs(before, after) {
  let start = 0, tail = 0;
  const shortest = Math.min(before.length, after.length);
  while (start < shortest && before[start] === after[start]) start++;
  while (tail < shortest - start && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const middle = script(before.slice(start, before.length - tail), after.slice(start, after.length - tail));
  const end = before.slice(before.length - tail);
  return joined([...before.slice(0, start).map(same), ...middle, ...end.map(same)]);
}

const same = (item) => ["same", item];

function joined(steps) {
  const out = [];
  for (const [kind, item] of steps) {
    if (out.at(-1)?.[0] === kind) out.at(-1)[1].push(item);
    else out.push([kind, [item]]);
  }
  return out;
}

function script(a, b) {
  const replaced = () => [...a.map((item) => ["gone", item]), ...b.map((item) => ["new", item])];
  if (!a.length || !b.length) return replaced();
  const most = Math.min(a.length + b.length, FARTHEST), middle = most + 1;
  const reach = new Int32Array(2 * most + 3), trace = [];
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reach.slice());
    for (let k = -edits; k <= edits; k += 2) {
      let x = isDown(reach, middle, k, edits) ? reach[middle + k + 1] : reach[middle + k - 1] + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, trace, middle);
    }
  }
  return replaced();
}

function isDown(reach, middle, k, edits) {
  return k === -edits || (k !== edits && reach[middle + k - 1] < reach[middle + k + 1]);
}

function walkBack(a, b, trace, middle) {
  const steps = [];
  let x = a.length, y = b.length;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const k = x - y, reach = trace[edits];
    const from = isDown(reach, middle, k, edits) ? k + 1 : k - 1;
    const fromX = edits ? reach[middle + from] : 0, fromY = edits ? fromX - from : 0;
    while (x > fromX && y > fromY) steps.push(["same", a[--x]]), y--;
    if (edits) steps.push(x > fromX ? ["gone", a[--x]] : ["new", b[--y]]);
  }
  return steps.reverse();
}

function words(line) {
  return line.match(/[\p{L}\p{N}_]+|\s|[^\p{L}\p{N}_\s]/gu) ?? [];
}

// Two texts side by side: lines aligned, changed words marked; long equal stretches are folded.
function sideBySide(before, after, titles) {
  return diffTable(titles, h("tbody", null, diffRows(before, after)));
}

function diffTable(titles, ...bodies) {
  const head = h("thead", null, h("tr", null, titles.map((title) => h("th", { scope: "col" }, title))));
  return h("div.scroll", null, h("table.diff", null, head, bodies));
}

function diffRows(before, after) {
  return paired(runs(before.split("\n"), after.split("\n"))).flatMap((part) =>
    part.same ? equalLines(part.same) : part.pairs.map(([old, fresh]) => changedLine(old, fresh)));
}

// Puts the lines that went beside the lines that came.
function paired(lines) {
  const out = [];
  for (const [kind, items] of lines) {
    if (kind === "same") out.push({ same: items });
    else {
      if (!out.at(-1)?.gone) out.push({ gone: [], new: [] });
      out.at(-1)[kind].push(...items);
    }
  }
  for (const part of out.filter((part) => part.gone)) {
    const length = Math.max(part.gone.length, part.new.length);
    part.pairs = Array.from({ length }, (_, n) => [part.gone[n], part.new[n]]);
  }
  return out;
}

function equalLines(lines) {
  const row = (line) => h("tr", null, h("td", null, line), h("td", null, line));
  if (lines.length <= 8) return lines.map(row);
  const hidden = lines.slice(3, -3);
  const button = h("button.more", { type: "button", onclick: open }, `${count(hidden.length)} equal lines`);
  const folded = h("tr.folded", null, h("td", { colspan: 2 }, button));
  function open() {
    folded.replaceWith(...hidden.map(row));
  }
  return [...lines.slice(0, 3).map(row), folded, ...lines.slice(-3).map(row)];
}

function changedLine(before, after) {
  if (before === undefined) return h("tr", null, h("td.blank"), h("td.new", null, wholeLine(after)));
  if (after === undefined) return h("tr", null, h("td.gone", null, wholeLine(before)), h("td.blank"));
  const parts = runs(words(before), words(after));
  if (!related(parts)) return h("tr", null, h("td.gone", null, wholeLine(before)), h("td.new", null, wholeLine(after)));
  return h("tr", null, h("td.gone", null, marked(parts, "gone", "del")), h("td.new", null, marked(parts, "new", "ins")));
}

// Whether enough words are shared for the marks to say something.
function related(parts) {
  const length = (kept) => parts.filter(([kind]) => kept(kind)).flatMap(([, items]) => items).join("").replace(/\s/g, "").length;
  return alike(parts) || 4 * length((kind) => kind === "same") >= Math.min(length((kind) => kind !== "new"), length((kind) => kind !== "gone"));
}

function wholeLine(line) {
  return line === "" ? h("span.hidden-character", null, "⏎ empty line") : line;
}

function marked(parts, kind, tag) {
  const lookAlike = alike(parts);
  return parts
    .filter(([found]) => found === "same" || found === kind)
    .map(([found, items]) => (found === "same" ? items.join("") : h(tag, null, edge(items.join(""), lookAlike))));
}

// Whether two texts differ only in how they spell the same characters (NFC, NFD).
function alike(parts) {
  const side = (kind) => parts.filter(([found]) => found !== kind).flatMap(([, items]) => items).join("");
  return side("gone").normalize() === side("new").normalize();
}

function edge(string, lookAlike) {
  if (lookAlike) return spelled(string);
  return /^\s+$/.test(string) ? string.replaceAll(" ", "·").replaceAll("\t", "⇥") : string;
}
