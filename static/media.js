// Picture and sound with every peer that the server lists, and what of it
// really arrives. The server only introduces: while it is away, everything that
// is connected goes on.

import { createCapture } from "./capture.js";
import { captureWords } from "./device-words.js";
import { meter } from "./level.js";
import { createPeer } from "./peer.js";
import { createReading, ownSound, untold } from "./seen.js";
import { keepAwake } from "./wake-lock.js";

/** @typedef {import("./types.d.ts").Media} Media */
/** @typedef {import("./types.d.ts").MediaOptions} MediaOptions */
/** @typedef {import("./types.d.ts").Peer} Peer */
/** @typedef {import("./types.d.ts").Seen} Seen */
/** @typedef {import("./types.d.ts").Telemetry} Telemetry */
/** @typedef {import("./types.d.ts").CaptureState} CaptureState */
/**
 * @typedef {{listed: Peer, absent: number, link: ReturnType<typeof createPeer>,
 *   reading: ReturnType<typeof createReading>, seen: Seen | null}} Entry
 */

const staleAfter = 10; // s without a packet: a peer that is no longer listed is gone
const earlyLimit = 64; // messages of peers that are not listed yet
const zeroIsDead = 10_000; // ms of digital zero from the own microphone: it is opened anew

/**
 * createMedia exchanges picture and sound with every peer that the server lists
 * for this page, measures what arrives, and tells the server once a second.
 * Make it right after the connection, before anything has arrived. One per page.
 *
 * A peer that the server no longer lists is kept while packets come from it: a
 * server that starts anew knows nobody at first. Only one that may not see any
 * more, a chaperone, is let go at once.
 *
 * @param {MediaOptions} options
 * @returns {Media}
 */
export function createMedia(options) {
  const { connection, send: sends = true } = options;
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Map<string, MediaStream>} */
  const streams = new Map(); // by seat: an element that shows one never changes its source
  /** @type {{type: string, body: any}[]} */
  let early = [];
  /** @type {RTCIceServer[]} */
  let iceServers = [];
  let closed = false;

  const wake = keepAwake();
  const capture = createCapture({
    onTracks() {
      for (const { link } of entries.values()) link.tracksChanged();
      options.onLocal?.(capture.local);
    },
    onState: (state) => options.onCapture?.(worded(state)),
  });
  const loudness = meter(capture.local);
  const own = { energy: 0, duration: 0, level: 0, zeroSince: 0, reopened: 0 };

  /** @param {CaptureState} state @returns {CaptureState} */
  const worded = (state) => ({ ...state, words: captureWords(state) });

  /** @param {Peer} listed @returns {Entry} */
  function enter(listed) {
    const reading = createReading(listed.peer);
    const link = createPeer({
      id: listed.peer,
      offers: listed.offer,
      video: listed.video,
      sends,
      iceServers: () => /** @type {any} */ (iceServers),
      reachable: () => connection.state().name === "open",
      send: (type, body) => connection.send(type, body),
      track: (kind) => capture.track(kind),
      onTrack: (track) => arrive(listed.seat, track),
      onMessage: (data) => direct(listed.seat, data),
      onState(state) {
        if (state === "connecting" || state === "new") reading.restarted();
      },
    });
    return { listed, absent: 0, link, reading, seen: null };
  }

  /**
   * The new track comes in before the old one leaves: no black flash.
   *
   * @param {string} seat
   * @param {MediaStreamTrack} track
   */
  function arrive(seat, track) {
    const stream = streams.get(seat) ?? new MediaStream();
    streams.set(seat, stream);
    stream.addTrack(track);
    for (const old of stream.getTracks()) {
      if (old.kind === track.kind && old !== track) stream.removeTrack(old);
    }
    options.onRemote?.(seat, stream);
  }

  /**
   * @param {string} seat
   * @param {unknown} data
   */
  function direct(seat, data) {
    if (typeof data !== "string" || data.length > 4096) return;
    try {
      const message = JSON.parse(data);
      if (typeof message?.kind === "string" && typeof message.id === "string") options.onDirect?.(seat, message);
    } catch {
      // Not ours.
    }
  }

  /** @param {string} peer */
  function leave(peer) {
    const entry = entries.get(peer);
    if (!entry) return;
    entries.delete(peer);
    entry.link.close();
    const { seat } = entry.listed;
    if ([...entries.values()].some((other) => other.listed.seat === seat)) return;
    const stream = streams.get(seat);
    for (const track of stream?.getTracks() ?? []) stream?.removeTrack(track);
    options.onGone?.(seat);
  }

  /** @param {Peer[]} list */
  function listed(list) {
    const names = new Set(list.map((one) => one.peer));
    for (const [peer, entry] of entries) {
      if (names.has(peer)) continue;
      const again = list.some((one) => one.seat === entry.listed.seat);
      if (again || entry.listed.role === "chaperone") leave(peer);
      else entry.absent ||= performance.now();
    }
    for (const one of list) {
      const have = entries.get(one.peer);
      if (have && have.listed.offer === one.offer && have.listed.video === one.video) {
        have.listed = one;
        have.absent = 0;
        continue;
      }
      have?.link.close();
      entries.set(one.peer, enter(one));
    }
    const waited = early;
    early = [];
    for (const { type, body } of waited) signal(type, body);
  }

  /**
   * @param {string} type
   * @param {any} body
   */
  function signal(type, body) {
    const entry = entries.get(body.from);
    if (entry) entry.link.signal(type, body);
    else if (early.length < earlyLimit) early.push({ type, body });
  }

  async function look() {
    for (const [peer, entry] of entries) {
      const report = await entry.link.stats().catch(() => null);
      if (closed || !report || entries.get(peer) !== entry) continue;
      entry.reading.read(report, entry.link.saidLevel());
      const receiving = entry.reading.receiving(report, entry.listed.role);
      entry.seen = { ...receiving, seat: entry.listed.seat, role: entry.listed.role, state: entry.link.state() };
      if (sends) hearSelf(report);
      const old = receiving.packet_age < 0 || receiving.packet_age > staleAfter;
      if (entry.absent && old && performance.now() - entry.absent > staleAfter * 1000) leave(peer);
    }
  }

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
      mic_live: capture.live("audio"),
      cam_live: capture.live("video"),
      receiving: [],
    };
    if (battery) Object.assign(telemetry, { battery: battery.level, charging: battery.charging });
    for (const { seen } of entries.values()) {
      if (!seen) continue;
      telemetry.receiving?.push(withoutPerson(seen));
    }
    if (!telemetry.receiving?.length) delete telemetry.receiving;
    connection.send("telemetry", telemetry);
    options.onSeen?.(seenNow(), telemetry);
    if (sends) doubtMicrophone();
  }

  /** @returns {Seen[]} */
  function seenNow() {
    return [...entries.values()].flatMap(({ seen }) => (seen ? [seen] : []));
  }

  let beat = 0;
  const rhythm = setInterval(() => {
    void look();
    if (++beat % 2) return;
    report();
    for (const { link } of entries.values()) link.tick();
  }, 500);

  const stop = [
    connection.on("welcome", (welcome) => {
      iceServers = /** @type {RTCIceServer[]} */ (welcome.ice_servers ?? []);
      for (const { link } of entries.values()) link.changed();
    }),
    connection.on("peers", listed),
    connection.on("signal", signal),
  ];
  const onNetwork = () => {
    for (const { link } of entries.values()) link.moved();
  };
  addEventListener("online", onNetwork);
  const network = /** @type {any} */ (navigator).connection;
  network?.addEventListener?.("change", onNetwork);
  const onTap = () => loudness.wake();
  addEventListener("pointerup", onTap, { passive: true });

  return {
    local: capture.local,
    async start(choice) {
      return worded(await capture.start(choice));
    },
    use: (stream) => capture.take(stream.getTracks()),
    capture: () => worded(capture.state()),
    setCamera: (on) => capture.turn("video", on),
    setMicrophone: (on) => capture.turn("audio", on),
    sendDirect(message) {
      let sent = 0;
      for (const { link } of entries.values()) if (link.say(JSON.stringify(message))) sent++;
      return sent;
    },
    seen: seenNow,
    close() {
      closed = true;
      clearInterval(rhythm);
      for (const f of stop) f();
      removeEventListener("online", onNetwork);
      removeEventListener("pointerup", onTap);
      network?.removeEventListener?.("change", onNetwork);
      for (const peer of [...entries.keys()]) leave(peer);
      capture.close();
      loudness.close();
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

/**
 * play shows a stream in a video element, with its sound. Where the browser
 * wants a tap before it lets sound out, the picture plays without it and
 * onBlocked is given a function to call in that tap.
 *
 * @param {HTMLVideoElement} video
 * @param {MediaStream} stream
 * @param {(unblock: () => void) => void} [onBlocked]
 */
export function play(video, stream, onBlocked) {
  if (video.srcObject !== stream) video.srcObject = stream;
  video.playsInline = true;
  video.play().catch((error) => {
    if (error?.name !== "NotAllowedError") return;
    video.muted = true;
    video.play().catch(() => {});
    onBlocked?.(() => {
      video.muted = false;
      video.play().catch(() => {});
    });
  });
}
