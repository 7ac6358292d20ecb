// The screen stays awake while it can be.

/**
 * keepAwake holds the screen's wake lock for as long as the page lives, takes it
 * again whenever the page is shown again, and says whether it has it now. A
 * browser without wake locks never has it, and no error is shown: the page says
 * in words what to do then.
 *
 * @param {(held: boolean) => void} [onChange]
 * @returns {{held: () => boolean, release: () => void}}
 */
export function keepAwake(onChange) {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let wanted = true;
  let asking = false;

  async function ask() {
    if (!wanted || asking || lock || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    asking = true;
    try {
      const got = await navigator.wakeLock.request("screen");
      lock = got;
      got.addEventListener("release", () => {
        lock = null;
        onChange?.(false);
      });
      onChange?.(true);
      if (!wanted) void got.release();
    } catch {
      // Low battery, or a browser that wants a tap first: the next tap asks again.
    } finally {
      asking = false;
    }
  }

  const again = () => void ask();
  document.addEventListener("visibilitychange", again);
  document.addEventListener("pointerup", again, { passive: true });
  const timer = setInterval(again, 20_000);
  void ask();
  return {
    held: () => lock !== null && !lock.released,
    release() {
      wanted = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
      document.removeEventListener("pointerup", again);
      void lock?.release();
    },
  };
}
