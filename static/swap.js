// A track that takes another's place in a stream that an element shows.

// Firefox goes on showing a picture that has left the stream, still, where another
// came in before (seen in 153), until the element is given the stream anew. Others
// show black for a moment where the old one leaves first.
const oldLeavesFirst = "mozInnerScreenX" in globalThis;

/**
 * swap puts a track into a stream in place of the one of its kind.
 *
 * @param {MediaStream} stream
 * @param {MediaStreamTrack} track
 */
export function swap(stream, track) {
  const old = stream.getTracks().filter((one) => one !== track && one.kind === track.kind);
  const leave = () => old.forEach((one) => stream.removeTrack(one));
  if (oldLeavesFirst) leave();
  stream.addTrack(track);
  leave();
}
