// The numbers that a chaperone can call where this page is not enough.

import { each, el, show, whole } from "./element.js";
import { tel } from "./tel.js";

/**
 * @param {import("./desk.js").Desk} desk
 * @param {string} title what they are for
 */
export function createWays(desk, title) {
  const says = el("p", null, title);
  const list = el("ul", { class: "ways" });
  const element = el("div", { class: "call-ways" }, says, list);
  const any = () => (desk.view().ways ?? []).length > 0;

  function update() {
    each(list, desk.view().ways ?? [], (way) => way.name + way.phone, (way) => el("li", null, el("a", { class: "button thumb", href: tel(way.phone) }, `${way.name}: `, whole(way.phone))));
    show(says, any());
  }

  return { element, update, any };
}
