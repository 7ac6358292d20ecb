// Whether a picture stands still although frames come: a camera that is stuck
// sends the same one again and again.

const wide = 320;
const high = 180;
const dark = 12; // of 255: a picture without contrast is a dark room or a covered lens, not a stuck camera

/**
 * changed tells two samplings of a picture apart: true where it moves, or where
 * nothing can be said. A real camera is never the same twice, to the last bit.
 *
 * @param {Uint8ClampedArray} before RGBA
 * @param {Uint8ClampedArray} now RGBA
 */
export function changed(before, now) {
  if (before.length !== now.length) return true;
  let least = 255;
  let most = 0;
  for (let i = 0; i < now.length; i += 4) {
    if (now[i] !== before[i] || now[i + 1] !== before[i + 1] || now[i + 2] !== before[i + 2]) return true;
    least = Math.min(least, now[i + 1]);
    most = Math.max(most, now[i + 1]);
  }
  return most - least < dark;
}

/**
 * createStill watches the own picture, as the camera gives it: what others
 * receive has been compressed, and is never quite the same. Look is called about
 * once a second.
 *
 * @param {number} [after] ms of the same picture before it counts
 */
export function createStill(after = 10_000) {
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  const canvas = document.createElement("canvas");
  canvas.width = wide;
  canvas.height = high;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context) context.imageSmoothingEnabled = false; // samples as they are
  /** @type {Uint8ClampedArray | null} */
  let last = null;
  let since = 0;

  return {
    /** @param {MediaStream} stream */
    watch(stream) {
      if (video.srcObject !== stream) video.srcObject = stream;
      void video.play().catch(() => {});
    },
    look() {
      // What is not shown need not be drawn, and is then the same without being stuck.
      if (!context || document.visibilityState !== "visible" || video.readyState < 2 || video.paused) {
        last = null;
        return;
      }
      context.drawImage(video, 0, 0, wide, high);
      const { data } = context.getImageData(0, 0, wide, high);
      if (!last || changed(last, data)) since = performance.now();
      last = data;
    },
    stuck: () => last !== null && performance.now() - since >= after,
    close() {
      video.srcObject = null;
    },
  };
}
