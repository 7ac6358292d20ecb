/** @typedef {import("./types.d.ts").Media} Media */
/** @typedef {import("./types.d.ts").MediaOptions} MediaOptions */

/**
 * createMedia exchanges picture and sound with every peer that the server lists.
 *
 * @param {MediaOptions} options
 * @returns {Media}
 */
export function createMedia(options) {
  throw new Error("not written yet " + options.send);
}

/**
 * play shows a stream in a video element with its sound. Where the browser wants a tap
 * first, onBlocked is called and the picture plays without sound until unblock() is called in a gesture.
 *
 * @param {HTMLVideoElement} video
 * @param {MediaStream} stream
 * @param {(unblock: () => void) => void} [onBlocked]
 */
export function play(video, stream, onBlocked) {
  throw new Error("not written yet");
}
