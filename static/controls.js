// Microphone, camera, loudspeaker, keys; and the small true lines about the
// connection.

import { span } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Media} Media
 * @typedef {import("./types.d.ts").Connection} Connection
 * @typedef {import("./types.d.ts").Seen} Seen
 */

const keysKept = "belay-keys";

/**
 * @param {Desk} desk
 * @param {object} parts
 * @param {Connection} parts.connection
 * @param {() => Media | undefined} parts.media
 * @param {(id: string) => void} parts.speaker
 * @param {() => void} parts.sample lets one hear an alarm
 */
export function createControls(desk, parts) {
  const w = words.controls;
  let mic = true;
  let cam = true;
  const micButton = el("button", { type: "button", class: "control", onclick: () => {
    mic = !mic;
    parts.media()?.setMicrophone(mic);
    paint();
  } });
  const camButton = el("button", { type: "button", class: "control", onclick: () => {
    cam = !cam;
    parts.media()?.setCamera(cam);
    paint();
  } });
  const cameras = el("select", { id: "choose-camera", onchange: choose });
  const microphones = el("select", { id: "choose-microphone", onchange: choose });
  const speakers = el("select", { id: "choose-speaker", onchange: () => parts.speaker(speakers.value) });
  const noSpeaker = el("p", { class: "hint" }, w.noSpeaker);
  const keys = el("input", { type: "checkbox", id: "choose-keys", onchange: () => localStorage.setItem(keysKept, keys.checked ? "on" : "off") });
  keys.checked = localStorage.getItem(keysKept) !== "off";
  const speakerRow = el("div", null, el("label", { for: "choose-speaker" }, w.speaker), speakers);
  const panel = el("div", { class: "controls-panel" },
    el("div", null, el("label", { for: "choose-camera" }, w.camera), cameras),
    el("div", null, el("label", { for: "choose-microphone" }, w.microphone), microphones),
    speakerRow, noSpeaker,
    el("label", { class: "choice" }, keys, w.keys),
    el("button", { type: "button", onclick: parts.sample }, w.sample));
  const box = el("details", { class: "controls-box", ontoggle: () => box.open && void list() }, el("summary", { class: "button" }, w.devices), panel);
  const element = el("div", { class: "controls" }, micButton, camButton, box);
  const lines = el("ul", { class: "connection", "data-testid": "connection" });
  paint();

  function paint() {
    text(micButton, mic ? w.micOn : w.micOff);
    set(micButton, "aria-pressed", mic ? null : "true");
    text(camButton, cam ? w.camOn : w.camOff);
    set(camButton, "aria-pressed", cam ? null : "true");
  }

  async function list() {
    const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []) ?? [];
    /** @param {HTMLSelectElement} select @param {string} kind */
    const fill = (select, kind) => {
      const had = select.value;
      const found = devices.filter((device) => device.kind === kind && device.deviceId !== "default");
      select.replaceChildren(el("option", { value: "" }, w.standard), ...found.map((device, i) => el("option", { value: device.deviceId }, device.label || `${i + 1}`)));
      select.value = had;
      return found.length;
    };
    fill(cameras, "videoinput");
    fill(microphones, "audioinput");
    const can = "setSinkId" in HTMLMediaElement.prototype && fill(speakers, "audiooutput") > 0;
    show(speakerRow, can);
    show(noSpeaker, !can);
  }

  function choose() {
    /** @type {{camera?: string, microphone?: string}} */
    const choice = {};
    if (cameras.value) choice.camera = cameras.value;
    if (microphones.value) choice.microphone = microphones.value;
    void parts.media()?.start(choice);
  }

  /** @param {Seen[]} seen */
  function tick(seen) {
    const state = parts.connection.state();
    const server = state.name === "open" ? words.connection.open : state.name === "connecting" ? words.connection.connecting : words.connection.reconnecting(span(Date.now() - state.since));
    const said = [server, ...seen.filter((one) => one.frame_age >= 0 || one.state !== "new").map((one) => words.connection.peer(one.role === "relay" ? one.role : desk.name(one.seat), words.connection.route[one.route] ?? one.route, one.fps, one.round_trip * 1000, one.loss))];
    const capture = parts.media()?.capture();
    if (capture?.words) said.push(capture.words);
    each(lines, said.map((line, i) => ({ line, i })), (one) => String(one.i), () => el("li"), (node, one) => text(node, one.line));
  }

  return { element, lines, tick, keys: () => keys.checked };
}
