// A track that takes another's place in a stream that an element shows.

/**
 * swap puts a track into a stream in place of the one of its kind. The old one leaves
 * first: where the new one comes in beside it, Firefox (153) goes on showing the old
 * one, still, and so does Chromium (156) for one of any two tracks. In this order no
 * frame was missing in either.
 *
 * @param {MediaStream} stream
 * @param {MediaStreamTrack} track
 */
export function swap(stream, track) {
  for (const old of stream.getTracks()) if (old !== track && old.kind === track.kind) stream.removeTrack(old);
  stream.addTrack(track);
}
