// The console: sign in, sessions, links, past sessions, settings. One part is
// mounted at a time, by the address' fragment; each part makes its elements once.

import { call, Problem } from "./api.js";
import { createLook } from "./console-look.js";
import { createLinks } from "./console-links.js";
import { createNew } from "./console-new.js";
import { createPast } from "./console-past.js";
import { createRecord } from "./console-record.js";
import { createSessions } from "./console-sessions.js";
import { createSettings } from "./console-settings.js";
import { createSignIn } from "./console-signin.js";
import { words as w } from "./console-words.js";
import { el, set, show, text } from "./element.js";
import { watchFaults } from "./fault.js";
import { ended, names, underWay } from "./summary.js";

/**
 * A part of the console. Refresh is called every few seconds while it is shown.
 *
 * @typedef {{element: HTMLElement, title: string, refresh?: () => Promise<void>}} Part
 * @typedef {{id: string, name: string, email: string, base: string, only_here: boolean}} Me
 * @typedef {{seat: string, role: string, name: string, url: string, qr: string, expires: string}} Link
 * @typedef {{id: string, place: string, links: Link[]}} Made
 */

watchFaults();

const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
const every = 4000; // ms

/** @type {Me | null} */
let me = null;
/** @type {Part | null} */
let part = null;
/** @type {Made | null} links that were made just now: they are shown once */
let made = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** Whose part stands there, half filled perhaps, while nobody is signed in. */
let left = "";

const nav = Object.entries({ sessions: w.nav.sessions, past: w.nav.past, settings: w.nav.settings })
  .map(([name, title]) => el("a", { href: `#${name}`, "data-part": name }, title));
const who = el("span", { class: "who" });
const signOutButton = el("button", { type: "button", class: "quiet", onclick: () => void askSignOut() }, w.signOut);
const stay = el("button", { type: "button", class: "primary", onclick: () => {
  show(leaving, false);
  signOutButton.focus();
} }, w.signingOut.no);
const leavingWords = el("p");
const leaving = el("div", { class: "notice", role: "alert", hidden: true }, leavingWords,
  el("div", { class: "buttons" }, stay, el("button", { type: "button", "data-testid": "sign-out", onclick: () => void signOut() }, w.signingOut.yes)));
const head = el("header", { class: "head" },
  el("a", { class: "brand", href: "#sessions" }, w.product),
  el("nav", { "aria-label": w.product }, ...nav),
  el("span", { class: "account" }, who, signOutButton));
const away = el("p", { class: "notice", role: "status", hidden: true }, w.notAnswering);
const only = el("p", { class: "notice", role: "note", hidden: true });
const place = el("div", { id: "part", tabindex: "-1" });
const main = el("main", null, leaving, only, away, place);

/** Who signs out in the middle of a visit is asked: its page ends too. */
async function askSignOut() {
  const { sessions = [] } = await call("GET", "/api/sessions").catch(() => ({}));
  const open = /** @type {import("./summary.js").Summary[]} */ (sessions).filter((one) => underWay(one) || !ended(one) && (one.arrived ?? []).includes("therapist-1"));
  if (open.length === 0) {
    void signOut();
    return;
  }
  text(leavingWords, w.signingOut.ask(open.map(names).join(w.signingOut.and), open.some(underWay)));
  show(leaving, true);
  stay.focus();
}

async function signOut() {
  show(leaving, false);
  await call("POST", "/api/signout").catch(() => null);
  me = null;
  left = "";
  location.hash = "";
  void start();
}

/** onward returns where somebody wanted to go when they were asked to sign in. */
function onward() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return /^\/s\/[\w.-]+\/[\w.-]+\/$/.test(next) ? next : null;
}

async function start() {
  clearTimeout(timer);
  try {
    me = await call("GET", "/api/me");
  } catch (error) {
    const code = error instanceof Problem ? error.code : "";
    if (code === "signed_out" || code === "no_account") {
      const signIn = createSignIn({ nobody: code === "no_account", again: left !== "", done: () => void start() });
      document.title = `${signIn.title} – ${w.product}`;
      screen.replaceChildren(signIn.element);
      return;
    }
    screen.replaceChildren(el("main", { class: "narrow" }, el("h1", null, w.product), el("p", { role: "status" }, w.notAnswering)));
    timer = setTimeout(() => void start(), every);
    return;
  }
  const next = onward();
  if (next) {
    location.replace(next);
    return;
  }
  if (!me) return;
  text(who, me.name);
  set(who, "title", `${w.signedInAs} ${me.email}`);
  text(only, w.onlyHere(me.base));
  show(only, me.only_here);
  screen.replaceChildren(head, main);
  // Who was signed out in another window finds what they had begun as they left it.
  if (left === me.id && part) begin(part);
  else route();
  left = "";
}

/** route mounts the part that the fragment names. */
function route() {
  if (!me) {
    left = "";
    return;
  }
  const [name = "sessions", id = ""] = (location.hash.slice(1) || "sessions").split("/");
  if (name !== "links") made = null;
  part = choose(name, id);
  for (const link of nav) set(link, "aria-current", link.dataset["part"] === name ? "page" : null);
  place.replaceChildren(part.element);
  scrollTo(0, 0);
  begin(part);
}

/** @param {Part} now */
function begin(now) {
  document.title = `${now.title} – ${w.product}`;
  void refresh();
}

/**
 * @param {string} name
 * @param {string} id
 * @returns {Part}
 */
function choose(name, id) {
  switch (name) {
    case "new":
      return createNew({ made: showMade });
    case "links":
      if (made) return createLinks(made);
      break;
    case "session":
      return createLook(id);
    case "record":
      return createRecord(id);
    case "past":
      return createPast();
    case "settings":
      return createSettings();
  }
  return createSessions({ made: showMade });
}

/** @param {Made} what */
function showMade(what) {
  made = what;
  location.hash = "links";
}

async function refresh() {
  clearTimeout(timer);
  const now = part;
  if (!now) return;
  try {
    // A form has nothing to read again, and asks whether it can still be sent.
    if (!document.hidden) await (now.refresh?.() ?? call("GET", "/api/me"));
    show(away, false);
  } catch (error) {
    if (error instanceof Problem && error.code === "signed_out") {
      left = me?.id ?? left;
      me = null;
      void start();
      return;
    }
    text(away, error instanceof Problem && error.code !== "away" ? error.message : w.notAnswering);
    show(away, true);
  }
  if (now === part) timer = setTimeout(() => void refresh(), every);
}

addEventListener("hashchange", () => {
  route();
  place.focus({ preventScroll: true });
});
document.addEventListener("visibilitychange", () => !document.hidden && me && void refresh());
void start();
