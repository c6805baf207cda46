// Searches the messages of all cases, block by block, while the page stays usable. The text of what was unpacked
// once is kept up to a limit, so that the next search is quick.

const LIMIT = 96 * 2 ** 20; // characters kept
const kept = new Map(); // block -> lower-case texts
let keptSize = 0;

// Calls `progress(share)` after each block with `hits` grown; stops when `signal` is aborted.
async function searchBlocks(rows, query, hits, progress, signal) {
  const blocks = (rows.at(-1)?.block ?? -1) + 1;
  let first = 0;
  for (let block = 0; block < blocks; block++) {
    const texts = kept.get(block) ?? (await breathe(), await blockTexts(block));
    if (signal.aborted) return;
    texts.forEach((found, place) => found.includes(query) && hits.add(first + place));
    first += texts.length;
    progress((block + 1) / blocks);
  }
}

async function blockTexts(block) {
  const texts = (await blockLines(block)).map((line) => caseText(parseLine(line)));
  const size = texts.reduce((sum, text) => sum + text.length, 0);
  if (keptSize + size <= LIMIT) {
    kept.set(block, texts);
    keptSize += size;
  }
  return texts;
}

// Everything a case says but its raw bodies, and the tools of each request (the conversation has them).
function caseText(data) {
  const skipped = new Set(["raw", "tools", "logprobs", "timing"]);
  const found = [];
  (function walk(value) {
    if (typeof value === "string") found.push(value);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (value && typeof value === "object")
      for (const key in value) if (!skipped.has(key)) walk(value[key]);
  })([data.case, data.verdicts, data.files, data.transcript]);
  return found.join("\n").toLowerCase();
}

function breathe() {
  return new Promise((done) => setTimeout(done));
}
