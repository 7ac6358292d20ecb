// Elements are made here, from tags, attributes and text. Text is only ever
// text: nothing in these files turns a string into HTML.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | EventListener | ((event: any) => unknown)>} Attributes
 */

const svgNames = "http://www.w3.org/2000/svg";

/**
 * el makes an HTML element. An attribute that is a function becomes a listener
 * (`onclick`), true becomes an empty attribute, and false, null or undefined
 * none at all. Children that are null, undefined or false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  furnish(node, attributes, children);
  return node;
}

/**
 * svg makes an element of a drawing, by the same rules.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(svgNames, tag);
  furnish(node, attributes, children);
  return node;
}

/**
 * @param {Element} node
 * @param {Attributes | null | undefined} attributes
 * @param {Child[]} children
 */
function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") {
      node.addEventListener(name.replace(/^on/, ""), /** @type {EventListener} */ (value));
    } else {
      set(node, name, value);
    }
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/**
 * set writes an attribute only where it changes, so that a repaint wakes
 * neither layout nor a screen reader.
 *
 * @param {Element} node
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/**
 * text writes an element's text, only where it changes.
 *
 * @param {Element} node
 * @param {string | number | null | undefined} words
 */
export function text(node, words) {
  const next = String(words ?? "");
  if (node.textContent !== next) node.textContent = next;
}

/**
 * whole is text that a line's end does not break: a phone number.
 *
 * @param {string} words
 */
export function whole(words) {
  return el("span", { class: "whole" }, words);
}

/**
 * show shows or hides an element.
 *
 * @param {Element} node
 * @param {unknown} shown
 */
export function show(node, shown) {
  set(node, "hidden", !shown);
}

/**
 * enable sets whether a button may be used now. A button that may not stays
 * reachable by keyboard, so that its reason can be found and heard; what it
 * does is left out by whoever listens, which [usable] tells.
 *
 * @param {Element} button
 * @param {boolean} allowed
 */
export function enable(button, allowed) {
  set(button, "aria-disabled", allowed ? null : "true");
}

/**
 * usable says whether a button was enabled.
 *
 * @param {Element} button
 */
export function usable(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

const calmFor = 350; // ms: longer than between the two presses of a double one

/** @type {WeakMap<Element, ReturnType<typeof setTimeout>>} */
const calmed = new WeakMap();

/**
 * calm is called when something else has come to stand where a finger or a mouse has
 * just pressed: for a moment no pointer presses anything in it, so that the second
 * press of a double one does not answer what nobody has read. Keys work at once.
 *
 * @param {Element} node
 */
export function calm(node) {
  clearTimeout(calmed.get(node));
  set(node, "data-calm", "yes");
  calmed.set(node, setTimeout(() => set(node, "data-calm", null), calmFor));
}

/**
 * each keeps one child per item, in the items' order, without touching those
 * that stay: focus, selection and scrolling survive. Parent holds nothing else.
 *
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} key unique among the items
 * @param {(item: T) => Element} make makes the child once
 * @param {(node: any, item: T) => void} [update] is called for every item, also a new one
 */
export function each(parent, items, key, make, update) {
  /** @type {Map<string, Element>} */
  const have = new Map();
  for (const child of Array.from(parent.children)) {
    have.set(child.getAttribute("data-key") ?? "", child);
  }
  let after = /** @type {Element | null} */ (null);
  for (const item of items) {
    const name = key(item);
    let node = have.get(name);
    if (node) {
      have.delete(name);
    } else {
      node = make(item);
      node.setAttribute("data-key", name);
    }
    const place = after ? after.nextElementSibling : parent.firstElementChild;
    if (node !== place) parent.insertBefore(node, place);
    update?.(node, item);
    after = node;
  }
  for (const gone of have.values()) gone.remove();
}
