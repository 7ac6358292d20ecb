// What this page really receives from a peer, read from the statistics of the
// connection: pictures that were decoded, sound that has energy. Flags such as
// readyState and muted are not believed.

/** @typedef {import("./types.d.ts").Receiving} Receiving */

/** The level where nobody can tell: not zero, which would be a dead microphone. */
export const untold = 0.0001;

/** @typedef {{frames: number, framesAt: number, packets: number, packetsAt: number,
 *   sound: number, soundAt: number, energy: number, duration: number, level: number, loudAt: number,
 *   lost: number, received: number, lossAt: number, loss: number, rateAt: number, rateFrames: number, fps: number}} Kept */

/**
 * createReading reads the statistics of one peer again and again and knows how
 * old the last frame and the last packet are. Ages start anew with reset, when
 * the connection was built anew.
 *
 * @param {string} peer
 * @param {() => number} [steady]
 */
export function createReading(peer, steady = () => performance.now()) {
  /** @type {Kept} */
  let kept = fresh();

  /** @returns {Kept} */
  function fresh() {
    return {
      frames: 0, framesAt: 0, packets: 0, packetsAt: 0, sound: 0, soundAt: 0, energy: 0, duration: 0, level: 0, loudAt: steady(),
      lost: 0, received: 0, lossAt: 0, loss: 0, rateAt: 0, rateFrames: 0, fps: 0,
    };
  }

  /** @param {number} at */
  const age = (at) => (at ? Math.max(0, (steady() - at) / 1000) : -1);

  return {
    /** restarted: counters begin at zero again, the ages go on. */
    restarted() {
      kept = { ...fresh(), framesAt: kept.framesAt, packetsAt: kept.packetsAt, soundAt: kept.soundAt };
    },

    /**
     * @param {RTCStatsReport} report
     * @param {number} [said] the level that the sender says its sound has (RFC 6464), where it says so
     * @param {(mid: string) => boolean} [mine] which m-lines are meant: all, where several people share a connection not
     */
    read(report, said, mine = () => true) {
      const now = steady();
      let frames = 0;
      let packets = 0;
      let sound = 0;
      let lost = 0;
      let energy = 0;
      let duration = 0;
      report.forEach((entry) => {
        if (entry.type !== "inbound-rtp" || !mine(entry.mid)) return;
        packets += entry.packetsReceived ?? 0;
        lost += entry.packetsLost ?? 0;
        if (entry.kind === "video") frames += entry.framesDecoded ?? 0;
        if (entry.kind === "audio") {
          sound += entry.packetsReceived ?? 0;
          energy += entry.totalAudioEnergy ?? 0;
          duration += entry.totalSamplesDuration ?? 0;
        }
      });
      if (frames < kept.frames || packets < kept.packets) this.restarted();
      if (frames > kept.frames) {
        kept.framesAt = now;
      }
      // Over a whole second: frames come in bunches, and a look is sometimes late.
      if (!kept.rateAt) {
        Object.assign(kept, { rateAt: now, rateFrames: frames });
      } else if (now - kept.rateAt >= 1000) {
        kept.fps = ((frames - kept.rateFrames) * 1000) / (now - kept.rateAt);
        Object.assign(kept, { rateAt: now, rateFrames: frames });
      }
      if (packets > kept.packets) kept.packetsAt = now;
      if (sound > kept.sound) kept.soundAt = now;
      // Energy is the integral of the squared level: what came between two
      // looks, also a short sound. But it is measured after this page's own
      // volume: zero means nothing unless the sender says zero too, and no
      // telling must never look like a dead microphone.
      const played = duration > kept.duration ? Math.sqrt(Math.max(0, energy - kept.energy) / (duration - kept.duration)) : 0;
      const level = Math.max(played, said ?? 0);
      if (level > 0 || said === undefined) kept.loudAt = now;
      // What the sender says is of one moment: a short silence is none.
      kept.level = level || (now - kept.loudAt < 3000 ? untold : 0);
      if (now - kept.lossAt > 3000) {
        const came = packets - kept.received;
        const gone = Math.max(0, lost - kept.lost);
        kept.loss = came + gone > 0 ? gone / (came + gone) : 0;
        Object.assign(kept, { lossAt: now, received: packets, lost });
      }
      Object.assign(kept, { frames, packets, sound, energy, duration });
    },

    /** ages are in ms; -1: nothing yet. */
    ages() {
      const now = steady();
      return { packet: kept.packetsAt ? now - kept.packetsAt : -1, frame: kept.framesAt ? now - kept.framesAt : -1 };
    },

    /**
     * @param {ReturnType<typeof pathOf>} path of the connection
     * @param {string} role of its other side
     * @returns {Receiving}
     */
    receiving(path, role) {
      return {
        peer,
        frame_age: round(age(kept.framesAt)),
        packet_age: round(age(kept.packetsAt)),
        fps: round(kept.fps),
        sound_age: round(age(kept.soundAt)),
        sound_level: Math.min(1, kept.level),
        loss: round(kept.loss),
        round_trip: path.roundTrip,
        route: path.connected ? route(role, path) : "",
      };
    },
  };
}

/** @param {number} value */
const round = (value) => Math.round(value * 1000) / 1000;

/**
 * pathOf is by what a connection goes, or went last.
 *
 * @param {RTCStatsReport} report
 */
export function pathOf(report) {
  /** @type {any} */
  let pair = null;
  report.forEach((entry) => {
    if (entry.type === "transport" && entry.selectedCandidatePairId) pair = report.get(entry.selectedCandidatePairId) ?? pair;
  });
  if (!pair) {
    report.forEach((entry) => {
      if (entry.type === "candidate-pair" && entry.state === "succeeded" && (entry.selected || entry.nominated)) pair = entry;
    });
  }
  const local = pair ? report.get(pair.localCandidateId) : null;
  const remote = pair ? report.get(pair.remoteCandidateId) : null;
  return {
    connected: pair !== null,
    roundTrip: round(pair?.currentRoundTripTime ?? 0),
    relayed: local?.candidateType === "relay" || remote?.candidateType === "relay",
    protocol: local?.relayProtocol ?? local?.protocol ?? "udp",
  };
}

/**
 * @param {string} role
 * @param {{relayed: boolean, protocol: string}} path
 */
function route(role, { relayed, protocol }) {
  if (role !== "relay" && !relayed) return "direct";
  return protocol === "tls" ? "relay-tls" : protocol === "tcp" ? "relay-tcp" : "relay-udp";
}

/**
 * ownSound reads the level of the own microphone from the statistics: null
 * where this browser does not say.
 *
 * @param {RTCStatsReport} report
 * @returns {{energy: number, duration: number} | null}
 */
export function ownSound(report) {
  /** @type {{energy: number, duration: number} | null} */
  let got = null;
  report.forEach((entry) => {
    if (entry.type === "media-source" && entry.kind === "audio" && entry.totalSamplesDuration > 0 && entry.totalAudioEnergy !== undefined) {
      got = { energy: entry.totalAudioEnergy, duration: entry.totalSamplesDuration };
    }
  });
  return got;
}
