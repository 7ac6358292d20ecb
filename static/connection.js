/** @typedef {import("./types.d.ts").Connection} Connection */
/** @typedef {import("./types.d.ts").Events} Events */

/**
 * @param {{path: string, media?: boolean, on?: Partial<Events>}} options
 * @returns {Connection}
 */
export function openConnection(options) {
  throw new Error("not written yet: " + options.path);
}
