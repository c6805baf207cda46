// Hidden characters are shown as signs: controls, bidirectional overrides, zero-width and tag characters, lone
// surrogates. The same set as replay/report/text.py.

const HIDDEN =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])/gu;

function text(string) {
  if (string.search(HIDDEN) < 0) return document.createTextNode(string);
  const out = document.createDocumentFragment();
  let end = 0;
  for (const found of string.matchAll(HIDDEN)) {
    out.append(string.slice(end, found.index), sign(found[0]));
    end = found.index + found[0].length;
  }
  out.append(string.slice(end));
  return out;
}

function sign(character) {
  const mark = document.createElement("span");
  mark.className = "hidden-character";
  mark.title = codePoint(character);
  mark.textContent = shownSign(character);
  return mark;
}

function shownSign(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "␡" : `⟨${codePoint(character)}⟩`;
}

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// Every character outside ASCII by its number, to tell apart what looks the same.
function spelled(string) {
  return string.replace(/[^\x20-\x7e]/gu, (character) => `⟨${codePoint(character)}⟩`);
}
