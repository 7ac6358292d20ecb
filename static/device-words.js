// What is wrong with a camera or a microphone, in plain words, and what to do
// about it in this browser.

/** @typedef {import("./types.d.ts").CaptureState} CaptureState */
/** @typedef {import("./types.d.ts").Found} Found */
/** @typedef {"chrome" | "edge" | "firefox" | "safari" | "samsung" | "ios" | "android" | "other"} Browser */
/** @typedef {"camera" | "microphone"} Device */

/**
 * browserOf is the browser as its user would name it: on an iPhone or iPad every
 * browser asks the same system.
 *
 * @param {string} [agent]
 * @param {number} [touchPoints]
 * @returns {{browser: Browser, phone: "ios" | "android" | ""}}
 */
export function browserOf(agent = navigator.userAgent, touchPoints = navigator.maxTouchPoints) {
  const ios = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1);
  const phone = ios ? "ios" : /Android/.test(agent) ? "android" : "";
  /** @type {Browser} */
  let browser = "other";
  if (/Firefox|FxiOS/.test(agent)) browser = "firefox";
  else if (/SamsungBrowser/.test(agent)) browser = "samsung";
  else if (/Edg/.test(agent)) browser = "edge";
  else if (/Chrome|Chromium|CriOS/.test(agent)) browser = "chrome";
  else if (/Safari/.test(agent)) browser = "safari";
  return { browser, phone };
}

/**
 * allowing says how to give this page a device that was refused.
 *
 * @param {ReturnType<typeof browserOf>} of
 * @param {Device} device
 */
function allowing({ browser, phone }, device) {
  if (phone === "ios") {
    return browser === "safari"
      ? `Tap the symbol at the left of the address (“AA” or a page with lines), choose “Website Settings”, set ${device} to “Allow”, then try again.`
      : `Open the iPhone’s Settings, find this browser in the list of apps, switch on ${device}, then come back and try again.`;
  }
  if (phone === "android") {
    return browser === "firefox"
      ? `Tap the lock beside the address, allow the ${device}, then try again. If it is not listed: Android’s Settings, Apps, Firefox, Permissions.`
      : `Tap the symbol at the left of the address, then “Permissions”, allow the ${device}, then try again. If it is not listed: Android’s Settings, Apps, your browser, Permissions.`;
  }
  switch (browser) {
    case "firefox":
      return `Click the crossed-out ${device} beside the address, remove “Blocked”, then try again and choose “Allow”.`;
    case "safari":
      return `In the menu bar choose Safari, “Settings for This Website”, set ${device} to “Allow”, then try again.`;
    default:
      return `Click the symbol at the left of the address, switch the ${device} on, then try again.`;
  }
}

/** @param {Device} device @param {Found} state @param {ReturnType<typeof browserOf>} [of] */
export function deviceWords(device, state, of = browserOf()) {
  switch (state) {
    case "ok":
      return "";
    case "refused":
      return `This browser does not let the page use the ${device}. ${allowing(of, device)}`;
    case "none":
      return `No ${device} was found on this device. If there is one, check that it is plugged in and switched on, then try again.`;
    case "busy":
      return `The ${device} is in use by another program or tab. Close the other one, such as another video call, then try again.`;
    default:
      return globalThis.isSecureContext === false
        ? `This page was not opened over a secure connection, and then no browser gives it the ${device}. Use the link that begins with https.`
        : `The ${device} could not be started. Try again; if it stays so, close this browser and open the link once more.`;
  }
}

/** @param {import("./types.d.ts").Instead} instead */
function insteadWords({ kind, label }) {
  return `The ${kind} is gone. Now in use: ${label || (kind === "loudspeaker" ? "the one that this device chooses" : "another one")}.`;
}

export const soundlessWords = "Your microphone gives no sound: is it switched off at the device? Many headsets and microphones have a key for that.";

/** @param {CaptureState} state */
export function captureWords(state) {
  const of = browserOf();
  /** @type {string[]} */
  const words = [];
  if (state.microphone !== "off") words.push(deviceWords("microphone", state.microphone, of));
  if (state.soundless) words.push(soundlessWords);
  if (state.camera !== "off") words.push(deviceWords("camera", state.camera, of));
  if (state.instead) words.push(insteadWords(state.instead));
  return words.filter(Boolean).join(" ");
}
