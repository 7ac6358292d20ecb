// Microphone, camera, loudspeaker, keys; and the small true lines about the
// connection.

import { span } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { createTrend } from "./trend.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Media} Media
 * @typedef {import("./types.d.ts").Connection} Connection
 * @typedef {import("./types.d.ts").Seen} Seen
 * @typedef {import("./types.d.ts").Telemetry} Telemetry
 */

const keysKept = "belay-keys";

/** @typedef {ReturnType<typeof createTrend>} Trend */

/**
 * @param {Desk} desk
 * @param {object} parts
 * @param {Connection} parts.connection
 * @param {() => Media | undefined} parts.media
 * @param {(id: string) => void} parts.speaker
 * @param {(seat: string) => Telemetry | undefined} parts.truth what the page there tells of itself
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
  const cameras = el("select", { id: "choose-camera", onchange: () => void parts.media()?.start({ camera: cameras.value }) });
  const microphones = el("select", { id: "choose-microphone", onchange: () => void parts.media()?.start({ microphone: microphones.value }) });
  const music = el("input", { type: "checkbox", id: "choose-music", onchange: () => void parts.media()?.setMusic(music.checked) });
  const speakers = el("select", { id: "choose-speaker", onchange: () => parts.speaker(speakers.value) });
  const noSpeaker = el("p", { class: "hint" }, w.noSpeaker);
  const keys = el("input", { type: "checkbox", id: "choose-keys", onchange: () => localStorage.setItem(keysKept, keys.checked ? "on" : "off") });
  keys.checked = localStorage.getItem(keysKept) !== "off";
  const speakerRow = el("div", null, el("label", { for: "choose-speaker" }, w.speaker), speakers);
  const panel = el("div", { class: "controls-panel" },
    el("div", null, el("label", { for: "choose-camera" }, w.camera), cameras),
    el("div", null, el("label", { for: "choose-microphone" }, w.microphone), microphones),
    speakerRow, noSpeaker,
    el("label", { class: "choice" }, music, w.music),
    el("label", { class: "choice" }, keys, w.keys),
    el("button", { type: "button", onclick: parts.sample }, w.sample));
  const box = el("details", { class: "controls-box", ontoggle: () => box.open && void list() }, el("summary", { class: "button" }, w.devices), panel);
  const element = el("div", { class: "controls" }, micButton, camButton, box);
  const lines = el("ul");
  const peers = el("ul");
  const small = el("div", { class: "connection", "data-testid": "connection" }, peers, lines);
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

  /** @type {Map<string, {node: HTMLElement, said: HTMLElement, frames: Trend, sound: Trend, loss: Trend}>} */
  const trends = new Map();
  let sampled = 0; // a view may repaint oftener than once a second

  /** @param {Seen} one */
  function trendOf(one) {
    const t = words.connection.trend;
    const said = el("span");
    const frames = createTrend({ top: 15, said: t.frames });
    const sound = createTrend({ top: 0.1, said: t.sound });
    const loss = createTrend({ top: 0.1, said: t.loss });
    const made = { node: el("li", { "data-seat": one.seat }, said, el("span", { class: "trends" }, frames.element, sound.element, loss.element)), said, frames, sound, loss };
    trends.set(one.seat, made);
    return made.node;
  }

  /** What somebody's page tells of itself. @param {Seen} one */
  function told(one) {
    const w_ = words.connection;
    const truth = parts.truth(one.seat);
    if (!truth) return "";
    const mine = truth.receiving?.find(({ peer }) => peer === parts.connection.peer);
    return w_.theirs(desk.name(one.seat), [
      truth.battery === undefined ? "" : w_.battery(Math.round(truth.battery * 100), truth.charging === true),
      truth.visible ? w_.front : w_.behind,
      truth.wake_lock ? w_.awake : w_.asleep,
      mine ? w_.seesYou(mine.fps, mine.round_trip * 1000, mine.loss) : "",
    ].filter(Boolean));
  }

  /** @param {Seen[]} seen */
  function tick(seen) {
    const w_ = words.connection;
    const state = parts.connection.state();
    const server = state.name === "open" ? w_.open : state.name === "connecting" ? w_.connecting : w_.reconnecting(span(Date.now() - state.since));
    const due = performance.now() - sampled > 900;
    if (due) sampled = performance.now();
    const here = seen.filter((one) => one.frame_age >= 0 || one.state !== "new");
    const alone = here.length > 0 && !parts.media()?.hasDirect() ? w_.noDirect : "";
    const capture = parts.media()?.capture();
    each(lines, [server, alone, capture?.words ?? "", ...here.map(told)].filter(Boolean).map((line, i) => ({ line, i })), (one) => String(one.i), () => el("li"), (node, one) => text(node, one.line));
    each(peers, here, (one) => one.seat, trendOf, (_, one) => {
      const trend = trends.get(one.seat);
      if (!trend) return;
      const words_ = w_.peer(desk.name(one.seat), w_.route[one.route] ?? one.route, one.fps, one.round_trip * 1000, one.loss);
      text(trend.said, one.second || !one.route ? words_ : `${words_} · ${w_.noSecond}`);
      if (!due) return;
      trend.frames.add(one.frame_age > 2 ? 0 : one.fps);
      trend.sound.add(one.sound_level);
      trend.loss.add(one.loss);
    });
  }

  return { element, lines: small, tick, keys: () => keys.checked };
}
