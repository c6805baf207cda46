// What is shown is in the address: #status=failed&case=… Each kind of page names its FIELDS.

function readAddress() {
  const pairs = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  return Object.fromEntries(FIELDS.map((field) => [field, pairs.get(field) ?? null]));
}

// Empty text is a value (a case may have no suite), null is none.
function address(state) {
  const given = FIELDS.filter((field) => state[field] !== null && state[field] !== undefined);
  return "#" + given.map((field) => `${field}=${encoded(state[field])}`).join("&");
}

function encoded(string) {
  return encodeURIComponent(wellFormed(string)).replaceAll("%2F", "/").replaceAll("%2C", ",");
}

// A lone surrogate cannot stand in an address.
function wellFormed(string) {
  return string.replace(/[\ud800-\udfff]/gu, "\ufffd");
}
