// What a client's page looks up in its view.

/** @typedef {import("./types.d.ts").View} View */

/** @param {View} view @param {string} act @param {string} [client] */
export function action(view, act, client) {
  return (view.actions ?? []).find((one) => one.act === act && (!client || !one.client || one.client === client));
}

/** @param {View} view */
export function therapists(view) {
  return (view.people ?? []).filter((one) => one.role === "therapist" || one.role === "co_therapist");
}

/** @param {View} view */
export function chaperones(view) {
  return (view.people ?? []).filter((one) => one.role === "chaperone");
}
