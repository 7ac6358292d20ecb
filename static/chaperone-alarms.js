// The alarms that a chaperone is told of, and who knows of each.

import { words } from "./chaperone-words.js";
import { each, el, text } from "./element.js";

/**
 * @param {import("./desk.js").Desk} desk
 * @param {"asked" | "others"} [which] what this chaperone asked for, or the rest; all where it is left out
 */
export function createAlarms(desk, which) {
  const w = words.card;
  const element = el("ul", { class: "card-alarms", "aria-live": "polite" });
  /** What they asked for themselves stays until a therapist has dealt with it. @param {import("./types.d.ts").Alarm} alarm */
  function shown(alarm) {
    const own = alarm.own ?? false;
    return (own || alarm.priority === "high" || alarm.mine) && (!which || own === (which === "asked"));
  }

  function update() {
    each(element, (desk.view().alarms ?? []).filter(shown), (alarm) => alarm.id, () => el("li", null, el("strong"), " ", el("span")), (node, alarm) => {
      text(node.firstElementChild, alarm.words);
      text(node.lastElementChild, alarm.acknowledged ? w.known(alarm.acknowledged_by ?? "") : alarm.shown ? w.shown : w.recorded);
    });
  }

  return { element, update };
}
