// What a connection sends and has room for, and how much of it is sent now.

/**
 * How much is sent. A trickle shows that the path lives. What is paused stays
 * agreed on: it goes on with a key frame, at once.
 *
 * @typedef {"full" | "trickle" | "paused"} Pace
 */

/** The relay shows up to four people, in places that never change. */
export const places = 4;

const picture = { full: 1_500_000, trickle: 50_000, paused: 1_500_000 }; // bit/s
const small = 150_000; // bit/s of the relay's second layer
const trickleRate = 5; // frames a second
const trickleSound = 12_000; // bit/s

// The relay chooses between two sizes for each of those who watch.
const layers = [
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: small },
  { rid: "h", maxBitrate: picture.full },
];

/**
 * lay makes the m-lines of a connection on which this page offers: sound and
 * picture in turn, a pair for each place. The first pair carries the own ones.
 *
 * @param {RTCPeerConnection} on
 * @param {number} many 1: between two pages
 * @param {((kind: "audio" | "video") => MediaStreamTrack | null) | null} own null: it only watches and listens
 */
export function lay(on, many, own) {
  for (let i = 0; i < many; i++) {
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const sends = own !== null && i === 0;
      /** @type {RTCRtpTransceiverInit} */
      const init = { direction: sends ? "sendrecv" : "recvonly" };
      if (sends && many > 1 && kind === "video") init.sendEncodings = layers.map((layer) => ({ ...layer }));
      const { receiver } = on.addTransceiver((sends && own(kind)) || kind, init);
      if (kind === "audio") receiver.track.enabled = false; // until it is shown
    }
  }
}

/**
 * rank has a connection send as much as it should, sound before picture where
 * there is not room for both.
 *
 * @param {RTCPeerConnection} on
 * @param {Pace} pace
 * @param {boolean} blind no picture now
 * @returns {Promise<boolean>} whether every sender took it
 */
export async function rank(on, pace, blind) {
  let taken = true;
  for (const sender of on.getSenders()) {
    const sound = sender.track?.kind === "audio";
    const parameters = sender.getParameters();
    if (!sender.track || !parameters.encodings?.length) continue;
    for (const encoding of parameters.encodings) {
      encoding.active = pace !== "paused" && (sound || !blind);
      encoding.priority = encoding.networkPriority = sound ? "high" : "low";
      delete encoding.maxBitrate;
      delete encoding.maxFramerate;
      if (sound && pace === "trickle") encoding.maxBitrate = trickleSound;
      if (!sound) encoding.maxBitrate = encoding.rid === "l" ? small : picture[pace];
      if (!sound && pace === "trickle") encoding.maxFramerate = trickleRate;
    }
    try {
      await sender.setParameters(parameters);
    } catch {
      taken = false; // it sends as before
    }
  }
  return taken;
}
