// How loud a microphone is, for a bar that moves while somebody speaks.

/**
 * meter measures the sound of a stream's microphone, 0 to 1, without playing
 * it. Level is -1 while the browser does not let it run: before the first tap.
 * Wake is called in a tap.
 *
 * @param {MediaStream} stream
 */
export function meter(stream) {
  /** @type {AudioContext | null} */
  let context = null;
  /** @type {AnalyserNode | null} */
  let analyser = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  let source = null;
  /** @type {Float32Array<ArrayBuffer>} */
  const samples = new Float32Array(1024);
  let heard = "";

  function attach() {
    const track = stream.getAudioTracks()[0];
    if (!track || typeof AudioContext === "undefined") return;
    if (track.id === heard) return;
    context ??= new AudioContext();
    source?.disconnect();
    analyser = context.createAnalyser();
    analyser.fftSize = samples.length;
    source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    heard = track.id;
  }

  return {
    wake: () => void context?.resume(),
    level() {
      attach();
      if (!context || !analyser || context.state !== "running") return -1;
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      return Math.min(1, Math.sqrt(sum / samples.length));
    },
    close() {
      source?.disconnect();
      void context?.close();
      context = null;
    },
  };
}
