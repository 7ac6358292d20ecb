// Alarm sounds for the people who are awake: therapists and chaperones. Never
// imported by the client's page.
//
// The patterns follow IEC 60601-1-8 (2006, tables 3 and 4): a high alarm is two
// bursts of five pulses (three and two), a medium one a burst of three, a low
// one two pulses, heard once. Each pulse is a tone with four harmonics between
// 300 and 4000 Hz, so that it can be told from speech and heard by most ears.

/** @typedef {"high"|"medium"|"low"} Priority */

/**
 * Where a pulse begins within its burst, in seconds; how long it lasts; and how
 * long after the begin of one burst the next begins (0: it is not repeated).
 * @type {Record<Priority, {tone: number, at: number[], lasts: number, every: number}>}
 */
const patterns = {
  high: { tone: 523.25, at: [0, 0.22, 0.44, 0.82, 1.04, 1.9, 2.12, 2.34, 2.72, 2.94], lasts: 0.14, every: 7 },
  medium: { tone: 440, at: [0, 0.38, 0.76], lasts: 0.2, every: 12 },
  low: { tone: 349.23, at: [0, 0.42], lasts: 0.2, every: 0 },
};

/** The same rhythm for a phone's motor, in milliseconds: on, off, on … */
const shakes = {
  high: [180, 80, 180, 80, 180, 220, 180, 80, 180],
  medium: [200, 180, 200, 180, 200],
  low: [200],
};

/**
 * Makes the sound of one page. It is silent until unlock() was called from a
 * tap or a key, as browsers demand; blocked() tells whether it still is.
 * set() may be called as often as one likes: it starts, changes and ends the
 * sound only where the priority changes.
 * @param {{vibrate?: boolean}} [options]
 */
export function createAlarmSound({ vibrate = false } = {}) {
  /** @type {AudioContext|null} */
  let audio = null;
  /** @type {Priority|null} */
  let sounding = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let next;
  /** @type {GainNode|null} */
  let burst = null;

  function unlock() {
    audio ??= new AudioContext();
    if (audio.state !== "running") void audio.resume().catch(() => undefined);
  }

  /** @returns {boolean} whether the browser keeps this page silent */
  function blocked() {
    return audio === null || audio.state !== "running";
  }

  /** @param {number[]} rhythm a browser that was never touched refuses, loudly, in its console */
  function shake(rhythm) {
    if (vibrate && "vibrate" in navigator && navigator.userActivation?.hasBeenActive !== false) navigator.vibrate(rhythm);
  }

  /** @param {Priority} priority */
  function play(priority) {
    const pattern = patterns[priority];
    shake(shakes[priority]);
    if (audio === null) return;
    if (audio.state !== "running") void audio.resume().catch(() => undefined);
    const out = audio.createGain();
    out.gain.value = 0.35;
    out.connect(audio.destination);
    burst = out;
    const wave = audio.createPeriodicWave(new Float32Array([0, 0, 0, 0, 0, 0]), new Float32Array([0, 1, 0.7, 0.5, 0.4, 0.3]));
    const start = audio.currentTime + 0.02;
    for (const at of pattern.at) {
      const tone = audio.createOscillator();
      const shape = audio.createGain();
      tone.setPeriodicWave(wave);
      tone.frequency.value = pattern.tone;
      shape.gain.setValueAtTime(0, start + at);
      shape.gain.linearRampToValueAtTime(1, start + at + 0.03);
      shape.gain.setValueAtTime(1, start + at + pattern.lasts - 0.03);
      shape.gain.linearRampToValueAtTime(0, start + at + pattern.lasts);
      tone.connect(shape).connect(out);
      tone.start(start + at);
      tone.stop(start + at + pattern.lasts);
    }
  }

  /** @param {Priority|null} priority what is to be heard now; null: nothing */
  function set(priority) {
    if (priority === sounding) return;
    sounding = priority;
    clearTimeout(next);
    burst?.disconnect();
    burst = null;
    if (priority === null) {
      shake([]);
      return;
    }
    const current = priority;
    const again = () => {
      play(current);
      if (patterns[current].every > 0) next = setTimeout(again, patterns[current].every * 1000);
    };
    again();
  }

  return { unlock, blocked, set, /** One burst, for somebody who wants to hear it. */ sample: play };
}
