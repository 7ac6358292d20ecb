// The connection to one other peer, another page or the relay: who offers is
// fixed, so that two descriptions never meet; what arrives early waits; what was
// lost is asked for.

import { pathOf } from "./seen.js";
import { lay, places, rank } from "./sending.js";

/** @typedef {import("./types.d.ts").SignalType} SignalType */
/** @typedef {import("./sending.js").Pace} Pace */

const restartAfter = 2000; // ms of "disconnected"; never waiting for "failed"
const askAgainAfter = 4000; // ms between two offers, restarts or questions
const rebuildAfter = 15_000; // ms without a connection although restarts were tried
const relayRebuildAfter = 6000; // ms; the relay is not looked for: it is there or it is not
const patienceMost = 60_000; // ms: what has never worked is tried more and more rarely
const never = -Infinity; // not 0: that is when a page was loaded
const queueLimit = 128; // candidates that wait for a description
const answersWithin = 1000; // ms; else what was asked of a connection is taken for refused

/**
 * fingerprint names the other side's connection: a new one has a new
 * certificate, and cannot be a continuation of the old one.
 *
 * @param {string | undefined} sdp
 */
function fingerprint(sdp) {
  return /^a=fingerprint:(.*)$/m.exec(sdp ?? "")?.[1].trim() ?? "";
}

/**
 * origin names who has written a description, for as long as that one's connection
 * lives (RFC 8829 section 5.2.1).
 *
 * @param {string | undefined} sdp
 */
function origin(sdp) {
  return /^o=(\S+ \S+) /m.exec(sdp ?? "")?.[1] ?? "";
}

/**
 * createPeer builds the connection and keeps it: it offers (or waits for the
 * offer), restarts ICE when the network changes, and builds anew when nothing
 * else helps. Media keeps flowing while the server is away; only what needs a
 * new description waits for it.
 *
 * @param {{
 *   id: string,
 *   offers: boolean,
 *   way?: ReturnType<typeof import("./way.js").createWay>,
 *   sends: boolean,
 *   pace?: Pace,
 *   iceServers: () => RTCIceServer[],
 *   reachable: () => boolean,
 *   send: (type: SignalType, body: object) => boolean,
 *   track: (kind: 'audio' | 'video') => MediaStreamTrack | null,
 *   onTrack: () => void,
 *   onMessage?: (data: unknown) => void,
 *   onMuted?: () => void,
 *   onState: (state: RTCPeerConnectionState) => void,
 * }} options way: it is the relay, to which this page always offers; sends: this
 *   page sends picture and sound too; pace: at first; onMuted: the relay says that nothing
 *   of this page arrives there
 */
export function createPeer(options) {
  const { id, offers, way, sends } = options;
  /** @type {RTCPeerConnection} */
  let pc;
  /** @type {RTCDataChannel | undefined} */
  let channel;
  let pace = options.pace ?? "full";
  const firstPatience = way ? relayRebuildAfter : rebuildAfter;
  let patience = firstPatience;
  let paid = true; // the senders have taken the pace
  let blind = false;
  let lost = false; // there was a connection, or there should be one, and it was UDP's to carry it
  /** @type {ReturnType<typeof pathOf> | null} */
  let path = null; // by which it goes, or went last; null: none yet, and UDP was tried first
  /** @type {RTCIceCandidateInit[]} */
  let waiting = [];
  let described = false; // a remote description is set
  let former = ""; // who answered the connection before this one
  let asked = never; // when something was last sent that wants an answer
  let unwell = 0; // since when it is not connected
  let owed = false; // a restart, when the server can be reached again
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;
  /** @type {Promise<void>} */
  let line = Promise.resolve();
  /** @type {Set<() => void>} */
  const waits = new Set(); // for an answer of the connection

  /**
   * Descriptions are worked on one after the other; a step that was queued for
   * a connection that is no more is left out.
   *
   * @param {(on: RTCPeerConnection) => Promise<void>} step
   */
  function queue(step) {
    const on = pc;
    line = line.then(async () => {
      if (closed || on !== pc) return;
      try {
        await step(on);
      } catch (error) {
        if (closed || on !== pc) return;
        console.warn("negotiation with a peer failed, building anew", error);
        if (performance.now() - asked > 1000) rebuild();
      }
    });
  }

  /** @returns {RTCConfiguration} */
  function configuration() {
    const iceServers = options.iceServers();
    const narrow = way?.narrow() && iceServers.length > 0;
    return { iceServers, bundlePolicy: "max-bundle", iceTransportPolicy: narrow ? "relay" : "all" };
  }

  function build() {
    const mine = new RTCPeerConnection(configuration());
    pc = mine;
    line = Promise.resolve(); // what was begun on a connection that is closed may never end
    waiting = [];
    described = false;
    path = null;
    asked = offers ? never : performance.now(); // the other side has a moment to offer
    unwell = performance.now();
    if (!way) {
      channel = mine.createDataChannel("belay", { negotiated: true, id: 0 });
      channel.onmessage = ({ data }) => mine === pc && options.onMessage?.(data);
    }
    if (offers) lay(mine, way ? places : 1, sends ? options.track : null);
    mine.onicecandidate = ({ candidate }) => {
      if (mine !== pc || way) return; // the relay sees where this page comes from
      options.send("candidate", {
        to: id,
        candidate: candidate?.candidate ?? "",
        sdp_mid: candidate?.sdpMid ?? undefined,
        sdp_m_line_index: candidate?.sdpMLineIndex ?? undefined,
        username_fragment: candidate?.usernameFragment ?? undefined,
      });
    };
    mine.ontrack = () => mine === pc && options.onTrack();
    mine.oniceconnectionstatechange = () => mine === pc && watch();
    mine.onconnectionstatechange = () => {
      if (mine !== pc) return;
      if (mine.connectionState === "connected") paying();
      options.onState(mine.connectionState);
    };
  }

  /** Closes the connection, which then answers nothing that it was asked (Firefox 153). */
  function shut() {
    pc.close();
    for (const refuse of waits) refuse();
  }

  /** @param {RTCPeerConnection} on @returns {Promise<RTCStatsReport>} rejected where there is no answer */
  function asks(on) {
    return new Promise((resolve, reject) => {
      const refuse = () => {
        waits.delete(refuse);
        reject(new Error("the connection does not answer"));
      };
      const timer = setTimeout(refuse, answersWithin);
      waits.add(refuse);
      on.getStats().then(resolve, reject).finally(() => {
        clearTimeout(timer);
        waits.delete(refuse);
      });
    });
  }

  function paying() {
    paid = !sends;
    if (!paid) queue(async (on) => void (paid = await rank(on, pace, blind)));
  }

  /** Whether this connection goes by UDP, or went last, as far as is known. */
  const byUDP = () => !path || path.protocol === "udp";

  function watch() {
    clearTimeout(soon);
    const state = pc.iceConnectionState;
    if (state === "connected" || state === "completed") {
      unwell = 0;
      patience = firstPatience;
      return;
    }
    lost ||= !unwell && byUDP();
    unwell ||= performance.now();
    if (state === "disconnected") soon = setTimeout(restart, restartAfter);
    if (state === "failed") restart();
  }

  /** @param {boolean} iceRestart */
  function offer(iceRestart) {
    queue(async (on) => {
      if (!options.reachable()) return;
      asked = performance.now();
      if (on.signalingState === "have-local-offer" && !iceRestart) {
        options.send("offer", { to: id, sdp: on.localDescription?.sdp ?? "" });
        return;
      }
      if (iceRestart) {
        try {
          on.setConfiguration(configuration());
        } catch {
          // Older browsers keep the servers they have.
        }
      }
      await on.setLocalDescription(await on.createOffer({ iceRestart }));
      if (on === pc) options.send("offer", { to: id, sdp: on.localDescription?.sdp ?? "", restart: iceRestart });
    });
  }

  function restart() {
    if (closed || !options.reachable() || performance.now() - asked < askAgainAfter) return;
    if (offers) {
      offer(described);
    } else {
      asked = performance.now();
      options.send("need_offer", { to: id, restart: described });
    }
  }

  function rebuild() {
    if (closed) return;
    if (described) former = origin(pc.remoteDescription?.sdp);
    shut();
    build();
    options.onState("connecting");
    if (offers) offer(false);
    else if (options.send("need_offer", { to: id, restart: false })) asked = performance.now();
  }

  /** @param {RTCPeerConnection} on */
  async function drain(on) {
    described = true;
    const all = waiting;
    waiting = [];
    for (const candidate of all) await add(on, candidate);
  }

  /**
   * @param {RTCPeerConnection} on
   * @param {RTCIceCandidateInit} candidate
   */
  async function add(on, candidate) {
    try {
      await on.addIceCandidate(candidate);
    } catch {
      // One of an earlier description: it leads nowhere, and others follow.
    }
  }

  /** @param {string} sdp */
  function onOffer(sdp) {
    if (offers) return;
    if (described && fingerprint(pc.remoteDescription?.sdp) !== fingerprint(sdp)) {
      shut();
      build();
    }
    queue(async (on) => {
      await on.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of on.getTransceivers()) {
        const kind = /** @type {"audio" | "video"} */ (transceiver.receiver.track.kind);
        if (transceiver.direction === "stopped") continue;
        transceiver.direction = sends ? "sendrecv" : "recvonly";
        if (sends) await transceiver.sender.replaceTrack(options.track(kind));
      }
      await on.setLocalDescription(await on.createAnswer());
      if (on === pc) options.send("answer", { to: id, sdp: on.localDescription?.sdp ?? "" });
      await drain(on);
    });
  }

  /** @param {string} sdp */
  function onAnswer(sdp) {
    queue(async (on) => {
      if (on.signalingState !== "have-local-offer") return;
      if (!described && former && origin(sdp) === former) return; // it was for the connection before
      if (way && lost) way.failed(); // the server is there, and what went by UDP is not
      lost = false;
      await on.setRemoteDescription({ type: "answer", sdp: way && !options.iceServers().length ? way.narrowed(sdp) : sdp });
      // A browser takes from an answer which layers are paused, as they were when it
      // offered. What was said meanwhile counts.
      if (sends) paid = await rank(on, pace, blind);
      await drain(on);
    });
  }

  build();
  if (offers) offer(false);

  return {
    id,
    offers,
    /** @param {string} type @param {any} body */
    signal(type, body) {
      switch (type) {
        case "offer":
          onOffer(body.sdp);
          break;
        case "answer":
          onAnswer(body.sdp);
          break;
        case "candidate":
          queue(async (on) => {
            /** @type {RTCIceCandidateInit} */
            const candidate = {
              candidate: body.candidate,
              sdpMid: body.sdp_mid ?? null,
              sdpMLineIndex: body.sdp_m_line_index ?? null,
              usernameFragment: body.username_fragment ?? null,
            };
            if (described) await add(on, candidate);
            else if (waiting.length < queueLimit) waiting.push(candidate);
          });
          break;
        case "need_offer":
          if (!offers) break;
          if (way && body.restart) options.onMuted?.();
          else if (body.restart || pc.signalingState === "have-local-offer") {
            if (performance.now() - asked >= 1000) offer(Boolean(body.restart) && described);
          } else if (performance.now() - asked >= 1000) {
            lost = false; // it ended there, and not on its way
            rebuild();
          }
          break;
      }
    },
    /** tick is called about once a second: it repeats what got no answer. */
    tick() {
      if (closed || !options.reachable()) return;
      const now = performance.now();
      const since = now - asked;
      if (!paid && pc.connectionState === "connected") paying();
      if (pc.signalingState === "closed") {
        rebuild(); // not by this page's wish
      } else if (unwell && described && now - unwell > patience && since > askAgainAfter) {
        patience = Math.min(patience * 2, patienceMost);
        lost ||= byUDP();
        rebuild();
      } else if (since > askAgainAfter) {
        if (offers && (!described || pc.signalingState === "have-local-offer")) offer(false);
        else if (!offers && !described) restart();
        else if (described && pc.iceConnectionState === "failed") restart();
      }
    },
    /**
     * changed says that the way to the server did. What was offered meanwhile may
     * have gone nowhere.
     *
     * @param {boolean} deaf nothing comes by any rope: a path that seems well is not
     */
    changed(deaf) {
      lost = false; // nobody knows that of UDP alone: all else was lost too
      asked = never;
      patience = firstPatience;
      const well = pc.iceConnectionState === "connected" || pc.iceConnectionState === "completed";
      if (!well || deaf || owed || (offers && pc.signalingState === "have-local-offer")) restart();
      owed = false;
    },
    /**
     * failed says that nothing comes although the server is there: no waiting until
     * the browser thinks so too.
     *
     * @param {boolean} dead it is the path, and not the one at its other end
     */
    failed(dead) {
      asked = never;
      if (!dead || !way) {
        restart();
        return;
      }
      // A connection takes a path of lower rank, as TCP's is, only when nothing has come
      // by the one before for 3.5 s (Chromium 156). A new one takes it at once.
      if (byUDP()) way.failed();
      rebuild();
      lost = false; // it has been counted
    },
    /** moved says that this device's network is another one: even a path that seems well may be gone. */
    moved() {
      if (performance.now() - asked > 1000) asked = never;
      patience = firstPatience;
      owed = described && !options.reachable();
      if (described) restart();
    },
    tracksChanged() {
      if (!sends) return;
      queue(async (on) => {
        for (const transceiver of on.getTransceivers()) {
          if (transceiver.direction !== "sendrecv" && transceiver.direction !== "sendonly") continue;
          const track = options.track(/** @type {"audio" | "video"} */ (transceiver.receiver.track.kind));
          if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
        }
        paid = await rank(on, pace, blind);
      });
    },
    /** pay says how much is to be sent from now on. @param {Pace} next */
    pay(next) {
      if (pace === next) return;
      pace = next;
      paying();
    },
    /** hide stops the picture, and nothing else; a picture that stands still is none. @param {boolean} on */
    hide(on) {
      if (blind === on) return;
      blind = on;
      paying();
    },
    /** @param {string} message */
    say(message) {
      if (channel?.readyState !== "open") return false;
      channel.send(message);
      return true;
    },
    /**
     * The m-lines of one place: sound and picture. A page has one place.
     *
     * @param {number} slot
     * @returns {RTCRtpTransceiver[]}
     */
    place: (slot) => pc.getTransceivers().slice(2 * slot, 2 * slot + 2),
    state: () => pc.connectionState,
    byUDP,
    /** What there is to know of the connection, and the path by which it goes. */
    async stats() {
      const mine = pc;
      const report = await asks(mine);
      const now = pathOf(report);
      if (now.connected && mine === pc) path = now;
      return { report, path: now };
    },
    close() {
      closed = true;
      clearTimeout(soon);
      shut();
    },
  };
}
