// Microphone, camera, loudspeaker, keys.

import { each, el, set, show, text } from "./element.js";
import { browser } from "./kept.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./types.d.ts").Media} Media
 */

const keysKept = "belay-keys";

/**
 * @param {import("./desk.js").Desk} desk
 * @param {object} parts
 * @param {() => Media | undefined} parts.media
 * @param {(id: string) => void} parts.speaker
 * @param {() => void} parts.sample lets one hear an alarm
 */
export function createControls(desk, parts) {
  const w = words.controls;
  let mic = true;
  let cam = true;
  const micButton = el("button", { type: "button", class: "control", onclick: () => {
    if (missing("microphone")) return begin("microphone");
    mic = !mic;
    parts.media()?.setMicrophone(mic);
    paint();
  } });
  const camButton = el("button", { type: "button", class: "control", onclick: () => {
    if (missing("camera")) return begin("camera");
    cam = !cam;
    parts.media()?.setCamera(cam);
    paint();
  } });
  const cameras = el("select", { id: "choose-camera", onchange: () => void parts.media()?.start({ camera: cameras.value }) });
  const microphones = el("select", { id: "choose-microphone", onchange: () => void parts.media()?.start({ microphone: microphones.value }) });
  const music = el("input", { type: "checkbox", id: "choose-music", onchange: () => void parts.media()?.setMusic(music.checked) });
  const speakers = el("select", { id: "choose-speaker", onchange: () => parts.speaker(speakers.value) });
  const noSpeaker = el("p", { class: "hint" }, w.noSpeaker);
  const keys = el("input", { type: "checkbox", id: "choose-keys", onchange: () => browser.write(keysKept, keys.checked ? "on" : "off") });
  keys.checked = browser.read(keysKept) !== "off";
  const speakerRow = el("div", null, el("label", { for: "choose-speaker" }, w.speaker), speakers);
  const theirs = el("div", { class: "controls-music" });
  const panel = el("div", { class: "controls-panel" },
    el("div", null, el("label", { for: "choose-camera" }, w.camera), cameras),
    el("div", null, el("label", { for: "choose-microphone" }, w.microphone), microphones),
    speakerRow, noSpeaker,
    el("label", { class: "choice" }, music, w.music), theirs,
    el("label", { class: "choice" }, keys, w.keys),
    el("button", { type: "button", onclick: parts.sample }, w.sample));
  const box = el("details", { class: "controls-box", ontoggle: () => box.open && void list(), onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && fold(true) }, el("summary", { class: "button" }, w.devices), panel);
  navigator.mediaDevices?.addEventListener?.("devicechange", () => box.open && void list());
  document.addEventListener("pointerdown", ({ target }) => target instanceof Node && !box.contains(target) && fold(false));
  const element = el("div", { class: "controls" }, micButton, camButton, box);
  paint();

  /** @param {boolean} back to where it was opened */
  function fold(back) {
    if (!box.open) return;
    box.open = false;
    if (back) box.querySelector("summary")?.focus();
  }

  /** @param {"microphone" | "camera"} kind */
  function capture(kind) {
    return parts.media()?.capture()[kind] ?? "off";
  }

  /** @param {"microphone" | "camera"} kind */
  function missing(kind) {
    return capture(kind) !== "ok";
  }

  /**
   * Begins with a device that is not there, or was not wanted. The other one stays away
   * where it was not wanted either.
   *
   * @param {"microphone" | "camera"} kind
   */
  function begin(kind) {
    const media = parts.media();
    if (kind === "microphone") mic = true;
    else cam = true;
    if (kind === "microphone" && capture("camera") === "off") cam = false;
    if (kind === "camera" && capture("microphone") === "off") mic = false;
    media?.setMicrophone(mic);
    media?.setCamera(cam);
    void media?.start();
    paint();
  }

  function paint() {
    paintOne("microphone", micButton, mic, { on: parts.media()?.capture().soundless ? w.micSilent : w.micOn, off: w.micOff, none: w.micNone });
    paintOne("camera", camButton, cam, { on: w.camOn, off: w.camOff, none: w.camNone });
  }

  /**
   * What is so, and not what was pressed.
   *
   * @param {"microphone" | "camera"} kind
   * @param {HTMLElement} button
   * @param {boolean} wanted
   * @param {{on: string, off: string, none: string}} says
   */
  function paintOne(kind, button, wanted, says) {
    const there = !missing(kind);
    text(button, there ? (wanted ? says.on : says.off) : capture(kind) === "off" ? says.off : says.none);
    set(button, "aria-pressed", there && wanted ? null : "true");
  }

  async function list() {
    const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []) ?? [];
    /** @param {HTMLSelectElement} select @param {string} kind */
    const fill = (select, kind) => {
      const had = select.value;
      const found = devices.filter((device) => device.kind === kind && device.deviceId !== "default");
      select.replaceChildren(el("option", { value: "" }, w.standard), ...found.map((device, i) => el("option", { value: device.deviceId }, device.label || `${i + 1}`)));
      select.value = found.some((device) => device.deviceId === had) ? had : "";
      return found.length;
    };
    fill(cameras, "videoinput");
    fill(microphones, "audioinput");
    const can = "setSinkId" in HTMLMediaElement.prototype && fill(speakers, "audiooutput") > 0;
    show(speakerRow, can);
    show(noSpeaker, !can);
  }

  /** Music at a client's side: they lie with closed eyes and operate nothing. */
  function update() {
    const clients = (desk.view().clients ?? []).filter((client) => desk.action("SetMusic", client.seat)?.allowed);
    each(theirs, clients, (client) => client.seat, (client) => el("label", { class: "choice" }, el("input", { type: "checkbox", "data-act": "SetMusic", "data-client": client.seat, onchange: (/** @type {Event} */ event) => {
      const box = /** @type {HTMLInputElement} */ (event.target);
      void desk.command("SetMusic", { client: client.seat, on: box.checked }).then((answer) => {
        if (!answer.ok) update();
      });
    } }), el("span")), (node, client) => {
      node.firstElementChild.checked = client.music ?? false;
      text(node.lastElementChild, w.musicAt(client.name));
    });
  }

  /** The own camera and microphone are off for good. */
  function leave() {
    show(micButton, false);
    show(camButton, false);
  }

  return { element, update, tick: paint, leave, keys: () => keys.checked };
}
