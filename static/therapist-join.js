// One page with one click before the session: who likes tries camera and
// microphone here, and the click that joins lets alarms sound.

import { open } from "./capture.js";
import { deviceWords } from "./device-words.js";
import { each, el, enable, show, text, usable } from "./element.js";
import { meter } from "./level.js";
import { words } from "./therapist-words.js";

/**
 * @param {object} options
 * @param {ReturnType<typeof import("./alarm-sound.js").createAlarmSound>} options.sound
 * @param {(withMedia: boolean) => void} options.enter
 */
export function createJoin({ sound, enter }) {
  const w = words.join;
  const video = el("video", { class: "join-picture", autoplay: true, playsinline: true, "aria-label": w.picture });
  video.muted = true;
  const level = el("div", { class: "join-level", role: "meter", "aria-label": w.level, "aria-valuemin": 0, "aria-valuemax": 100 }, el("div"));
  const problems = el("div", { role: "alert" });
  const speak = el("p", { class: "hint" }, w.speak);
  const found = el("div", { class: "join-found", hidden: true }, video, speak, level);
  const tryIt = el("button", { type: "button", onclick: check }, w.check);
  const element = el("main", { class: "join" },
    el("h1", null, w.title),
    el("p", null, w.lead),
    "RTCPeerConnection" in globalThis ? null : el("p", { class: "problem", role: "alert" }, w.noMedia),
    el("div", { class: "join-buttons" },
      el("button", { type: "button", class: "primary", "data-testid": "join", onclick: () => go(true) }, w.button),
      el("button", { type: "button", onclick: () => go(false) }, w.without)),
    el("h2", null, w.first),
    el("div", { class: "join-buttons" }, tryIt, el("button", { type: "button", onclick: () => {
      sound.unlock();
      sound.sample("medium");
    } }, w.hear)),
    problems, found);
  const stream = new MediaStream();
  const loudness = meter(stream);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  async function check() {
    if (!usable(tryIt)) return;
    enable(tryIt, false);
    loudness.wake();
    const got = await open(["audio", "video"]);
    enable(tryIt, true);
    for (const track of stream.getTracks()) {
      track.stop();
      stream.removeTrack(track);
    }
    for (const track of got.tracks) stream.addTrack(track);
    video.srcObject = stream;
    void video.play().catch(() => undefined);
    show(found, got.tracks.length > 0);
    const wrong = [deviceWords("camera", got.found.video ?? "ok"), deviceWords("microphone", got.found.audio ?? "ok")].filter(Boolean);
    each(problems, wrong, (line) => line, (line) => el("p", { class: "problem" }, line));
    clearInterval(timer);
    timer = setInterval(() => {
      const heard = Math.round(Math.max(0, loudness.level()) * 100);
      level.setAttribute("aria-valuenow", String(heard));
      /** @type {HTMLElement} */ (level.firstElementChild).style.setProperty("width", `${Math.min(100, heard * 2)}%`);
      if (heard > 3) text(speak, w.heard);
    }, 100);
  }

  /** @param {boolean} withMedia */
  function go(withMedia) {
    sound.unlock();
    clearInterval(timer);
    loudness.close();
    for (const track of stream.getTracks()) track.stop();
    enter(withMedia);
  }

  return { element };
}
