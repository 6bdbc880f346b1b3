"use strict";
// The audit page. All that comes from outside is put in as text, never as markup. Nothing is kept in
// the browser but the key, for as long as the tab is open.
const $ = (id) => document.getElementById(id);
const PAGE = "audit", KEPT = "playhead.audit.key";
if (linked) sessionStorage.removeItem(KEPT);
let key = given.get("key") || sessionStorage.getItem(KEPT) || "";
let wanted = given.get("request") || "";  // an answer that a link leads to
let next = null, searched = "";           // where the list goes on, and what was searched for
let life = null, moments = [];            // the answer that is shown
let about = "", further = null;           // the document that is shown, and where its list goes on
let visit = 0;                            // grows with all that is opened: what comes late is dropped
const shownFrom = [];                     // views to go back to

function make(tag, name, text) {
  const one = document.createElement(tag);
  if (name) one.className = name;
  if (text !== undefined && text !== null) { one.textContent = text; one.dir = "auto"; }
  return one;
}
function press(text, what, name) {
  const one = make("button", name, text);
  one.type = "button";
  one.addEventListener("click", what);
  return one;
}
function say(text) { $("state").textContent = text; }
function when(us) { return new Date(us / 1000).toISOString().replace("T", " ").replace("Z", " UTC"); }
function short(digest) { return digest ? digest.slice(0, 12) + "…" : ""; }
function fill(list, rows) {
  list.replaceChildren();
  for (const [name, value] of rows) {
    if (value === null || value === undefined || value === "") continue;
    const told = make("dd");
    told.append(value instanceof Node ? value : make("span", "", String(value)));
    list.append(make("dt", "", name), told);
  }
}
function table(name, heads, rows) {
  const whole = make("table"), head = make("tr"), box = make("div", "table");
  whole.setAttribute("aria-label", name);
  for (const [text, kind] of heads) { const cell = make("th", kind, text); cell.scope = "col"; head.append(cell); }
  const top = make("thead"), body = make("tbody");
  top.append(head); body.append(...rows); whole.append(top, body); box.append(whole);
  box.tabIndex = 0; box.setAttribute("role", "region"); box.setAttribute("aria-label", name);
  return box;
}
function row(cells, name) {
  const one = make("tr", name);
  for (const [value, kind] of cells) {
    const cell = make("td", kind);
    if (value instanceof Node) cell.append(value); else cell.textContent = value ?? "";
    one.append(cell);
  }
  return one;
}

// ---------------------------------------------------------------------- asking the gateway

async function call(path) {
  let reply;
  try { reply = await fetch(path, {headers: authorization()}); }
  catch { throw new Error("The gateway can’t be reached. Try again."); }
  const found = await reply.json().catch(() => ({}));
  if (!reply.ok) throw Object.assign(new Error(found.detail || "the gateway answered " + reply.status), {status: reply.status, type: found.type});
  return found;
}
async function trying(work) {  // returns whether it went well
  $("trouble").hidden = true;
  try { await work(); return true; }
  catch (error) {
    if (error.status === 401 || (error.status === 403 && !life)) { refused(error); return false; }
    $("trouble").textContent = "That did not work: " + error.message;
    $("trouble").hidden = false;
    return false;
  }
}
function refused(error) {
  const whose = key ? "This key" : "Your sign-in";
  say("not connected");
  if (!key && !signedIn) { enter(""); return; }
  key = ""; sessionStorage.removeItem(KEPT);
  enter(whose + (error.status === 401 ? " is not valid, or no longer." : " may not audit."));
}
function enter(why) {
  $("wrong").textContent = why; $("key").value = "";
  if (!$("door").open) $("door").showModal();
}
function show(name) {
  for (const one of ["finding", "life", "document"]) $(one).hidden = one !== name;
  scrollTo(0, 0);
}

// ---------------------------------------------------------------------- what was asked

function conditions() {
  const form = new URLSearchParams();
  for (const name of ["session", "digest"]) if ($(name).value.trim()) form.set(name, $(name).value.trim());
  for (const name of ["since", "until"]) if ($(name).value) form.set(name, new Date($(name).value + "Z").toISOString());
  return form;
}
async function search(more) {
  const mine = ++visit, asked = more ? new URLSearchParams(searched) : conditions();
  if (!more) searched = asked.toString();
  if (more) asked.set("before", next);
  say("searching…");
  const found = await call("/v1/audit/requests?" + asked);
  if (mine !== visit) return;
  say("connected");
  if (key) sessionStorage.setItem(KEPT, key);
  if (!more) $("found").replaceChildren();
  for (const one of found.requests) $("found").append(lineOf(one));
  next = found.next;
  $("more").hidden = !next;
  const count = $("found").children.length;
  $("count").textContent = count === 0 ? "Nothing was found." : count + (count === 1 ? " is shown" : " are shown") + (next ? "; there are more" : "");
}
const STATES = {completed: ["answered", "good"], retracted: ["withdrawn", "bad"], failed: ["failed", "bad"], open: ["no answer yet", ""]};
function lineOf(one) {
  const item = make("li"), button = press("", () => open(one.request_id));
  const [state, kind] = one.mode === "search" ? ["search", ""] : STATES[one.state];
  const line = make("span", "line");
  line.append(make("span", "", when(one.asked_us)), make("span", "tag " + kind, state), make("span", "", "by " + short(one.person)), make("span", "", one.session_id));
  if (one.erased) line.append(make("span", "tag bad", "person erased"));
  const words = one.question ?? (one.mode === "search" ? "A search" : one.state === "open" || one.state === "failed" ? "Not answered" : "Not shown to this key");
  button.append(make("span", "words", words), line);
  item.append(button);
  return item;
}

// ---------------------------------------------------------------------- one answer

async function open(request) {
  const mine = ++visit;
  const found = await call("/v1/audit/requests/" + encodeURIComponent(request)).catch((error) => error);
  if (mine !== visit) return;
  if (found instanceof Error) { await trying(() => { throw found; }); return; }
  $("trouble").hidden = true;
  life = found; say("connected");
  if (key) sessionStorage.setItem(KEPT, key);
  const texts = found.texts, told = found.decisions;
  $("life-title").textContent = texts?.question.text ?? "Request " + found.request_id;
  $("life-title").dir = "auto";
  $("erased").hidden = !found.erased;
  $("withheld").hidden = !found.withheld; $("withheld").textContent = found.withheld;
  fill($("summary"), [
    ["Request", code(found.request_id)], ["Conversation", code(found.session_id)], ["Asked", when(found.asked_us)],
    ["Asked by", code(found.person)], ["Trace", code(found.trace_id)], ["Digest of the answer", texts?.digest && code(texts.digest)],
    ["Withdrawn", told.retracted],
  ]);
  for (const name of ["seen", "asked", "retrieved", "prompting", "lineage"]) $(name).hidden = !texts;
  if (texts) { scrub(texts.moments); question(texts.question); passages(texts.passages, found.documents); }
  const asked = found.timeline.steps.some((one) => one.effects.some((effect) => effect.kind === "Generate"));
  $("prompts").replaceChildren(); $("recall").hidden = !asked;
  if (!asked) $("prompts").append(make("p", "", "No model was asked for this answer."));
  decisions(told); timeline(found.timeline); documents(found.documents); records(found.records);
  show("life"); $("life-title").focus();
}
function code(text) { return make("code", "", text); }

// The answer as its reader saw it: frames up to an instant, as the chat page takes them
function scrub(frames) {
  moments = [{at_us: life.asked_us, type: "asked"}, ...frames];
  $("instant").max = String(moments.length - 1);
  $("instant").value = $("instant").max;
  shown();
}
function seenAt(last) {
  let text = "", gone = "";
  for (const one of moments.slice(0, last + 1)) switch (one.type) {
    case "delta": text += one.text; break;
    case "restarted": text = ""; gone = ""; break;
    case "completed": text = one.text; break;
    case "redacted": {  // positions count characters, a text of JavaScript counts their halves
      const signs = Array.from(text);
      signs.splice(one.start, one.end - one.start, one.replacement);
      text = signs.join("");
      break;
    }
    case "retracted": text = ""; gone = "The answer was withdrawn: " + one.reason; break;
    case "error": gone = "An error was shown: " + one.detail; break;
  }
  return {text, gone};
}
const HAPPENED = {
  asked: "the question was taken in", step: "passages were found", delta: "text came", restarted: "the answer began anew",
  completed: "the answer was complete", redacted: "a part was replaced", retracted: "the answer was withdrawn", error: "a step gave up",
};
function shown() {
  const last = Number($("instant").value), one = moments[last], {text, gone} = seenAt(last);
  const stage = $("stage");
  stage.textContent = [text, gone].filter(Boolean).join("\n\n") || "Nothing was shown yet.";
  stage.dir = "auto";
  stage.classList.toggle("gone", !!gone);
  const after = ((one.at_us - life.asked_us) / 1e6).toFixed(3);
  const told = "After " + after + " s: " + (HAPPENED[one.type] || one.type) + " (" + (last + 1) + " of " + moments.length + ")";
  $("moment").textContent = told + " · " + when(one.at_us);
  $("instant").setAttribute("aria-valuetext", told);
}
$("instant").addEventListener("input", shown);

function question(told) {
  fill($("question"), [
    ["As it was asked", told.text], ["Refused", told.refused], ["Searched for", told.query],
    ["In other words", told.wordings.filter((one) => one !== told.query).join(" · ")],
    ["Rewriting", told.rewriting && told.rewriting + ", " + told.turns_read + " earlier turns read"],
  ]);
}
function passages(found, from) {
  const cited = new Set(from.filter((one) => one.cited).map((one) => one.document_id));
  $("passages").replaceChildren(...found.map((one, place) => {
    const item = make("li"), line = make("div", "soft");
    line.append(
      make("strong", "", place + 1 + ". " + (one.title || one.uri)), " · score " + one.score.toFixed(4) + " · version " + one.version + ", part " + (one.number + 1),
      cited.has(one.document_id) ? " · its document is cited" : "", " · ", press(one.uri, () => trying(() => openDocument(one.document_id)), "link"));
    item.append(line, make("p", "text", one.text));
    return item;
  }));
  if (!found.length) $("passages").append(make("li", "", "None."));
}
$("recall").addEventListener("click", () => trying(async () => {
  const mine = visit;
  $("recall").disabled = true;
  try {
    const found = await call("/v1/audit/requests/" + encodeURIComponent(life.request_id) + "/prompt");
    if (mine !== visit) return;
    $("prompts").replaceChildren(...found.prompts.map((one) => {
      const box = make("div", "prompt"), said = make("p", "soft");
      said.append(
        make("span", "tag " + (one.holds ? "good" : "bad"), one.holds ? "Just this was asked, by the digest on the log." : "Not shown: " + one.doubt),
        (one.holds ? " · model " + one.model : "") + (one.route ? ", route " + one.route : "") + ", attempt " + one.attempt + (one.counts ? "" : " (superseded)"));
      box.append(said);
      if (one.holds) box.append(code("sha256:" + one.digest));
      if (one.system) box.append(make("pre", "", one.system));
      if (one.prompt) box.append(make("pre", "", one.prompt));
      return box;
    }));
    if (!found.prompts.length) $("prompts").append(make("p", "", "No model was asked for this answer."));
  } finally { $("recall").disabled = false; }
}));

function decisions(told) {
  fill($("decisions"), [
    ["Model", told.model || "none"], ["Route", told.route?.chosen], ["Ended by", told.finish_reason], ["Left out", told.degraded.join(", ")],
    ["Relevance of the best passage", told.relevance?.toFixed(3)], ["Words that the passages hold", told.support && (100 * told.support).toFixed(0) + " %"],
    ["Tokens", told.usage && told.usage.prompt_tokens + " of the prompt, " + told.usage.completion_tokens + " of the answer"],
    ["Digest of the prompt", told.prompt_digest && code("sha256:" + told.prompt_digest)], ["Index", told.index && told.index + " at position " + told.position],
  ]);
  const routes = told.route?.considered || [];
  $("routes").replaceChildren(...(routes.length ? [table("Routes that were considered", [["Route"], ["Model"], ["Why not"]], routes.map((one) => row([[one.route], [one.model], [one.excluded ?? one.reason ?? ""]])))] : []));
  $("policies").replaceChildren(...(told.policies.length ? [table("What policies decided", [["Policy"], ["Action"], ["About"], ["Let through", "number"], ["Denied", "number"], ["Rules"]], told.policies.map((one) => row([
    [code(one.policy)], [one.action], [one.resource], [one.allowed, "number"], [one.denied, "number"], [one.rules.map((rule) => rule.name ?? rule.rule ?? "").join(", ")],
  ])))] : [make("p", "soft", "No policy was in force.")]));
}
function timeline(told) {
  const rows = [];
  for (const one of told.steps) {
    rows.push(row([
      [make("strong", "", one.step + (one.attempt > 1 ? ", attempt " + one.attempt : ""))], [one.outcome], [one.after_ms.toFixed(1), "number"], [one.queued_ms.toFixed(1), "number"],
      [one.took_ms.toFixed(1), "number"], ["", "number"], [one.configuration ? code(short(one.configuration)) : ""], [one.code],
    ]));
    for (const effect of one.effects) rows.push(row([
      [effect.kind], [effect.error || effect.model], [(one.after_ms + effect.after_ms).toFixed(1), "number"], ["", "number"], [effect.took_ms.toFixed(1), "number"],
      [effect.cost_micros ? (effect.cost_micros / 1e6).toFixed(6) : "", "number"], [effect.parts > 1 ? effect.parts + " parts" : ""], [""],
    ], "effect"));
  }
  $("timeline").replaceChildren(
    make("p", "soft", told.records + " records, " + told.took_ms.toFixed(0) + " ms from the first to the last. Times in milliseconds after the question; costs in the accounting currency."),
    table("Steps and what they asked for", [["Step, effect"], ["Outcome, model"], ["Began", "number"], ["Waited", "number"], ["Took", "number"], ["Cost", "number"], ["Configuration"], ["Code"]], rows));
}
function documents(found) {
  $("documents").replaceChildren(found.length ? table("Documents", [["Document"], ["Version"], ["Digest of its bytes, keyed"], ["Read by"], ["Cited"]], found.map((one) => row([
    [press(one.uri, () => trying(() => openDocument(one.document_id)), "link")], [one.version + (one.in_force ? ", in force" : ", no longer in force")],
    [one.checksum ? code(one.checksum) : "too far back to be looked up"], [one.parser ? one.parser + " " + one.parser_version : ""], [one.cited ? "yes" : "no"],
  ]))) : make("p", "", "None."));
}

// ---------------------------------------------------------------------- proofs

function records(found) {
  $("proved").textContent = ""; $("prove").disabled = !life.texts;
  $("records").replaceChildren(table("Records", [["Record"], ["Offset", "number"], ["Written by"], ["At"], ["Proof"]], found.map((one) => {
    const cell = make("td", "proof"), name = one.topic.replace("playhead.", "");
    if (life.texts) { const check = press("Check", () => trying(() => prove(one, cell))); check.setAttribute("aria-label", "Check " + name + " " + one.offset); cell.append(check); }
    else cell.textContent = "not shown to this key";
    const whole = row([[code(name + "[" + one.partition + "]")], [one.offset, "number"], [one.step + (one.attempt > 1 ? ", attempt " + one.attempt : "")], [when(one.at_us)]]);
    whole.append(cell); whole.record = one;
    return whole;
  })));
}
async function prove(one, cell) {
  const mine = life, place = {topic: one.topic, partition: one.partition, offset: one.offset};
  cell.replaceChildren(make("span", "", "checking…"));
  let told, receipt = null;
  try {
    const found = await call("/v1/audit/requests/" + encodeURIComponent(life.request_id) + "/proof?" + new URLSearchParams({topic: one.topic, offset: one.offset}));
    receipt = found.receipt;
    told = receipt ? await checkReceipt(receipt, place, mine.request_id, $("trusted").value.trim()) : {said: "pending", why: "the log is not sealed up to it: `playhead audit seal`"};
  } catch (error) {
    if (!String(error.type).endsWith(":not-provable")) { cell.replaceChildren(press("Try again", () => trying(() => prove(one, cell)))); throw error; }
    told = {said: BROKEN, why: error.message};
  }
  if (mine !== life) return told.said;
  const words = {holds: ["Covered", "good"], pending: ["Not covered yet", ""], broken: ["Does not hold", "bad"], unsigned: ["Not checked here", "bad"]}[told.said];
  cell.replaceChildren(make("span", "tag " + words[1], words[0]), ": " + told.why + " ");
  if (receipt) {
    const link = make("a", "", "Save the file");
    link.href = "data:application/json;base64," + btoa(Array.from(utf8.encode(JSON.stringify(receipt, null, 1)), (byte) => String.fromCharCode(byte)).join(""));
    link.download = "receipt-" + one.topic + "-" + one.partition + "-" + one.offset + ".json";
    cell.append(link);
  }
  return told.said;
}
$("prove").addEventListener("click", () => trying(async () => {
  const mine = life, counts = {};
  $("prove").disabled = true;
  try {
    for (const line of $("records").querySelectorAll("tbody tr")) {
      if (mine !== life) return;
      const said = await prove(line.record, line.lastElementChild);
      counts[said] = (counts[said] || 0) + 1;
      $("proved").textContent = [["holds", "covered"], ["pending", "not covered yet"], ["broken", "do not hold"], ["unsigned", "not checked here"]]
        .filter(([name]) => counts[name]).map(([name, words]) => counts[name] + " " + words).join(", ");
    }
  } finally { $("prove").disabled = false; }
}));

// ---------------------------------------------------------------------- one document

async function openDocument(name, more) {
  const mine = ++visit;
  const found = await call("/v1/audit/documents/" + encodeURIComponent(name) + (more ? "?before=" + encodeURIComponent(further) : ""));
  if (mine !== visit) return;
  about = name; further = found.next; $("further").hidden = !further;
  if (!more) {
    $("document-title").textContent = found.uri;
    fill($("about"), [
      ["Document", code(found.document_id)], ["Status", found.status], ["Version in force", found.version], ["Digest of its bytes, keyed", found.checksum && code(found.checksum)],
      ["Read by", found.parser && found.parser + " " + found.parser_version], ["Cut by", found.chunk_policy], ["Type", found.media_type],
    ]);
    $("versions").replaceChildren(...found.requests.map((one) => { const item = make("li"); item.append(when(one.at_us) + " · ", code(one.request_id)); return item; }));
    $("citing").replaceChildren();
    shownFrom.push($("life").hidden ? "finding" : "life");
    show("document"); $("document-title").focus();
  }
  for (const one of found.answers) {
    const item = make("li");
    item.append(when(one.answered_us) + " · ", press(one.request_id, () => trying(() => open(one.request_id)), "link"));
    $("citing").append(item);
  }
  if (!$("citing").children.length) $("citing").append(make("li", "", "None."));
}
$("further").addEventListener("click", () => trying(() => openDocument(about, true)));
for (const button of document.querySelectorAll(".back")) button.addEventListener("click", () => {
  const from = $("document").hidden ? "finding" : shownFrom.pop() || "finding";
  ++visit; $("trouble").hidden = true;
  if (from === "finding") { life = null; shownFrom.length = 0; }
  show(from);
  (from === "life" ? $("life-title") : $("found").querySelector("button") || $("session")).focus();
  if (from === "finding" && !searched && !$("found").children.length) trying(() => search(false));
});

// ---------------------------------------------------------------------- what a person does

$("search").addEventListener("submit", (event) => { event.preventDefault(); trying(() => search(false)); });
$("more").addEventListener("click", () => trying(() => search(true)));
function begin() {
  if (!key && !signedIn) { enter(""); return; }
  if (wanted) { const one = wanted; wanted = ""; trying(() => open(one)); } else trying(() => search(false));
}
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value.trim();
  if (!key) { $("wrong").textContent = "Enter a key."; return; }
  $("door").close(); begin();
});
$("leave").addEventListener("click", async () => {
  const leaves = signedIn && !key;
  ++visit; key = ""; life = null; sessionStorage.removeItem(KEPT);
  $("found").replaceChildren(); $("count").textContent = ""; $("more").hidden = true;
  show("finding"); say("not connected");
  if (leaves) await signOut(); else await options();
  if (signedIn) begin(); else enter("");
});
if (key && !linked) begin();
const looksAtLink = linked;
options().then(() => {
  if (outcome && !key && !signedIn) enter(TOLD[outcome] || TOLD.refused);
  else if (!key || looksAtLink) begin();
});
