// The list of all cases, read once from its JSON island. A row is one case; `place` counts it in its block.

function readIndex() {
  const { outcomes, names, rows, blocks } = JSON.parse(byId("index").textContent);
  const identities = names.identities.map(([assertion, kind]) => `${assertion}/${kind}`);
  const starts = [];
  blocks.reduce((start, size, number) => ((starts[number] = start), start + size), 0);
  const seen = new Map();
  let block = 0;
  return rows.map((packed, number) => {
    const [id, outcome, suite, target, tags, failures, message, tokens, cost, ms, turns, command] = packed;
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    while (number >= starts[block] + blocks[block]) block++;
    return {
      number, id, message, tokens, cost, ms, turns, command, block,
      outcome: outcomes[outcome],
      rank: outcome,
      key: times > 1 ? `${id}~${times}` : id, // two suites may hold the same case
      place: number - starts[block],
      suite: names.suites[suite],
      target: names.targets[target],
      tags: tags.map((tag) => names.tags[tag]),
      identities: failures.map((identity) => identities[identity]),
    };
  });
}

// What a first glance searches: everything the list knows of a case.
function rowText(row) {
  row.text ??= [row.id, row.suite, row.target, ...row.tags, ...row.identities, row.message].join("\n").toLowerCase();
  return row.text;
}
