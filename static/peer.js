// The direct connection to one other peer: who offers is fixed, so that two
// descriptions never meet; what arrives early waits; what was lost is asked for.

/** @typedef {import("./types.d.ts").SignalType} SignalType */
/** @typedef {import("./types.d.ts").IceServer} IceServer */

const restartAfter = 2000; // ms of "disconnected"; never waiting for "failed"
const askAgainAfter = 4000; // ms between two offers, restarts or questions
const rebuildAfter = 15_000; // ms without a connection although restarts were tried
const queueLimit = 128; // candidates that wait for a description

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
 * createPeer builds the connection and keeps it: it offers (or waits for the
 * offer), restarts ICE when the network changes, and builds anew when nothing
 * else helps. Media keeps flowing while the server is away; only what needs a
 * new description waits for it.
 *
 * @param {{
 *   id: string,
 *   offers: boolean,
 *   video: boolean,
 *   sends: boolean,
 *   iceServers: () => IceServer[],
 *   reachable: () => boolean,
 *   send: (type: SignalType, body: object) => boolean,
 *   track: (kind: 'audio' | 'video') => MediaStreamTrack | null,
 *   onTrack: (track: MediaStreamTrack) => void,
 *   onMessage: (data: unknown) => void,
 *   onState: (state: RTCPeerConnectionState) => void,
 * }} options sends: this page sends picture and sound too
 */
export function createPeer(options) {
  const { id, offers, video, sends } = options;
  /** @type {RTCPeerConnection} */
  let pc;
  /** @type {RTCDataChannel} */
  let channel;
  /** @type {RTCIceCandidateInit[]} */
  let waiting = [];
  let described = false; // a remote description is set
  let asked = 0; // when something was last sent that wants an answer
  let unwell = 0; // since when it is not connected
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;
  /** @type {Promise<void>} */
  let line = Promise.resolve();

  /**
   * Descriptions are worked on one after the other; a step that was queued for
   * a connection that is no more is left out.
   *
   * @param {(on: RTCPeerConnection) => Promise<void>} step
   */
  function queue(step) {
    line = line.then(async () => {
      const on = pc;
      if (closed) return;
      try {
        await step(on);
      } catch (error) {
        if (closed || on !== pc) return;
        console.warn("negotiation with a peer failed, building anew", error);
        if (performance.now() - asked > 1000) rebuild();
      }
    });
  }

  function build() {
    const mine = new RTCPeerConnection({ iceServers: options.iceServers(), bundlePolicy: "max-bundle" });
    pc = mine;
    waiting = [];
    described = false;
    asked = offers ? 0 : performance.now(); // the other side has a moment to offer
    unwell = performance.now();
    channel = mine.createDataChannel("belay", { negotiated: true, id: 0 });
    channel.onmessage = ({ data }) => mine === pc && options.onMessage(data);
    if (offers && video) {
      for (const kind of /** @type {const} */ (["audio", "video"])) {
        mine.addTransceiver((sends && options.track(kind)) || kind, { direction: sends ? "sendrecv" : "recvonly" });
      }
    }
    mine.onicecandidate = ({ candidate }) => {
      if (mine !== pc) return;
      options.send("candidate", {
        to: id,
        candidate: candidate?.candidate ?? "",
        sdp_mid: candidate?.sdpMid ?? undefined,
        sdp_m_line_index: candidate?.sdpMLineIndex ?? undefined,
        username_fragment: candidate?.usernameFragment ?? undefined,
      });
    };
    mine.ontrack = ({ track }) => mine === pc && options.onTrack(track);
    mine.oniceconnectionstatechange = () => mine === pc && watch();
    mine.onconnectionstatechange = () => {
      if (mine !== pc) return;
      if (mine.connectionState === "connected") void rank(mine);
      options.onState(mine.connectionState);
    };
  }

  /** Sound goes before picture where there is not room for both. @param {RTCPeerConnection} on */
  async function rank(on) {
    for (const sender of on.getSenders()) {
      const sound = sender.track?.kind === "audio";
      const parameters = sender.getParameters();
      if (!sender.track || !parameters.encodings?.length) continue;
      const [encoding] = parameters.encodings;
      encoding.priority = encoding.networkPriority = sound ? "high" : "low";
      if (!sound) encoding.maxBitrate = 1_500_000;
      try {
        await sender.setParameters(parameters);
      } catch {
        // A browser that cannot rank them still sends them.
      }
    }
  }

  function watch() {
    clearTimeout(soon);
    const state = pc.iceConnectionState;
    if (state === "connected" || state === "completed") {
      unwell = 0;
      return;
    }
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
          on.setConfiguration({ iceServers: options.iceServers(), bundlePolicy: "max-bundle" });
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
    pc.close();
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
      pc.close();
      build();
    }
    queue(async (on) => {
      await on.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of on.getTransceivers()) {
        const kind = /** @type {"audio" | "video"} */ (transceiver.receiver.track.kind);
        if (transceiver.direction === "stopped") continue;
        transceiver.direction = !video ? "inactive" : sends ? "sendrecv" : "recvonly";
        if (video && sends) await transceiver.sender.replaceTrack(options.track(kind));
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
      await on.setRemoteDescription({ type: "answer", sdp });
      await drain(on);
    });
  }

  build();
  if (offers) offer(false);

  return {
    id,
    video,
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
          if (body.restart || pc.signalingState === "have-local-offer") {
            if (performance.now() - asked >= 1000) offer(Boolean(body.restart) && described);
          } else if (performance.now() - asked >= 1000) {
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
      if (unwell && described && now - unwell > rebuildAfter && since > askAgainAfter) {
        rebuild();
      } else if (since > askAgainAfter) {
        if (offers && (!described || pc.signalingState === "have-local-offer")) offer(false);
        else if (!offers && !described) restart();
        else if (described && pc.iceConnectionState === "failed") restart();
      }
    },
    /** changed says that the network or the way to the server did. */
    changed() {
      asked = 0;
      if (pc.iceConnectionState !== "connected" && pc.iceConnectionState !== "completed") restart();
    },
    /** moved says that this device's network is another one: even a path that seems well may be gone. */
    moved() {
      if (performance.now() - asked > 1000) asked = 0;
      if (described) restart();
    },
    tracksChanged() {
      if (!video || !sends) return;
      queue(async (on) => {
        for (const transceiver of on.getTransceivers()) {
          const kind = /** @type {"audio" | "video"} */ (transceiver.receiver.track.kind);
          const track = options.track(kind);
          if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
        }
        await rank(on);
      });
    },
    /** @param {string} message */
    say(message) {
      if (channel.readyState !== "open") return false;
      channel.send(message);
      return true;
    },
    state: () => pc.connectionState,
    stats: () => pc.getStats(),
    /** The level that the sender says its sound has, 0 to 1 (RFC 6464); undefined where it does not say. */
    saidLevel() {
      const receiver = pc.getReceivers().find((one) => one.track.kind === "audio");
      return receiver?.getSynchronizationSources?.()[0]?.audioLevel;
    },
    close() {
      closed = true;
      clearTimeout(soon);
      pc.close();
    },
  };
}
