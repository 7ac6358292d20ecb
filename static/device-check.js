// Camera, microphone and loudspeaker, tried before they are needed: one sees
// oneself, sees a bar move with one's voice, and hears a tone.

import { deviceWords } from "./device-words.js";
import { each, el, enable, set, show, text, usable } from "./element.js";
import { meter } from "./level.js";

/** @typedef {import("./types.d.ts").Media} Media */
/** @typedef {import("./types.d.ts").DeviceFound} DeviceFound */
/** @typedef {import("./types.d.ts").Found} Found */

const words = {
  ask: "Your browser will ask whether this page may use your camera and microphone. Please choose “Allow”.",
  start: "Turn on camera and microphone",
  starting: "Waiting for your answer to the browser’s question.",
  again: "Try again",
  picture: "Your own picture",
  noPicture: "No picture",
  speak: "Say a few words: the bar moves with your voice.",
  speakAfterTap: "Tap here, then say a few words: the bar moves with your voice.",
  heard: "Your microphone works.",
  silent: "Nothing at all comes from the microphone. Look for a switch or key that mutes it, or choose another one below.",
  level: "Loudness of your microphone",
  tone: "Play a soft tone",
  toneAsk: "Did you hear it?",
  self: "Hear yourself",
  selfSpeak: "Say a few words now.",
  selfListen: "Now you hear what you said.",
  toneYes: "Yes, I heard it",
  toneNo: "No",
  toneHeard: "The sound works.",
  toneNot: "Turn up the volume of this device, check whether headphones are connected, then try it again.",
  without: "You can continue without a camera: your therapist will hear you but not see you, and will talk with you about it.",
  withoutSound: "Without a microphone your therapist cannot hear you. Please try again before you go on.",
  camera: "Camera",
  microphone: "Microphone",
};

const selfFor = 3; // s in which one speaks

/** @param {number} seconds */
const passes = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/**
 * createDeviceCheck makes the part. It uses the page's own media, so that what
 * was tested is what is then used. OnChange is called whenever what was found
 * changes.
 *
 * @param {{media: Media, onChange?: (found: DeviceFound) => void}} options
 * @returns {{element: HTMLElement, start: () => Promise<void>, found: () => DeviceFound, started: () => boolean, close: () => void}}
 */
export function createDeviceCheck({ media, onChange }) {
  /** @type {DeviceFound} */
  const found = { camera: "failed", microphone: "failed", loudspeaker: "untested" };
  let started = false;
  let heard = false;
  let zeroSince = 0;
  const loudness = meter(media.local);

  const picture = el("video", { autoplay: true, muted: true, playsinline: true, "aria-label": words.picture, "data-testid": "self-check" });
  picture.muted = true;
  const none = el("p", { class: "check-none" }, words.noPicture);
  const bar = el("div", { class: "meter-bar" });
  const level = el("div", { class: "meter", role: "meter", "aria-label": words.level, "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const speech = el("p", { class: "check-words" }, words.speak);
  const problem = el("div", { role: "alert", class: "check-problem" });
  const startButton = el("button", { type: "button", class: "primary", onclick: start, "data-testid": "start-devices" }, words.start);
  const asking = el("p", null, words.ask);
  const begin = el("div", { class: "check-begin" }, asking, startButton);

  const camera = el("select", { onchange: () => choose({ camera: camera.value }) });
  const microphone = el("select", { onchange: () => choose({ microphone: microphone.value }) });
  const cameraLabel = el("label", null, words.camera, camera);
  const microphoneLabel = el("label", null, words.microphone, microphone);
  const choices = el("div", { class: "check-choices" }, cameraLabel, microphoneLabel);

  const tone = el("button", { type: "button", onclick: playTone, "data-testid": "tone" }, words.tone);
  const self = el("button", { type: "button", onclick: () => void playSelf(), "data-testid": "hear-self" }, words.self);
  /** @type {HTMLElement} */
  let tried = tone;
  const toneAnswer = el("p", { "aria-live": "polite", class: "check-words" });
  const toneYes = el("button", { type: "button", onclick: () => answerTone(true), "data-testid": "tone-heard" }, words.toneYes);
  const toneNo = el("button", { type: "button", onclick: () => answerTone(false) }, words.toneNo);
  const toneAsk = el("div", { class: "check-row", hidden: true }, el("span", null, words.toneAsk), toneYes, toneNo);
  const result = el(
    "div",
    { class: "check-result", hidden: true },
    el("div", { class: "check-picture" }, picture, none),
    el("div", { class: "check-sound" }, speech, level),
    choices,
    el("div", { class: "check-row" }, tone, self, toneAnswer),
    toneAsk,
  );
  const element = el("section", { class: "device-check" }, begin, problem, result);

  async function start() {
    loudness.wake();
    text(startButton, words.starting);
    await media.start();
    started = true;
    const capture = media.capture();
    found.camera = capture.camera === "off" ? "failed" : capture.camera;
    found.microphone = capture.microphone === "off" ? "failed" : capture.microphone;
    paint();
    void offer();
    onChange?.(found);
  }

  /** @param {{camera?: string, microphone?: string}} choice */
  async function choose(choice) {
    heard = false;
    await media.start(choice);
    const capture = media.capture();
    if (capture.camera !== "off") found.camera = capture.camera;
    if (capture.microphone !== "off") found.microphone = capture.microphone;
    paint();
    onChange?.(found);
  }

  function paint() {
    if (picture.srcObject !== media.local) picture.srcObject = media.local;
    void picture.play().catch(() => {});
    const well = found.camera === "ok" && found.microphone === "ok";
    show(result, found.camera === "ok" || found.microphone === "ok");
    show(begin, !well);
    startButton.classList.toggle("primary", !well);
    show(asking, !started);
    text(startButton, started ? words.again : words.start);
    show(none, found.camera !== "ok");
    show(picture, found.camera === "ok");
    /** @type {string[]} */
    const wrong = [];
    if (started) {
      wrong.push(deviceWords("microphone", found.microphone));
      if (found.microphone !== "ok") wrong.push(words.withoutSound);
      // One question was refused: it is the same answer for both.
      if (!(found.camera === "refused" && found.microphone === "refused")) wrong.push(deviceWords("camera", found.camera));
      if (found.camera !== "ok" && found.microphone === "ok") wrong.push(words.without);
    }
    each(
      problem,
      wrong.filter(Boolean),
      (line) => line,
      (line) => el("p", { class: "problem" }, line),
    );
  }

  /** Where there is a choice, it is offered. */
  async function offer() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
    /** @param {HTMLSelectElement} select @param {HTMLElement} label @param {MediaDeviceKind} kind @param {MediaStreamTrack | undefined} current */
    const fill = (select, label, kind, current) => {
      const all = devices.filter((device) => device.kind === kind && device.deviceId);
      show(label, all.length > 1 && current);
      each(
        select,
        all,
        (device) => device.deviceId,
        (device) => el("option", { value: device.deviceId }, device.label || kind),
      );
      const id = current?.getSettings().deviceId;
      if (id) select.value = id;
    };
    fill(camera, cameraLabel, "videoinput", media.local.getVideoTracks()[0]);
    fill(microphone, microphoneLabel, "audioinput", media.local.getAudioTracks()[0]);
  }

  function listen() {
    const loud = loudness.level();
    if (found.microphone !== "ok") return;
    if (loud < 0) { // nobody has tapped yet: the browser measures nothing
      text(speech, words.speakAfterTap);
      return;
    }
    // Quiet speech is about 0.01: the bar shows it as something.
    const shown = Math.min(100, Math.round(Math.sqrt(loud) * 220));
    bar.style.width = `${shown}%`;
    set(level, "aria-valuenow", String(shown));
    if (loud > 0.015) heard = true;
    if (loud > 0) zeroSince = 0;
    else zeroSince ||= performance.now();
    const dead = zeroSince !== 0 && performance.now() - zeroSince > 5000;
    text(speech, dead ? words.silent : heard ? words.heard : words.speak);
  }

  function playTone() {
    const context = new AudioContext();
    const now = context.currentTime;
    const swell = context.createGain();
    swell.gain.setValueAtTime(0, now);
    for (const at of [0, 1]) {
      swell.gain.linearRampToValueAtTime(0.2, now + at + 0.15);
      swell.gain.linearRampToValueAtTime(0, now + at + 0.9);
    }
    swell.connect(context.destination);
    for (const [pitch, at] of [[440, 0], [554.37, 1]]) {
      const tone = context.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(swell);
      tone.start(now + at);
      tone.stop(now + at + 0.95);
      if (at === 1) tone.onended = () => void context.close();
    }
    askAfter(tone);
  }

  /** What is said for a few seconds is heard after them, and not before: nothing howls. */
  async function playSelf() {
    const track = media.local.getAudioTracks()[0];
    if (!track || !usable(self)) return;
    enable(self, false);
    const context = new AudioContext();
    const open = context.createGain();
    const later = context.createDelay(selfFor + 1);
    later.delayTime.value = selfFor + 0.2;
    context.createMediaStreamSource(new MediaStream([track])).connect(open).connect(later).connect(context.destination);
    open.gain.setValueAtTime(0, context.currentTime + selfFor);
    show(toneAsk, false);
    text(toneAnswer, words.selfSpeak);
    await passes(selfFor);
    text(toneAnswer, words.selfListen);
    await passes(selfFor + 0.2);
    void context.close();
    enable(self, true);
    askAfter(self);
  }

  /** @param {HTMLElement} button that has played something */
  function askAfter(button) {
    tried = button;
    text(toneAnswer, "");
    show(toneAsk, true);
  }

  /** @param {boolean} yes */
  function answerTone(yes) {
    found.loudspeaker = yes ? "heard" : "not_heard";
    show(toneAsk, false);
    text(toneAnswer, yes ? words.toneHeard : words.toneNot);
    tried.focus();
    onChange?.(found);
  }

  // Where the browser already knows the answer, nobody is asked again.
  async function startWithoutAsking() {
    const capture = media.capture();
    if (capture.camera !== "off" || capture.microphone !== "off") return start();
    try {
      const states = await Promise.all(
        ["camera", "microphone"].map((name) => navigator.permissions.query({ name: /** @type {PermissionName} */ (name) })),
      );
      if (states.every(({ state }) => state === "granted")) await start();
    } catch {
      // This browser does not tell: it will ask.
    }
  }

  const onTap = () => loudness.wake();
  addEventListener("pointerup", onTap, { passive: true });
  show(cameraLabel, false);
  show(microphoneLabel, false);
  void startWithoutAsking();
  const rhythm = setInterval(listen, 80);
  return {
    element,
    start,
    found: () => found,
    started: () => started,
    close() {
      clearInterval(rhythm);
      removeEventListener("pointerup", onTap);
      loudness.close();
    },
  };
}
