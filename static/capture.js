// This device's camera and microphone, and their return after a phone call, a
// pulled plug or a sleeping lid.

import { swap } from "./swap.js";

/** @typedef {import("./types.d.ts").CaptureState} CaptureState */
/** @typedef {import("./types.d.ts").Found} Found */
/** @typedef {"audio" | "video"} Kind */

/** @type {Kind[]} */
const kinds = ["audio", "video"];
const saidFor = 30_000; // ms that a device that took another's place is named
const againAfter = 5000; // ms until a device that could not be opened is tried again

// Suppression of noise is off: a client who lies still in a dark room is heard
// breathing, and silence stays different from a microphone that is dead.
const speech = { echoCancellation: true, autoGainControl: true, noiseSuppression: false };
// Music in the room is not taken for an echo, and not made louder in its pauses.
const music = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };
const wanted = {
  audio: speech,
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 }, facingMode: "user" },
};

/**
 * found is what an error of getUserMedia says about a device.
 *
 * @param {unknown} error
 * @returns {Found}
 */
export function found(error) {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "refused";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

/**
 * open asks for camera and microphone: for both at once, so that the browser
 * asks the person one question, and for each alone where that fails, so that a
 * missing camera costs no sound.
 *
 * @param {Kind[]} which
 * @param {{camera?: string, microphone?: string}} [choice] device ids
 * @param {boolean} [withMusic] music plays in the room
 * @returns {Promise<{tracks: MediaStreamTrack[], found: Partial<Record<Kind, Found>>}>}
 */
export async function open(which, choice = {}, withMusic = false) {
  const devices = navigator.mediaDevices;
  /** @type {Partial<Record<Kind, Found>>} */
  const result = {};
  if (!devices?.getUserMedia) {
    for (const kind of which) result[kind] = "failed";
    return { tracks: [], found: result };
  }
  /** @param {Kind} kind */
  const constraint = (kind) => {
    const id = kind === "audio" ? choice.microphone : choice.camera;
    const plain = kind === "audio" && withMusic ? music : wanted[kind];
    return id ? { ...plain, facingMode: undefined, deviceId: { exact: id } } : plain;
  };
  /** @param {Kind[]} some */
  const ask = async (some) => {
    const stream = await devices.getUserMedia(Object.fromEntries(some.map((kind) => [kind, constraint(kind)])));
    return stream.getTracks();
  };
  try {
    const tracks = await ask(which);
    for (const kind of which) result[kind] = "ok";
    return { tracks, found: result };
  } catch (error) {
    if (which.length === 1 && !(error instanceof Error && error.name === "OverconstrainedError")) {
      result[which[0]] = found(error);
      return { tracks: [], found: result };
    }
  }
  /** @type {MediaStreamTrack[]} */
  const tracks = [];
  for (const kind of which) {
    try {
      tracks.push(...(await ask([kind])));
      result[kind] = "ok";
    } catch (error) {
      try {
        // The chosen device may be gone: any other one will do.
        if (found(error) !== "none") throw error;
        tracks.push(...(await devices.getUserMedia({ [kind]: kind === "audio" && withMusic ? music : true })).getTracks());
        result[kind] = "ok";
      } catch (second) {
        result[kind] = found(second);
      }
    }
  }
  return { tracks, found: result };
}

/**
 * createCapture keeps one track of each kind alive in one stream. The stream
 * stays the same object; onTracks is called whenever a track in it was changed.
 *
 * @param {{onTracks: () => void, onState: (state: CaptureState) => void}} options
 */
export function createCapture({ onTracks, onState }) {
  const local = new MediaStream();
  /** @type {{camera?: string, microphone?: string}} */
  let choice = {};
  /** @type {Record<Kind, Found | "off">} */
  const status = { audio: "off", video: "off" };
  /** @type {Record<Kind, boolean>} */
  const enabled = { audio: true, video: true };
  /** @type {Record<Kind, boolean>} */
  const opening = { audio: false, video: false };
  /** @type {Record<Kind, boolean>} */
  const had = { audio: false, video: false }; // it was allowed once: refused later means that it takes a tap
  /** @type {Record<Kind, number>} */
  const tried = { audio: 0, video: 0 };
  let withMusic = false;
  let quietFrom = Date.now(); // when the microphone was last switched off
  /** @type {(import("./types.d.ts").Instead & {at: number}) | null} */
  let replaced = null;
  let closed = false;

  /** @param {Kind} kind */
  const track = (kind) => local.getTracks().find((t) => t.kind === kind) ?? null;

  const visible = () => document.visibilityState === "visible";

  /** @param {Kind} kind */
  const well = (kind) => {
    const t = track(kind);
    return t !== null && t.readyState === "live" && !t.muted;
  };

  /** @returns {CaptureState} */
  function state() {
    const needsTap = kinds.some((kind) => status[kind] === "refused" && (had[kind] || tried[kind] > 1));
    /** @type {CaptureState} */
    const now = { microphone: status.audio, camera: status.video, words: "", needsTap };
    if (!enabled.audio || status.audio === "off") now.quiet = quietFrom;
    if (replaced && performance.now() - replaced.at < saidFor) now.instead = { kind: replaced.kind, label: replaced.label };
    return now;
  }

  /** @param {MediaStreamTrack[]} tracks */
  function take(tracks) {
    for (const fresh of tracks) {
      const kind = /** @type {Kind} */ (fresh.kind);
      const old = track(kind);
      if (old === fresh) continue;
      fresh.enabled = enabled[kind];
      if (kind === "audio" && "contentHint" in fresh) fresh.contentHint = withMusic ? "music" : "";
      swap(local, fresh);
      if (old) {
        old.onended = old.onmute = null;
        old.stop();
      }
      status[kind] = "ok";
      had[kind] = true;
      tried[kind] = 0;
      fresh.onended = () => recover(kind);
      // A short mute is the system's own; one that stays is a camera that a
      // phone call has taken away. A page that is not seen films nothing: look comes after it.
      fresh.onmute = () => setTimeout(() => track(kind) === fresh && fresh.muted && (kind === "audio" || visible()) && recover(kind), 3000);
    }
    onTracks();
  }

  /**
   * Opens devices, in place of what there is of their kinds. What is to be recovered is
   * closed first: a device that is open already is given once more as it is (Chromium
   * 156), stuck or silent. What somebody wants to change goes on until the other is there.
   *
   * @param {Kind[]} which
   * @param {boolean} [chosen] somebody wants another device
   */
  async function reopen(which, chosen = false) {
    const mine = which.filter((kind) => !opening[kind]);
    if (closed || mine.length === 0) return;
    for (const kind of mine) {
      opening[kind] = true;
      tried[kind]++;
    }
    const before = mine.map((kind) => track(kind)?.label ?? "");
    if (!chosen) for (const kind of mine) track(kind)?.stop();
    const got = await open(mine, choice, withMusic);
    // Many phones open one camera at a time.
    const blocked = mine.filter((kind) => chosen && got.found[kind] === "busy" && well(kind));
    if (blocked.length) {
      for (const kind of blocked) track(kind)?.stop();
      const second = await open(blocked, choice, withMusic);
      got.tracks.push(...second.tracks);
      Object.assign(got.found, second.found);
      for (const kind of blocked) if (second.found[kind] !== "ok") choice[kind === "audio" ? "microphone" : "camera"] = ""; // any other, in a moment
    }
    for (const kind of mine) {
      opening[kind] = false;
      status[kind] = chosen && well(kind) ? "ok" : (got.found[kind] ?? "failed");
    }
    if (closed) {
      for (const t of got.tracks) t.stop();
      return;
    }
    for (const [i, kind] of mine.entries()) {
      const label = got.tracks.find((one) => one.kind === kind)?.label ?? "";
      if (chosen || !before[i] || !label || label === before[i]) continue;
      gone({ kind: kind === "audio" ? "microphone" : "camera", label });
    }
    take(got.tracks);
    onState(state());
    for (const kind of mine) {
      if (status[kind] === "busy" || (had[kind] && status[kind] === "failed")) setTimeout(() => !well(kind) && recover(kind), againAfter);
    }
  }

  /** Says for a while that something else is used in place of a device. @param {import("./types.d.ts").Instead} instead */
  function gone(instead) {
    replaced = { ...instead, at: performance.now() };
    onState(state());
    setTimeout(() => closed || onState(state()), saidFor + 100);
  }

  /** @param {Kind} kind */
  function recover(kind) {
    if (closed || status[kind] === "off") return;
    void reopen([kind]);
  }

  /** The page is shown again, the network is back, a device was plugged in: what is not well is opened anew. */
  function look() {
    if (!visible()) return;
    for (const kind of kinds) {
      if (status[kind] === "off" || (status[kind] === "refused" && !had[kind]) || well(kind)) continue;
      recover(kind);
    }
  }

  const onShown = () => setTimeout(look, 500);
  addEventListener("pageshow", onShown);
  addEventListener("online", onShown);
  document.addEventListener("visibilitychange", onShown);
  navigator.mediaDevices?.addEventListener?.("devicechange", onShown);

  return {
    local,
    track,
    state,
    take,
    /** @param {Kind} kind */
    recover,
    gone,
    /** @param {{camera?: string, microphone?: string}} [next] */
    async start(next) {
      if (next) choice = { ...choice, ...next };
      /** @param {Kind} kind */
      const meant = (kind) => (next ? (kind === "audio" ? next.microphone : next.camera) !== undefined : !well(kind));
      await reopen(kinds.filter(meant), next !== undefined);
      return state();
    },
    /** @param {boolean} on */
    async music(on) {
      if (withMusic === on) return;
      withMusic = on;
      if (status.audio === "ok") await reopen(["audio"], true);
    },
    /**
     * @param {Kind} kind
     * @param {boolean} on
     */
    turn(kind, on) {
      if (kind === "audio" && enabled.audio && !on) quietFrom = Date.now();
      enabled[kind] = on;
      const t = track(kind);
      if (t) t.enabled = on;
    },
    /** @param {Kind} kind */
    live(kind) {
      const t = track(kind);
      return t !== null && t.readyState === "live" && !t.muted && t.enabled;
    },
    close() {
      closed = true;
      removeEventListener("pageshow", onShown);
      removeEventListener("online", onShown);
      document.removeEventListener("visibilitychange", onShown);
      navigator.mediaDevices?.removeEventListener?.("devicechange", onShown);
      for (const t of local.getTracks()) t.stop();
    },
  };
}
