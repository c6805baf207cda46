// Opens the compressed blocks. Each holds whole lines of run.jsonl, one a case.

const recent = new Map(); // the blocks opened last: number -> promise of lines
const KEPT = 4;

function blockLines(number) {
  const lines = recent.get(number) ?? unpack(number);
  recent.delete(number);
  recent.set(number, lines);
  if (recent.size > KEPT) recent.delete(recent.keys().next().value);
  return lines;
}

async function unpack(number) {
  const element = byId(`block-${number}`) ?? (await whenParsed(), byId(`block-${number}`));
  if (!element) throw new Error("this page is cut: draw it again with `replay report`");
  const packed = new Blob([fromBase64(element.textContent)]).stream();
  const plain = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  return plain.trimEnd().split("\n");
}

function whenParsed() {
  if (document.readyState !== "loading") return Promise.resolve();
  return new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
}

function fromBase64(string) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(string);
  const binary = atob(string);
  const out = new Uint8Array(binary.length);
  for (let at = 0; at < out.length; at++) out[at] = binary.charCodeAt(at);
  return out;
}

async function loadCase(row) {
  return parseLine((await blockLines(row.block))[row.place]);
}

// Python writes NaN and Infinity where JSON has no word for them; they are read as text.
function parseLine(line) {
  try {
    return JSON.parse(line, exact);
  } catch {
    const words = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
    return JSON.parse(line.replace(words, (word) => (word[0] === '"' ? word : `"${word}"`)), exact);
  }
}

// An integer too large for a double keeps its digits.
function exact(key, value, context) {
  const large = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return large && context?.source && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}
