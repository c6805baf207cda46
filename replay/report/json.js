// JSON as people read it. Text is laid out as it stands: numbers keep their spelling and keys their order, also
// where a key is given twice.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|"/g;
const DEEPEST = 40; // levels that are indented

function isJson(string) {
  try {
    JSON.parse(string);
    return true;
  } catch {
    return false;
  }
}

function laidOut(string) {
  let level = 0, out = "", last = "";
  const line = () => "\n" + "  ".repeat(Math.min(level, DEEPEST));
  for (const [token] of string.matchAll(TOKEN)) {
    if ("]}".includes(token)) level--;
    const empty = "[{".includes(last) && "]}".includes(token);
    if (last && !empty && ("[{,".includes(last) || "]}".includes(token))) out += line();
    out += token === ":" ? ": " : token;
    if ("[{".includes(token)) level++;
    last = token;
  }
  return out;
}

// Keys, strings and other words in their colours.
function colouredJson(string) {
  if (string.length > 50_000) return longText(string, 20_000);
  const out = document.createDocumentFragment();
  let end = 0;
  for (const found of string.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g)) {
    const kind = found[1] ? "key" : found[0][0] === '"' ? "string" : "word";
    add(out, [string.slice(end, found.index), h("span.json-" + kind, null, found[0])]);
    end = found.index + found[0].length;
  }
  return add(out, [string.slice(end)]);
}

function jsonBlock(string) {
  return h("pre.json", null, isJson(string) ? colouredJson(laidOut(string)) : longText(string));
}

function valueBlock(value) {
  return typeof value === "string" ? h("pre", null, longText(value)) : jsonBlock(JSON.stringify(value));
}

function valueText(value) {
  return typeof value === "string" ? value : laidOut(JSON.stringify(value));
}
