// How many frames the video has shown since it was made. Chromium counts them in
// its playback quality; Firefox counts nothing there for a live stream, but tells
// the number with each frame.
(selector) => {
  const video = document.querySelector(selector);
  if (!(video instanceof HTMLVideoElement)) return null;
  const counts = (globalThis.__belayFrames ??= new WeakMap());
  if (!counts.has(video)) {
    counts.set(video, 0);
    const seen = (_, frame) => {
      counts.set(video, frame.presentedFrames);
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback?.(seen);
  }
  return Math.max(video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0, counts.get(video));
}
