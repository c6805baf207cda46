// The turns of a transcript: what was sent that is new, what came back, and the bodies folded.

function turnList(transcript) {
  const opening = transcript.conversation?.messages || [];
  return upTo(200, unfolded(transcript), (turn) => turnElement(turn, opening));
}

// Each turn with its `news`: the messages that neither an earlier turn had nor its reply said.
function unfolded(transcript) {
  let before = null, last = null;
  return resolved(transcript).map((turn) => {
    const shared = before ? common(before, turn.messages) : 0;
    const news = turn.messages.slice(shared).filter((message, n) => !(n === 0 && last && equal(message, last)));
    const restarts = before !== null && shared < before.length;
    [before, last] = [turn.messages, turn.reply?.message ?? null];
    return { ...turn, news, restarts };
  });
}

// Each turn with all of its messages: a line of the run only holds those that differ from the turn before.
function resolved(transcript) {
  let before = transcript.conversation?.messages || [], answered = new Map();
  return transcript.turns.map((turn, n) => {
    const request = turn.request || {}, earlier = answered;
    before = [...before.slice(0, request.same ?? 0), ...(request.messages || [])];
    answered = new Map([...earlier, ...(turn.answers || []).filter(({ id }) => id).map((answer) => [answer.id, answer])]);
    return { ...turn, request, messages: before, number: n + 1, answered: earlier };
  });
}

function common(one, other) {
  let n = 0;
  while (n < one.length && n < other.length && equal(one[n], other[n])) n++;
  return n;
}

function equal(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function turnElement(turn, opening) {
  const calls = callNames(turn.messages), answers = turn.answered;
  const recorded = (message) => (turn.number > 1 && opening.some((known) => equal(known, message)) ? "as recorded" : "");
  return h("section.turn", { "data-turn": turn.number, "aria-label": `Turn ${turn.number}` },
    turnHead(turn),
    turn.restarts && h("p.note", null, "This request does not go on from the one before; what differs is shown."),
    upTo(300, turn.news, (message) => bubble(message, { calls, answer: answers.get(message.tool_call_id), note: recorded(message) })),
    contextNote(turn.context),
    upTo(20, turn.tries ?? [], (one, n) => h("p.note", null, tryText(one, n + 1))),
    replies(turn),
    (turn.answers || []).filter(({ why }) => why).map(notExecuted),
    turn.error && errorCard(turn.error),
    timeline(turn.timing || {}, turn.stream),
    bodies(turn));
}

function turnHead(turn) {
  const reply = turn.reply || {}, timing = turn.timing || {};
  return h("h3.turn-head", null, h("span", null, `Turn ${turn.number}`), h("span.line"),
    finish(reply),
    usageText(reply.usage) && h("span", null, usageText(reply.usage)),
    isNumber(timing.first_token_ms) && h("span", null, `first token ${milliseconds(timing.first_token_ms)}`),
    isNumber(timing.total_ms) && h("span", null, milliseconds(timing.total_ms)),
    turn.attempts > 1 && h("span.warn", null, `${turn.attempts} attempts`));
}

function tryText({ kind, status, request_id: id, wait }, number) {
  const waited = isNumber(wait) ? `tried again after ${milliseconds(1000 * wait)}` : "tried again";
  return [`attempt ${number}: ${kind}`, status && `HTTP ${status}`, id, waited].filter(Boolean).join(", ");
}

function finish(reply) {
  const native = reply.native_finish_reason;
  if (!reply.finish_reason && !native) return null;
  const other = native && native !== reply.finish_reason ? ` (${native})` : "";
  const usual = ["stop", "tool_calls"].includes(reply.finish_reason);
  return h(usual ? "span" : "span.warn", null, `${reply.finish_reason ?? "no finish reason"}${other}`);
}

function usageText(usage) {
  if (!usage) return "";
  const detail = [
    usage.cached_tokens && `${compact(usage.cached_tokens)} cached`,
    usage.reasoning_tokens && `${compact(usage.reasoning_tokens)} reasoning`,
  ].filter(Boolean);
  const [prompt, completion] = [usage.prompt_tokens, usage.completion_tokens].map((n) => count(n) || "?");
  return `${prompt} → ${completion} tokens${detail.length ? ` (${detail.join(", ")})` : ""}`;
}

function replies(turn) {
  if (!turn.reply?.message) return null;
  const others = turn.reply.others || [];
  const note = (n) => [others.length ? `choice ${n + 1}` : "reply", n === 0 && turn.error ? "what had arrived" : ""].filter(Boolean).join(", ");
  return [turn.reply, ...others].map((reply, n) => [
    bubble(reply.message ?? {}, { note: note(n), fresh: true }),
    reply.logprobs && fold("token probabilities", () => probabilities(reply.logprobs)),
  ]);
}

function probabilities(logprobs) {
  const tokens = (logprobs.content || []).slice(0, 5000);
  if (!tokens.length) return valueBlock(logprobs);
  return h("div.prose.tokens", null, tokens.map(({ token, logprob }) => {
    const share = Math.exp(logprob);
    const level = Math.min(4, Math.floor((1 - share) * 5));
    return h(`span.token.unsure-${Number.isFinite(level) ? level : 4}`, { title: `${(100 * share).toFixed(1)} %` }, String(token));
  }));
}

// Why a tool was not asked what the model asked of it.
function notExecuted(answer) {
  return h("p.note.not-executed", null, h("span.tag.bad", null, spelled(answer.status)), " ",
    h("b", null, String(answer.name ?? "a call")), " was not executed: ", longText(String(answer.why), 1000));
}

// What a policy made of the history before it was sent.
function contextNote(context) {
  if (!context) return null;
  const [[were, are], [had, has]] = [context.messages || [], context.tokens || []];
  if (were === are && had === has) return null;
  const spent = context.usage ? `, the summary took ${count(context.usage.total_tokens)} tokens` : "";
  return h("p.note", null, `${context.policy}: ${plural(were, "message")} became ${count(are)}, about ${count(had)} tokens became ${count(has)}${spent}`);
}

function errorCard(error) {
  return h("div.error-card", { role: "note" },
    h("header", null, h("span.sign"), h("b", null, String(error.kind ?? "error")),
      error.status && h("span.tag", null, `HTTP ${error.status}`),
      error.code && h("span.tag", null, String(error.code)),
      error.exception && h("span.tag", null, String(error.exception)),
      isNumber(error.retry_after) && h("span.tag", null, `retry after ${error.retry_after} s`)),
    error.message && h("p", null, longText(String(error.message), 3000)));
}

// A run holds a tool in the short form of fixtures; `effect` and `requires` are never sent.
function wireTool(tool) {
  const { effect, requires, ...sent } = tool;
  return sent.function || (sent.type && sent.type !== "function") ? sent : { type: "function", function: sent };
}

function bodies(turn) {
  const { model, tools, params } = turn.request;
  const request = { model, messages: turn.messages, ...(tools?.length ? { tools: tools.map(wireTool) } : {}), ...params };
  return h("div.bodies", null,
    fold("request", () => jsonBlock(JSON.stringify(request))),
    turn.raw != null && fold(`raw response, ${bytes(turn.raw.length)}`, () => jsonBlock(turn.raw)),
    turn.reply?.extra && fold("response fields", () => valueBlock(turn.reply.extra)));
}
