// How the relay is reached: by whatever works, and without UDP for the rest of
// the visit where UDP has broken twice within a minute.

const failures = 2;
const within = 60_000; // ms

/**
 * createWay remembers what has failed, for all connections to the relay that a
 * page makes.
 *
 * @param {() => number} [steady] ms
 */
export function createWay(steady = () => performance.now()) {
  /** @type {number[]} */
  let failed = [];
  let narrow = false;
  return {
    /**
     * failed notes that a connection was lost although the server is there: one that
     * went by UDP, or was to and never came about.
     */
    failed() {
      const now = steady();
      failed = [...failed.filter((at) => now - at < within), now];
      narrow ||= failed.length >= failures;
    },
    /** Whether UDP is to be left out. */
    narrow: () => narrow,
    /**
     * narrowed leaves out of an answer where UDP would lead, if that leaves anything.
     *
     * @param {string} sdp
     */
    narrowed(sdp) {
      const without = sdp.replace(/^a=candidate:\S+ \d+ udp .*\r?\n/gim, "");
      return narrow && /^a=candidate:/m.test(without) ? without : sdp;
    },
  };
}
