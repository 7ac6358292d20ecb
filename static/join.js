// The page that a link opens: it posts the link's secret, which stands in the
// address' fragment and was never sent before, and goes to the seat's page.

import { el } from "./element.js";
import { browserWords, words } from "./join-words.js";

/** @typedef {import("./join-words.js").Page} Page */

const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
const askAgain = 2000; // ms

/** @param {Page} page */
function show(page) {
  const next = JSON.stringify(page);
  if (screen.dataset["shown"] === next) return;
  screen.dataset["shown"] = next;
  document.title = `${page.title} – Belay`;
  screen.replaceChildren(
    el("div", { role: "status" }, el("h1", null, page.title)),
    ...page.lines.map((line) => el("p", null, line)),
    page.again ? el("div", null, el("button", { type: "button", class: "primary", onclick: () => void open() }, page.again)) : "",
  );
}

/** read takes the link apart: SESSION.SEAT.SECRET. */
function read() {
  const parts = location.hash.slice(1).split(".");
  const [session = "", seat = "", secret = ""] = parts;
  return parts.length === 3 && session && seat && secret ? { session, seat, secret, words: browserWords(navigator.userAgent) } : null;
}

async function open() {
  const link = read();
  if (!link) {
    show(words.incomplete);
    return;
  }
  show(words.opening);
  for (;;) {
    if (await ask(link)) return;
    await new Promise((go) => setTimeout(go, askAgain));
  }
}

/**
 * ask returns true when there is nothing more to wait for.
 *
 * @param {{session: string, seat: string, secret: string, words: string}} link
 */
async function ask(link) {
  /** @type {Response} */
  let answer;
  /** @type {any} */
  let said;
  try {
    answer = await fetch("/api/open", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(link) });
    said = await answer.json();
  } catch {
    show(words.away);
    return false;
  }
  if (answer.status === 200) {
    location.replace(String(said.location)); // the secret leaves the history
    return true;
  }
  if (answer.status === 202) {
    show(words.waiting);
    return false;
  }
  if (answer.status === 429) {
    show(words.busy);
    return false;
  }
  if (answer.status >= 500) {
    show({ title: words.failed, lines: [String(said.words)] });
    return false;
  }
  show({ title: said.code === "link_invalid" ? words.invalid : words.failed, lines: [String(said.words), words.help], again: words.again });
  return true;
}

addEventListener("hashchange", () => location.reload()); // another link: the one before is asked for no more
void open();
