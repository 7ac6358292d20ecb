// Picture and sound with every peer that the server lists, and what of it
// really arrives. The server only introduces: while it is away, everything that
// is connected goes on.

import { createCall } from "./call.js";
import { createCapture } from "./capture.js";
import { captureWords } from "./device-words.js";
import { meter } from "./level.js";
import { ownSound, untold } from "./seen.js";
import { createStill } from "./still.js";
import { keepAwake } from "./wake-lock.js";

/** @typedef {import("./types.d.ts").Media} Media */
/** @typedef {import("./types.d.ts").MediaOptions} MediaOptions */
/** @typedef {import("./types.d.ts").Seen} Seen */
/** @typedef {import("./types.d.ts").Telemetry} Telemetry */
/** @typedef {import("./types.d.ts").CaptureState} CaptureState */

const lookEvery = 200; // ms: a lost picture is noticed
const hurriedEvery = 60; // ms: a new one is about to come
const silentIsMoved = 400; // ms without anything from anybody, after a word that the network has changed
const mutedIsOff = 5000; // ms in which a muted microphone is opened anew first
const zeroIsDead = 10_000; // ms of digital zero from the own microphone: it is opened anew

/**
 * createMedia exchanges picture and sound with every peer that the server lists
 * for this page, measures what arrives, and tells the server once a second.
 * Make it right after the connection, before anything has arrived. One per page.
 *
 * @param {MediaOptions} options
 * @returns {Media}
 */
export function createMedia(options) {
  const { connection, send: sends = true } = options;
  let closed = false;

  const wake = keepAwake();
  const capture = createCapture({
    onTracks() {
      call.tracksChanged();
      if (sends) still.watch(capture.local);
      options.onLocal?.(capture.local);
    },
    onState: (state) => options.onCapture?.(worded(state)),
  });
  const still = createStill();
  const loudness = meter(capture.local);
  const own = { energy: 0, duration: 0, level: 0, zeroSince: 0, reopened: 0 };

  let soundless = false; // the microphone is on, and gives nothing
  /** @param {CaptureState} state @returns {CaptureState} */
  const worded = (state) => {
    const said = soundless ? { ...state, soundless } : state;
    return { ...said, words: captureWords(said) };
  };

  /** @type {Map<string, MediaStream>} */
  const remote = new Map(); // by seat
  const call = createCall({
    connection,
    sends,
    track: (kind) => capture.track(kind),
    onStream(seat, stream) {
      remote.set(seat, stream);
      options.onRemote?.(seat, stream);
    },
    onGone(seat) {
      remote.delete(seat);
      options.onGone?.(seat);
    },
    onDirect: (seat, message) => options.onDirect?.(seat, message),
    onReport: (report) => sends && hearSelf(report),
  });

  /** @param {RTCStatsReport} report */
  function hearSelf(report) {
    const heard = ownSound(report);
    if (!heard) return;
    if (heard.duration > own.duration) {
      own.level = Math.sqrt(Math.max(0, heard.energy - own.energy) / (heard.duration - own.duration));
      Object.assign(own, heard);
    } else if (heard.duration < own.duration) {
      Object.assign(own, heard);
    }
  }

  let mutedSince = 0;
  /** A key on a headset, or a phone call, takes the sound away while the page has its microphone. */
  function missSound() {
    const now = performance.now();
    const track = capture.track("audio");
    const on = track !== null && track.readyState === "live" && track.enabled;
    if (on && track.muted) mutedSince ||= now;
    else mutedSince = 0;
    const missed = on && (mutedSince !== 0 && now - mutedSince > mutedIsOff || own.zeroSince !== 0 && now - own.zeroSince > zeroIsDead);
    if (missed === soundless) return;
    soundless = missed;
    options.onCapture?.(worded(capture.state()));
  }

  /** A microphone that gives nothing but zeros although every flag says "live": a phone call took it. */
  function doubtMicrophone() {
    const now = performance.now();
    if (!capture.live("audio") || own.level > 0 || own.duration === 0) {
      own.zeroSince = 0;
      return;
    }
    own.zeroSince ||= now;
    if (now - own.zeroSince > zeroIsDead && now - own.reopened > 60_000) {
      own.reopened = now;
      capture.recover("audio");
    }
  }

  /** @type {{level: number, charging: boolean} | null} */
  let battery = null;
  /** @type {any} */ (navigator).getBattery?.().then(
    (/** @type {any} */ found) => (battery = found),
    () => {},
  );

  function report() {
    const measured = loudness.level();
    /** @type {Telemetry} */
    const telemetry = {
      wake_lock: wake.held(),
      visible: document.visibilityState === "visible",
      mic_level: Math.min(1, own.duration ? own.level : measured < 0 ? untold : measured),
      mic_live: capture.live("audio") && !soundless,
      cam_live: capture.live("video"),
      receiving: [],
    };
    if (capture.state().quiet) telemetry.mic_off = true;
    if (options.noSound?.()) telemetry.no_sound = true;
    if (battery) Object.assign(telemetry, { battery: battery.level, charging: battery.charging });
    const seen = call.seen();
    telemetry.receiving = seen.map(withoutPerson);
    if (!telemetry.receiving?.length) delete telemetry.receiving;
    connection.send("telemetry", telemetry);
    options.onSeen?.(seen, telemetry);
    still.look();
    if (!sends) return;
    doubtMicrophone();
    missSound();
    doubtCamera();
  }

  let filmed = 0;
  /**
   * A camera that gives the same picture again and again is opened anew; until it
   * moves it is not sent, so that everybody who looks, and the relay, knows.
   */
  function doubtCamera() {
    const now = performance.now();
    const stuck = capture.live("video") && still.stuck();
    call.hide(stuck);
    if (!stuck || now - filmed < 60_000) return;
    filmed = now;
    capture.recover("video");
  }

  let looked = 0;
  let reported = 0;
  const rhythm = setInterval(() => {
    const now = performance.now();
    if (now - looked >= lookEvery - 10 || call.hurried()) {
      looked = now;
      void call.look();
    }
    if (now - reported < 990) return;
    reported = now;
    report();
    call.tick();
  }, hurriedEvery);

  const onNetwork = () => call.moved();
  addEventListener("online", onNetwork);
  const network = /** @type {any} */ (navigator).connection;
  let sort = network?.type;
  /**
   * A browser says so, too, whenever it guesses anew how quick the network is, and many
   * do not tell of which sort it is. As long as something comes it is the same one.
   */
  const onChange = () => {
    if (network.type !== sort) {
      sort = network.type;
      onNetwork();
    } else {
      setTimeout(() => closed || call.silence() < silentIsMoved || onNetwork(), silentIsMoved + 50);
    }
  };
  network?.addEventListener?.("change", onChange);
  const onTap = () => loudness.wake();
  addEventListener("pointerup", onTap, { passive: true });

  return {
    local: capture.local,
    remote,
    async start(choice) {
      return worded(await capture.start(choice));
    },
    use: (stream) => capture.take(stream.getTracks()),
    capture: () => worded(capture.state()),
    gone: capture.gone,
    setCamera: (on) => capture.turn("video", on),
    setMicrophone: (on) => capture.turn("audio", on),
    setMusic: (on) => capture.music(on),
    sendDirect: call.sendDirect,
    hasDirect: call.hasDirect,
    seen: call.seen,
    close() {
      if (closed) return;
      closed = true;
      clearInterval(rhythm);
      removeEventListener("online", onNetwork);
      removeEventListener("pointerup", onTap);
      network?.removeEventListener?.("change", onChange);
      call.close();
      capture.close();
      loudness.close();
      still.close();
      wake.release();
    },
  };
}

/**
 * The server knows who sits at a peer: what goes to it names the peer alone.
 *
 * @param {Seen} seen
 * @returns {import("./types.d.ts").Receiving}
 */
function withoutPerson({ peer, frame_age, packet_age, fps, sound_age, sound_level, loss, round_trip, route }) {
  return { peer, frame_age, packet_age, fps, sound_age, sound_level, loss, round_trip, route };
}
