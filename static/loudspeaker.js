// By which loudspeaker somebody is heard: the one that was chosen, for as long as it is
// there, else the device's own choice.

/**
 * createLoudspeaker keeps the choice for all elements that play somebody. A browser goes
 * on playing into one that is gone, and nobody hears it.
 *
 * @param {() => Iterable<HTMLMediaElement>} elements
 */
export function createLoudspeaker(elements) {
  let chosen = "";
  /** @type {() => void} */
  let onGone = () => {};

  /** @param {HTMLMediaElement} element */
  async function apply(element) {
    try {
      if ("setSinkId" in element && element.sinkId !== chosen) await element.setSinkId(chosen);
    } catch {
      // It is gone: the browser's choice plays.
    }
  }

  /** @param {string} id "": the device's own choice */
  function choose(id) {
    chosen = id;
    for (const element of elements()) void apply(element);
  }

  async function look() {
    const all = chosen ? await navigator.mediaDevices.enumerateDevices().catch(() => null) : null;
    if (!all || !chosen || all.some((one) => one.kind === "audiooutput" && one.deviceId === chosen)) return;
    choose("");
    onGone();
  }

  navigator.mediaDevices?.addEventListener?.("devicechange", () => void look());
  return {
    apply,
    choose,
    /** Says what is to be done when the chosen one has gone. @param {() => void} then */
    whenGone: (then) => void (onGone = then),
  };
}
