// Every text of the page that a link opens.

/** @typedef {{title: string, lines: string[], again?: string}} Page */

export const words = {
  /** @type {Page} */
  opening: { title: "Opening your link …", lines: ["This takes a moment."] },
  /** @type {Page} */
  waiting: {
    title: "Waiting for your therapist",
    lines: [
      "This link was first opened in another browser or on another device. To keep it yours, your therapist lets this one in with one tap.",
      "Keep this page open: it goes on by itself. You don’t need to do anything. If it takes long, call your therapist.",
    ],
  },
  /** @type {Page} */
  incomplete: {
    title: "This link is not complete",
    lines: ["A part of it is missing. Please open it again from the message that your therapist sent you, or copy the whole line."],
  },
  /** @type {Page} */
  away: { title: "The server does not answer", lines: ["This page tries again by itself. Please check that this device is on the internet."] },
  /** @type {Page} */
  busy: { title: "One moment", lines: ["This page was opened very often in a short time. It goes on by itself."] },
  invalid: "This link does not open",
  failed: "This link could not be opened",
  again: "Try again",
  help: "Your therapist can make a new link at once: it takes one tap.",
};

/**
 * browserWords is what the therapist reads when this browser asks to be let in:
 * "Chrome on Android".
 *
 * @param {string} agent
 */
export function browserWords(agent) {
  /** @type {[RegExp, string][]} */
  const browsers = [[/Edg\//, "Edge"], [/SamsungBrowser/, "Samsung Internet"], [/Firefox|FxiOS/, "Firefox"], [/Chrome|CriOS/, "Chrome"], [/Safari/, "Safari"]];
  /** @type {[RegExp, string][]} */
  const systems = [[/iPhone/, "an iPhone"], [/iPad/, "an iPad"], [/Android/, "Android"], [/Windows/, "Windows"], [/CrOS/, "a Chromebook"], [/Mac OS X/, "a Mac"], [/Linux/, "Linux"]];
  const browser = browsers.find(([sign]) => sign.test(agent))?.[1] ?? "A browser";
  const system = systems.find(([sign]) => sign.test(agent))?.[1];
  return system ? `${browser} on ${system}` : browser;
}
