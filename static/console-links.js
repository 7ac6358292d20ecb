// Links that were made just now: each with its picture, to copy, to open, to print.

import { day, ms, timeOfDay } from "./clock.js";
import { roles, words } from "./console-words.js";
import { el, text } from "./element.js";

/**
 * @typedef {import("./console.js").Made} Made
 * @typedef {import("./console.js").Link} Link
 */

/** @param {Made} made */
export function createLinks(made) {
  const w = words.made;
  return {
    title: w.title,
    element: el("div", { class: "wide" },
      el("div", { class: "bar" }, el("h1", null, w.title),
        el("span", { class: "buttons screen-only" },
          el("button", { type: "button", onclick: () => window.print() }, w.print),
          el("a", { class: "button", href: "#sessions" }, w.back))),
      el("p", { class: "screen-only" }, w.lead),
      el("div", { class: "links" },
        el("section", { class: "card screen-only" }, el("h2", null, w.you, " ", el("span", { class: "role" }, roles["therapist"])), el("p", null, w.ownHint),
          el("div", { class: "buttons" }, el("a", { class: "button primary", href: made.place, target: "_blank", rel: "noopener", "data-testid": "own" }, w.own))),
        ...made.links.map(createLink))),
  };
}

/** @param {Link} link */
export function createLink(link) {
  const w = words.made;
  const said = el("span", { class: "hint", role: "status" });
  const field = el("input", {
    type: "text", readonly: true, value: link.url, "aria-label": `${w.link}: ${link.name}`, "data-testid": `link-${link.seat}`,
    onfocus: () => field.select(),
  });
  /** @param {string} what */
  async function copy(what) {
    try {
      await navigator.clipboard.writeText(what);
      text(said, w.copied);
    } catch {
      field.focus();
      text(said, w.notCopied);
    }
  }
  return el("section", { class: "link card", "data-testid": "link" },
    el("h2", null, link.name, " ", el("span", { class: "role" }, roles[link.role] ?? link.role)),
    el("p", { class: "print-only" }, w.printLead),
    el("figure", null, el("img", { src: link.qr, width: 200, height: 200, alt: `${w.scan}: ${link.name}` }), el("figcaption", { class: "hint" }, w.scan)),
    field,
    el("p", { class: "print-only url" }, link.url),
    el("div", { class: "buttons screen-only" },
      el("button", { type: "button", onclick: () => void copy(link.url) }, w.copy),
      el("button", { type: "button", "data-testid": `message-${link.seat}`, onclick: () => void copy(`${w.printLead}\n\n${link.url}`) }, w.copyMessage),
      el("a", { class: "button", href: link.url, target: "_blank", rel: "noopener", "data-testid": `open-${link.seat}` }, w.openHere), said),
    el("p", { class: "hint" }, w.until(`${day(link.expires)}, ${timeOfDay(ms(link.expires))}`)));
}
