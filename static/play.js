// Somebody's picture and sound in a video element. That it plays, and may be heard,
// is looked at there and never believed.

const goesOn = 500; // ms after something has paused it, and between two tries

/** @type {WeakSet<HTMLVideoElement>} */
const waiting = new WeakSet(); // to go on

/**
 * play shows a stream in a video element, with its sound, and has it go on where
 * something else has paused it: a phone call, a key of a headset. Where the browser
 * wants a tap before it lets sound out, the picture plays without it; see heldBack.
 *
 * @param {HTMLVideoElement} video
 * @param {MediaStream} stream
 * @param {() => void} [onChange] heldBack may say something else now
 */
export function play(video, stream, onChange = () => {}) {
  if (video.srcObject !== stream) video.srcObject = stream;
  video.playsInline = true;
  video.onpause = () => goOn(video, onChange);
  void start(video).then(onChange);
}

/** @param {HTMLVideoElement} video */
async function start(video) {
  try {
    await video.play();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "NotAllowedError") return;
    video.muted = true;
    await video.play().catch(() => {});
  }
}

/** @param {HTMLVideoElement} video @param {() => void} onChange */
function goOn(video, onChange) {
  onChange();
  if (waiting.has(video)) return;
  waiting.add(video);
  setTimeout(async () => {
    waiting.delete(video);
    if (!video.isConnected || !video.paused) return;
    await start(video);
    if (video.paused) goOn(video, onChange);
    else onChange();
  }, goesOn);
}

/**
 * heldBack tells whether a sound that comes can't be heard here.
 *
 * @param {HTMLVideoElement} video
 */
export function heldBack(video) {
  const stream = video.srcObject;
  return stream instanceof MediaStream && stream.getAudioTracks().length > 0 && (video.paused || video.muted || video.volume === 0);
}

/**
 * release lets the sound of these out: in a tap, or where the browser may allow it now
 * without one. Where it does not they play on as before.
 *
 * @param {Iterable<HTMLVideoElement>} videos
 */
export async function release(videos) {
  await Promise.all([...videos].filter(heldBack).map((video) => {
    video.muted = false;
    return start(video);
  }));
}
