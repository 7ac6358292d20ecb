// The alarms that a chaperone is told of, and who knows of each.

import { words } from "./chaperone-words.js";
import { each, el, text } from "./element.js";

/** @param {import("./desk.js").Desk} desk */
export function createAlarms(desk) {
  const w = words.card;
  const element = el("ul", { class: "card-alarms", "aria-live": "polite" });
  /** What they asked for themselves stays, however little urgent, until a therapist has dealt with it. @param {import("./types.d.ts").Alarm} alarm */
  const theirs = (alarm) => alarm.priority === "high" || alarm.mine || alarm.condition === "please_look";

  function update() {
    each(element, (desk.view().alarms ?? []).filter(theirs), (alarm) => alarm.id, () => el("li", null, el("strong"), " ", el("span")), (node, alarm) => {
      text(node.firstElementChild, alarm.words);
      text(node.lastElementChild, alarm.acknowledged ? w.known(alarm.acknowledged_by ?? "") : alarm.shown ? w.shown : w.recorded);
    });
  }

  return { element, update };
}
