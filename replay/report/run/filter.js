// Which cases are shown: #status=failed,error&suite=…&target=…&tag=…&identity=…&q=…&sort=…&case=…

const FIELDS = ["status", "suite", "target", "tag", "identity", "q", "sort", "case"];

function findCase(rows, key) {
  return rows.find((row) => row.key === key) ?? rows.find((row) => wellFormed(row.key) === key);
}

// Returns the rows to show, in order. `deep` holds the numbers of cases whose messages have the text searched.
function filtered(rows, state, deep) {
  const tests = [
    state.status && ((row) => state.status.split(",").includes(row.outcome)),
    state.suite !== null && ((row) => wellFormed(row.suite) === wellFormed(state.suite)),
    state.target !== null && ((row) => wellFormed(row.target) === wellFormed(state.target)),
    state.tag !== null && ((row) => row.tags.some((tag) => wellFormed(tag) === wellFormed(state.tag))),
    state.identity !== null &&
      ((row) => row.identities.some((identity) => wellFormed(identity) === wellFormed(state.identity))),
    state.q && ((row, query) => rowText(row).includes(query) || deep.has(row.number)),
  ].filter(Boolean);
  const query = (state.q || "").toLowerCase();
  return sorted(rows, state.sort).filter((row) => tests.every((test) => test(row, query)));
}

const KEYS = {
  failures: (row) => row.rank,
  run: (row) => row.number,
  slow: (row) => -(row.ms ?? -1),
  tokens: (row) => -(row.tokens ?? -1),
  cost: (row) => -(row.cost ?? -1),
};
const orders = new Map(); // each order is made once

function sorted(rows, name) {
  const order = Object.hasOwn(KEYS, name ?? "") ? name : "failures";
  if (!orders.has(order)) orders.set(order, rows.toSorted((a, b) => KEYS[order](a) - KEYS[order](b)));
  return orders.get(order);
}
