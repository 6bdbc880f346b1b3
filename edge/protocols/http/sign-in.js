"use strict";
// Signing in, and what an address brings along: the same in every page, before the page's own script.
// The cookie is the browser's; no script ever sees it. The page has `$`, `make`, `key` and `PAGE`.

// an address may end in #key=… and the like; a browser sends no fragment to anybody
const given = new URLSearchParams(location.hash.slice(1));
const outcome = given.get("sign-in");  // of a sign-in that came to nothing
let linked = !!given.get("key");      // whether the key came by the address, until it is looked at
if (given.size) history.replaceState(null, "", location.pathname);
addEventListener("hashchange", () => location.reload());

const TOLD = {
  refused: "The sign-in came to nothing. Try again.",
  stale: "That sign-in began in another browser, or too long ago. Try again.",
  denied: "Your account may not use this. Ask whoever runs it.",
  away: "The sign-in can’t be reached at the moment. Try again.",
};
let signedIn = false;
async function options() {  // tells whether somebody is signed in, and offers where one can be
  let issuers = null;
  try {
    const found = await (await fetch("/login/options")).json();
    signedIn = found.signed_in; issuers = found.issuers;
    if (issuers.length) $("door-title").textContent = "Sign in, or give a key";
    $("issuers").replaceChildren(...issuers.map((issuer) => {
      const button = make("button", "main", "Sign in with " + issuer.title);
      button.type = "button";
      button.addEventListener("click", () => {
        location.assign("/login?issuer=" + encodeURIComponent(issuer.name) + "&page=" + PAGE);
      });
      return button;
    }));
  } catch { signedIn = false; }
  // where people sign in, a link could have them ask and upload as somebody else without a word
  if (linked && (issuers === null || issuers.length)) key = "";
  linked = false;
  $("leave").textContent = signedIn && !key ? "Sign out" : "Change key";
}
async function signOut() {
  signedIn = false;
  try {
    const found = await (await fetch("/logout", {method: "POST"})).json();
    if (found.go_on_at) location.assign(found.go_on_at);
  } catch { /* the gateway is away: the cookie ends by itself */ }
  await options();
}
function authorization() { return key ? {Authorization: "Bearer " + key} : {}; }
