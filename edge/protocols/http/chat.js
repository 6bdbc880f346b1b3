"use strict";
// The chat page. What it shows is what the log holds: nothing of an answer is kept in the browser,
// but the key and the id of the conversation, for as long as the tab is open.
const $ = (id) => document.getElementById(id);
if (linked) sessionStorage.clear();
let key = given.get("key") || sessionStorage.getItem("playhead.key") || "";
let session = sessionStorage.getItem("playhead.session") || "";
let wanted = given.get("answer") || "";   // an answer that a link leads to
let socket = null, pauseMs = 500, number = 0, begun = false;
let earlier = null, sessionsNext = null;  // where the lists go on
const answers = new Map();   // request id -> answer
const waiting = [];          // questions whose `accepted` has not come yet
const PAGE = "chat";
const COUNT = 20;            // messages and conversations that are read at once
const UPLOAD_MAX = 64 * 2 ** 20;  // bytes: the gateway has limits of its own, and says so

// ---------------------------------------------------------------------- text that comes from outside

// Markup of an answer is shown as text, links lead to pages alone, and pictures are not fetched
const markdown = markdownit({html: false, linkify: false, breaks: true}).disable("image");
markdown.validateLink = (address) => /^(https?:\/\/|mailto:)/i.test(address);
const drawLink = markdown.renderer.rules.link_open || ((tokens, at, options, _, self) => self.renderToken(tokens, at, options));
markdown.renderer.rules.link_open = (tokens, at, options, env, self) => {
  tokens[at].attrSet("target", "_blank");
  tokens[at].attrSet("rel", "noopener noreferrer nofollow");
  return drawLink(tokens, at, options, env, self);
};

// where a column stands is a style of its cells, and the page allows none but its own
for (const cell of ["th_open", "td_open"]) markdown.renderer.rules[cell] = (tokens, at, options, _, self) => {
  tokens[at].attrs = null;
  return self.renderToken(tokens, at, options);
};

function make(tag, name, text) {
  const one = document.createElement(tag);
  if (name) one.className = name;
  if (text !== undefined) one.textContent = text;
  return one;
}
function press(text, what, name) {
  const one = make("button", name, text);
  one.type = "button";
  one.addEventListener("click", what);
  return one;
}
function follow() { const s = $("scroll"); s.scrollTop = s.scrollHeight; }
function near() { const s = $("scroll"); return s.scrollHeight - s.scrollTop - s.clientHeight < 120; }
function say(text) { $("state").textContent = text; }

// ---------------------------------------------------------------------- asking the gateway

async function call(path, how = {}) {
  const reply = await fetch(path, {...how, headers: {...authorization(), ...how.headers}});
  if (!reply.ok) {
    const problem = await reply.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || "the gateway answered " + reply.status), {status: reply.status});
  }
  return reply.json();
}
function post(path, body) {
  return call(path, {
    method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID ? crypto.randomUUID() : named("k")},
  });
}
function named(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return prefix + "-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function connect() {
  if (!key && !signedIn) { enter(""); return; }
  say("connecting…");
  const where = location.origin.replace(/^http/, "ws") + "/v1/chat";
  let opened = false;
  const mine = socket = new WebSocket(where, key ? ["playhead", "bearer." + key] : ["playhead"]);
  mine.onopen = () => {
    opened = true; pauseMs = 500; say("connected"); $("send").disabled = false;
    if ($("door").open) $("door").close();
    if (key) sessionStorage.setItem("playhead.key", key);
    for (const [request, one] of answers) if (!one.done) resume(request, one);
    for (const one of waiting) ask(one);
    if (!begun) { begun = true; begin(); }
    $("text").focus();
  };
  mine.onmessage = (event) => take(JSON.parse(event.data));
  mine.onclose = async () => {
    if (mine !== socket) return;
    $("send").disabled = true;
    if (!key && !signedIn) return;
    if (!opened && !(await known())) return;
    say("reconnecting…");
    setTimeout(() => { if (mine === socket) connect(); }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, 10000);
  };
}
addEventListener("online", () => { pauseMs = 500; });

async function known() {
  try {
    await call("/v1/me");
    return true;
  } catch (error) { if (error.status !== 401) return true; }
  const why = key ? "This key is not valid, or no longer." : "Your sign-in is over. Sign in again.";
  key = ""; sessionStorage.removeItem("playhead.key"); say("not connected");
  await options(); enter(why);
  return false;
}
function enter(why) { $("wrong").textContent = why; $("key").value = ""; if (!$("door").open) $("door").showModal(); }

function resume(request, one) {
  socket.send(JSON.stringify({type: "resume", request_id: request, cursor: one.cursor}));
}
function ask(one) {
  socket.send(JSON.stringify({type: "message", id: one.id, session_id: session, text: one.question}));
}

// ---------------------------------------------------------------------- conversations

async function begin() {
  await listSessions(true);
  if (wanted) {
    try {
      const found = await call("/v1/messages/" + encodeURIComponent(wanted));
      await open(found.session_id);
      answers.get(wanted)?.box.scrollIntoView();
    } catch (error) { note("This answer is not one of yours: " + error.message); }
    wanted = "";
  } else if (session) {
    await open(session);
  }
}

async function listSessions(anew) {
  const after = anew || !sessionsNext ? "" : "&before=" + encodeURIComponent(sessionsNext);
  let found;
  try { found = await call("/v1/sessions?limit=" + COUNT + after); }
  catch { return; }  // the conversation itself tells what is wrong
  if (anew) $("sessions").replaceChildren();
  for (const one of found.sessions) {
    const item = make("li");
    const button = press(one.title || "(can’t be read any more)", () => { open(one.session_id); toggle(false); });
    button.dataset.session = one.session_id;
    button.title = new Date(one.last_us / 1000).toLocaleString();
    item.append(button);
    $("sessions").append(item);
  }
  sessionsNext = found.next;
  $("more").hidden = !sessionsNext;
  mark();
}
function mark() {
  for (const one of $("sessions").querySelectorAll("button"))
    one.setAttribute("aria-current", String(one.dataset.session === session));
}

function forget() {
  session = ""; earlier = null; answers.clear(); waiting.length = 0;
  sessionStorage.removeItem("playhead.session");
  $("before").hidden = true;
  mark(); hint();
}
function hint() {
  const box = make("div", "hint");
  box.append(make("strong", "", "Ask your documents"), "Answers come with the sentences that they rest on.");
  $("turns").replaceChildren(box);
}
function note(text) { $("turns").replaceChildren(make("div", "hint", text)); }

async function open(id) {
  let found;
  try { found = await call("/v1/sessions/" + encodeURIComponent(id) + "?limit=" + COUNT); }
  catch (error) {
    if (error.status === 404) forget(); else note(error.message);
    return;
  }
  forget();
  session = id;
  sessionStorage.setItem("playhead.session", session);
  $("turns").replaceChildren();
  show(found, null);
  mark(); follow();
}

// Show messages that were read, before the others that are shown
function show(found, first) {
  for (const one of found.messages) {
    const answer = turn(one.question ?? "(can’t be read any more)", first);
    answers.set(one.request_id, answer);
    answer.request = one.request_id;
    settle(answer, one, first);
  }
  earlier = found.next;
  $("before").hidden = !earlier;
}
function settle(one, message, first) {
  switch (message.status) {
    case "completed": one.raw = message.text; finish(one, ""); cite(one, message); break;
    case "retracted": withdraw(one, message.reason); break;
    case "failed":
      one.raw = message.text || message.error?.detail || "This question was not answered."; finish(one, "gone"); break;
    default: if (socket?.readyState === WebSocket.OPEN) resume(one.request, one);
  }
  draw(one, first === null);
}

$("before").addEventListener("click", async () => {
  const path = "/v1/sessions/" + encodeURIComponent(session) + "?limit=" + COUNT + "&before=" + encodeURIComponent(earlier);
  const scroll = $("scroll"), height = scroll.scrollHeight, first = $("turns").firstElementChild;
  try { show(await call(path), first); scroll.scrollTop += scroll.scrollHeight - height; }
  catch (error) { say(error.message); }
});

// ---------------------------------------------------------------------- an answer

function turn(question, first) {
  const one = {
    question, request: "", cursor: "", done: false, began: performance.now(), raw: "", drawing: false,
    box: make("article", "answer busy"), wait: make("div", "wait", "waiting…"), text: make("div", "text"),
    foot: make("div", "foot"), tools: make("div", "tools"),
  };
  one.box.setAttribute("aria-busy", "true");
  one.box.setAttribute("aria-label", "Answer");
  one.tools.append(press("Stop", () => stop(one)));
  one.box.append(one.wait, one.text, one.foot, one.tools);
  for (const part of [make("div", "question", question), one.box]) $("turns").insertBefore(part, first ?? null);
  return one;
}

// Once a frame of the screen, however many parts came; `stick` says whether its end was in sight
function draw(one, stick) {
  one.stick = one.stick || stick;
  if (one.drawing) return;
  one.drawing = true;
  requestAnimationFrame(() => {
    one.drawing = false;
    one.text.innerHTML = markdown.render(one.raw);
    if (one.stick) follow();
    one.stick = false;
  });
}

function take(frame) {
  const stick = near();
  let one = answers.get(frame.request_id);
  if (frame.type === "accepted" && !one) {
    one = waiting.shift();
    if (!one) return;
    one.request = frame.request_id;
    answers.set(frame.request_id, one);
    if (session !== frame.session_id) { session = frame.session_id; }
    sessionStorage.setItem("playhead.session", session);
    if (!$("sessions").querySelector(`[data-session="${CSS.escape(session)}"]`)) listSessions(true);
  }
  if (!one && frame.type === "error" && waiting.length) { one = waiting.shift(); }
  if (!one) return;
  if (frame.cursor) one.cursor = frame.cursor;
  switch (frame.type) {
    case "accepted": one.wait.textContent = "looking…"; return;
    case "step": one.wait.textContent = frame.step + " took " + frame.took_ms + " ms; answering…"; return;
    case "delta": one.raw += frame.text; one.wait.textContent = ""; break;
    case "restarted": one.raw = ""; one.box.querySelector(".citations")?.remove(); unfinish(one); break;
    case "completed": one.raw = frame.text; finish(one, ""); cite(one, frame); break;
    case "retracted": withdraw(one, frame.reason); break;
    case "redacted": {
      const all = Array.from(one.raw);
      all.splice(frame.start, frame.end - frame.start, ...Array.from(frame.replacement));
      one.raw = all.join(""); break;
    }
    case "error":
      if (!one.raw) one.raw = frame.detail; else one.foot.textContent = frame.detail;
      finish(one, "gone"); break;
  }
  draw(one, stick);
}

function withdraw(one, reason) {
  one.box.querySelector(".citations")?.remove();
  one.raw = "This answer was withdrawn: " + reason;
  finish(one, "gone");
}
function unfinish(one) {
  one.done = false; one.box.className = "answer busy"; one.box.setAttribute("aria-busy", "true");
  one.tools.replaceChildren(press("Stop", () => stop(one)));
}
function finish(one, name) {
  one.took = one.done || !one.id ? one.took : performance.now() - one.began;
  one.done = true; one.wait.textContent = ""; one.box.className = "answer " + name;
  one.box.setAttribute("aria-busy", "false");
  one.tools.replaceChildren(...(name === "gone" ? [again(one), how(one)] : handles(one)));
}
function stop(one) {
  if (one.done || !one.request || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({type: "cancel", request_id: one.request}));
}

function handles(one) {
  const rate = (text, rating) => {
    const button = press(text, async () => {
      try { await post("/v1/feedback", {request_id: one.request, rating}); }
      catch (error) { one.foot.textContent = error.message; return; }
      for (const other of one.tools.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
    });
    button.setAttribute("aria-pressed", "false");
    return button;
  };
  return [
    copy("Copy", () => one.raw), again(one), rate("Helpful", 1), rate("Not helpful", -1),
    copy("Copy link", () => location.origin + location.pathname + "#answer=" + one.request),
    how(one), press("Receipt", () => receipt(one)),
  ];
}
function again(one) { return press("Ask again", () => put(one.question)); }
function how(one) { return press("How was this made?", () => timeline(one)); }
function copy(text, what) {
  const button = press(text, async () => {
    try { await navigator.clipboard.writeText(what()); button.textContent = "Copied"; }
    catch { paper("Copy", make("div", "passage", what())); }
    setTimeout(() => { button.textContent = text; }, 1500);
  });
  return button;
}

function cite(one, frame) {
  one.box.querySelector(".citations")?.remove();
  if (frame.citations.length) {
    const list = make("ol", "citations");
    frame.citations.forEach((citation, index) => {
      const item = make("li"), body = make("span");
      body.append(make("strong", "", citation.title || citation.uri), " ", make("span", "uri", citation.uri), make("q", "", citation.quote));
      const button = press("", () => passage(one, citation));
      button.append(make("span", "number", "[" + (index + 1) + "]"), body);
      item.append(button);
      list.append(item);
    });
    one.text.after(list);
  }
  const said = {
    stop: "", small_talk: "", extractive: "in the documents’ own words", not_found: "not in the documents",
    length: "cut off at its length limit", refused: "refused", cancelled: "stopped",
  };
  const notes = one.took ? [(one.took / 1000).toFixed(1) + " s"] : [];
  const why = said[frame.finish_reason] ?? frame.finish_reason;
  if (why) notes.push(why);
  if (frame.degraded.length) notes.push("skipped to save time: " + frame.degraded.join(", "));
  one.foot.textContent = notes.join(" · ");
}

// ---------------------------------------------------------------------- papers

function paper(title, ...parts) {
  $("paper-title").textContent = title;
  $("shown").replaceChildren(...parts);
  $("paper").showModal();
}
$("close").addEventListener("click", () => $("paper").close());

async function passage(one, citation) {
  let text = citation.quote;
  try {
    const found = await call("/v1/messages/" + encodeURIComponent(one.request) + "/passages");
    text = found.passages.find((passage) => passage.chunk_id === citation.chunk_id)?.text ?? text;
  } catch { /* the quote stands alone */ }
  const box = make("div", "passage"), at = text.indexOf(citation.quote);
  box.tabIndex = 0;
  if (at < 0) box.append(text);
  else box.append(text.slice(0, at), make("mark", "", citation.quote), text.slice(at + citation.quote.length));
  paper(citation.title || citation.uri, make("p", "", citation.uri), box);
}

async function timeline(one) {
  let told;
  try { told = await call("/v1/messages/" + encodeURIComponent(one.request) + "/timeline"); }
  catch (error) { paper("How was this made?", make("p", "", error.message)); return; }
  const table = make("table"), head = make("tr");
  for (const name of ["step", "after ms", "waited ms", "took ms", "asked of the world"]) {
    const cell = make("th", "", name); cell.scope = "col"; head.append(cell);
  }
  table.append(head);
  for (const step of told.steps) {
    const row = make("tr"), kinds = new Map();
    for (const effect of step.effects) kinds.set(effect.kind, (kinds.get(effect.kind) || 0) + 1);
    row.append(make("td", "", step.step));
    for (const ms of [step.after_ms, step.queued_ms, step.took_ms]) row.append(make("td", "number", ms.toFixed(1)));
    row.append(make("td", "", Array.from(kinds, ([kind, count]) => count > 1 ? kind + " × " + count : kind).join(", ")));
    table.append(row);
  }
  paper("How was this made?", make("p", "", "Request " + told.request_id + ", " + told.records + " records, " + told.took_ms.toFixed(0) + " ms."), table);
}

async function receipt(one) {
  let told;
  try { told = await call("/v1/messages/" + encodeURIComponent(one.request) + "/receipt"); }
  catch (error) { paper("Receipt", make("p", "", error.message)); return; }
  if (told.state !== "sealed") {
    paper("Receipt", make("p", "", "The log is not sealed up to this answer yet. Its digest is " + told.digest + "; come back for the proof."));
    return;
  }
  const link = make("a", "button", "Save the receipt");
  link.href = "data:application/json;base64," + btoa(Array.from(new TextEncoder().encode(JSON.stringify(told, null, 1)), (byte) => String.fromCharCode(byte)).join(""));
  link.download = "receipt-" + one.request + ".json";
  paper("Receipt", make("p", "", "This answer is record " + told.offset + " of " + told.topic + ", in a tree that was signed. Its digest is " + told.digest + ". Anybody can check the file without this service."), link);
}

// ---------------------------------------------------------------------- documents

const TYPES = {
  md: "text/markdown", txt: "text/plain", html: "text/html", htm: "text/html", csv: "text/csv", json: "application/json",
  pdf: "application/pdf", eml: "message/rfc822",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};
async function handIn(file) {
  const line = make("li", "", file.name + ": reading…");
  $("uploads").append(line);
  const tell = (text, name) => { line.textContent = file.name + ": " + text; line.className = name || ""; };
  try {
    if (file.size > UPLOAD_MAX) throw new Error("it is too large to be sent from here");
    const content = await new Promise((done, failed) => {
      const reader = new FileReader();
      reader.onload = () => done(String(reader.result).replace(/^[^,]*,/, ""));
      reader.onerror = () => failed(new Error("it can’t be read"));
      reader.readAsDataURL(file);
    });
    const type = TYPES[file.name.split(".").pop().toLowerCase()] || file.type || "text/plain";
    tell("sending…");
    const taken = await post("/v1/documents", {uri: "upload/" + file.name, title: file.name, media_type: type, content_base64: content});
    for (;;) {
      const state = await call("/v1/documents/" + encodeURIComponent(taken.document_id));
      if (state.status === "failed") throw new Error(state.reason || "it could not be read");
      if (state.status === "indexed" && state.request_id === taken.request_id) { tell("can be searched, " + state.chunks + " parts"); return; }
      tell(state.status + "…");
      await new Promise((done) => setTimeout(done, 500));
    }
  } catch (error) { tell(error.message, "gone"); }
}
async function handInAll(files) { for (const file of files) await handIn(file); }
$("pick").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => { handInAll(Array.from($("files").files)); $("files").value = ""; });
for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, (event) => {
  event.preventDefault();  // a file that is dropped beside the page would replace it
  $("scroll").classList.toggle("over", name === "dragover");
  if (name === "drop") handInAll(Array.from(event.dataTransfer.files));
});

// ---------------------------------------------------------------------- what a person does

function put(question) {
  if (!question || !socket || socket.readyState !== WebSocket.OPEN) return false;
  if (!answers.size && !waiting.length) $("turns").replaceChildren();
  // chosen here, so that a message sent again after a lost connection is one
  if (!session) { session = named("s"); sessionStorage.setItem("playhead.session", session); }
  const one = turn(question);
  one.id = Date.now().toString(36) + "-" + (++number);
  waiting.push(one);
  ask(one); follow();
  return true;
}
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (put($("text").value.trim())) { $("text").value = ""; grow(); }
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("ask").requestSubmit(); }
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if ($("side").classList.contains("open")) { toggle(false); return; }
  for (const one of answers.values()) stop(one);
});
function grow() { const t = $("text"); t.rows = Math.min(6, t.value.split("\n").length); }
$("text").addEventListener("input", grow);
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value.trim();
  if (key) connect(); else $("wrong").textContent = "Enter a key.";
});
$("fresh").addEventListener("click", () => { forget(); toggle(false); $("text").focus(); });
$("more").addEventListener("click", () => listSessions(false));
function toggle(open) { $("side").classList.toggle("open", open); $("menu").setAttribute("aria-expanded", String(open)); }
$("menu").addEventListener("click", () => toggle(!$("side").classList.contains("open")));
$("leave").addEventListener("click", async () => {
  const leaves = signedIn && !key;
  key = ""; signedIn = false; begun = false; sessionStorage.clear(); $("sessions").replaceChildren(); $("uploads").replaceChildren(); forget();
  if (socket) socket.close();
  if (leaves) await signOut(); else await options();
  say("not connected"); if (signedIn) connect(); else enter("");
});
hint();
if (key && !linked) connect();
const looksAtLink = linked;
options().then(() => {
  if (outcome && !key && !signedIn) enter(TOLD[outcome] || TOLD.refused);
  else if (!key || looksAtLink) connect();
});
