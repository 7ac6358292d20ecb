// One stream for each person, whichever connection brings its tracks: an element
// that shows it never changes its source.

import { swap } from "./swap.js";

/**
 * createStreams keeps them.
 *
 * @param {{onStream: (seat: string, stream: MediaStream) => void, onGone: (seat: string) => void}} options
 */
export function createStreams({ onStream, onGone }) {
  /** @type {Map<string, MediaStream>} */
  const streams = new Map(); // by seat

  /** @param {MediaStreamTrack} track */
  const shown = (track) => [...streams.values()].some((stream) => stream.getTracks().includes(track));

  return {
    /**
     * put shows somebody by these tracks. Of two sounds only one is heard at any time.
     *
     * @param {string} seat
     * @param {MediaStreamTrack[]} tracks one of each kind
     */
    put(seat, tracks) {
      const stream = streams.get(seat) ?? new MediaStream();
      streams.set(seat, stream);
      let changed = false;
      for (const track of tracks) {
        if (stream.getTracks().includes(track)) continue;
        for (const one of stream.getAudioTracks()) if (track.kind === "audio") one.enabled = false;
        track.enabled = true;
        swap(stream, track);
        changed = true;
      }
      if (changed) onStream(seat, stream);
    },
    /** hush silences sounds that belong to nobody's stream now. @param {MediaStreamTrack[]} tracks */
    hush(tracks) {
      for (const track of tracks) if (track.kind === "audio") track.enabled = shown(track);
    },
    /** @param {string} seat */
    clear(seat) {
      const stream = streams.get(seat);
      for (const track of stream?.getTracks() ?? []) stream?.removeTrack(track);
      onGone(seat);
    },
  };
}
