// By which of two ropes a picture is received: the direct one, or the one
// through the relay. Whoever receives decides, for each sender, and says so.
// Nothing here knows a connection: it is told what arrives, and when it is.

/** @typedef {"direct" | "relay"} Rope */
/**
 * What arrives by a rope: ms since the last packet and since the last new frame,
 * -1 before the first. Null: there is no such rope.
 *
 * @typedef {{packet: number, frame: number} | null} Arriving
 */

const packetLost = 1000; // ms without a packet: the path is dead
const frameLost = 2000; // ms without a new decoded frame: the picture is
const frameBeaten = 1000; // ms of that, where the relay brings frames meanwhile: it is not the camera that stands still
const firstWithin = 2500; // ms for the first packet of a direct connection
const soundAlone = 1500; // ms after which sound without a picture is better than neither
const inVain = 6000; // ms of asking for the relay while packets come directly: it is the camera
const smooth = 500; // ms between two frames at most, in a picture that flows
const lapse = 600; // ms without anything new of the relay's, while a direct rope that is about to end brings it
const sinksIn = 1500; // ms of that, before a picture that was kept at a trickle is shown again
const goodFor = 10_000; // ms of a good direct rope before it is taken again
const patienceMost = 160_000; // ms, after returns that did not last
const soon = 5000; // ms
const lasted = 60_000; // ms: a return that held so long was no mistake
const quiet = 500; // ms without a packet: the path may be cut, in both directions
const bracesFor = 4000; // ms
const bracesAgain = 30_000; // ms: a path that is merely poor has no room for everything twice

/**
 * Whether a rope brings nothing new where another does.
 *
 * @param {Arriving} rope
 * @param {Arriving} other
 * @param {"packet" | "frame"} what
 */
const lapses = (rope, other, what) => rope !== null && other !== null && rope[what] >= lapse && other[what] >= 0 && other[what] < smooth;

/** @param {Arriving} rope */
const well = (rope) => rope !== null && rope.packet >= 0 && rope.packet < packetLost && rope.frame < frameLost;

/**
 * createChoice decides for one sender. Look is called about every 200 ms with
 * what arrives and the time; it returns the rope that is wanted and the one that
 * is shown. Until the wanted rope brings something new the shown one stays, so
 * that nobody sees a gap that is not there.
 *
 * A direct rope is taken back after ten good seconds; each return that did not
 * last a minute doubles them.
 *
 * @param {number} begun ms
 */
export function createChoice(begun) {
  /** @type {Rope} */
  let want = "direct";
  /** @type {Rope | ""} */
  let use = "";
  let asked = begun; // when want last changed
  let good = 0; // since when the direct rope is well while the other carries; 0: it is not
  let patience = goodFor;
  let returned = -Infinity; // when the direct rope was last taken back
  let flows = 0; // since when the direct picture is smooth, while it is asked for
  let vain = false; // the relay was asked, and had no frame either
  let fell = 0; // when the direct rope was taken again although it is about to end; 0: it was not
  let steady = 0; // since when what is wanted is shown and is well; 0: it is not

  /** @param {Rope} rope @param {number} now @param {boolean} [failed] the other one has */
  function ask(rope, now, failed = true) {
    if (want === rope) return;
    want = rope;
    asked = now;
    good = flows = 0;
    if (failed && rope === "relay" && use === "direct") patience = now - returned < lasted ? Math.min(patience * 2, patienceMost) : goodFor;
  }

  /** @param {number} now */
  function take(now) {
    if (use === "relay" && want === "direct") returned = now;
    use = want;
    good = 0;
  }

  /**
   * Whether what is wanted has come since it was asked for.
   *
   * @param {Arriving} wanted
   * @param {Arriving} shown
   * @param {number} now
   */
  function came(wanted, shown, now) {
    if (!wanted || wanted.packet < 0) return false;
    const since = now - asked;
    if (wanted.frame >= 0 && wanted.frame < since) return true;
    const pictures = wanted.frame >= 0 || (shown !== null && shown.frame >= 0);
    const path = shown !== null && shown.packet >= 0 && shown.packet < packetLost;
    return wanted.packet < since && (use === "" || !pictures || (!path && since > soundAlone));
  }

  /**
   * Whether what was a trickle has been a picture again for a while.
   *
   * @param {Arriving} direct
   * @param {number} now
   */
  function flowing(direct, now) {
    if (!direct || direct.frame > smooth) flows = 0;
    else flows ||= now;
    if (flows && now - flows >= sinksIn) return true;
    if (now - asked > inVain) {
      patience = Math.min(patience * 2, patienceMost);
      ask("relay", now); // it does not grow: later
    }
    return false;
  }

  /**
   * The direct rope is about to end, and is there until the relay holds: a first
   * frame is no promise. As long as both are there nobody waits for the one that lapses.
   *
   * @param {Arriving} direct
   * @param {Arriving} relay
   * @param {number} now
   */
  function moveOver(direct, relay, now) {
    if (want === "relay") {
      if (use !== "relay" || !well(direct) || !(lapses(relay, direct, "packet") || lapses(relay, direct, "frame"))) return;
      ask("direct", now);
      fell = now;
    } else if (!fell || now - fell >= soon || !well(direct)) {
      ask("relay", now, false);
      fell = 0;
    }
  }

  /** @param {Arriving} direct @param {Arriving} relay @param {number} now @param {boolean} only */
  function choose(direct, relay, now, only) {
    if (only && relay) {
      moveOver(direct, relay, now);
      return;
    }
    fell = 0;
    if (!direct || !relay) {
      if (direct || relay) ask(relay ? "relay" : "direct", now);
      return;
    }
    if (want === "direct") {
      const awaited = direct.packet < 0 && now - asked < firstWithin;
      const dead = direct.packet >= packetLost || (direct.packet < 0 && !awaited);
      const beaten = direct.frame >= frameBeaten && relay.frame >= 0 && relay.frame < smooth;
      if (well(direct)) vain = false;
      if ((well(direct) && !beaten) || awaited || (vain && !dead)) return;
      ask("relay", now);
    } else if (use === "relay") {
      if (!well(direct)) good = 0;
      else if (!well(relay)) ask("direct", now);
      else if (!good) good = now;
      else if (now - good >= patience) ask("direct", now);
    } else if (use === "" && well(direct)) {
      ask("direct", now);
    } else if (now - asked > inVain && direct.packet >= 0 && direct.packet < packetLost) {
      // Packets come, and no frame by either: another path does not help.
      ask("direct", now);
      vain = true;
    }
  }

  return {
    /**
     * @param {Arriving} direct
     * @param {Arriving} relay
     * @param {number} now ms
     * @param {boolean} [only] the direct rope is about to end
     * @returns {{want: Rope, use: Rope | "", changed: boolean, held: number}} changed: another rope is to be
     *   shown now; held: for how many ms what is wanted has been shown, and been well
     */
    look(direct, relay, now, only = false) {
      const before = use;
      choose(direct, relay, now, only);
      const wanted = want === "direct" ? direct : relay;
      const shown = use === "direct" ? direct : use === "relay" ? relay : null;
      if (use !== want && came(wanted, shown, now)) {
        // Nobody needs to see the direct picture grow while the relay's is well.
        if (want === "relay" || use === "" || fell || !well(relay) || flowing(direct, now)) take(now);
      }
      if (use !== want || use !== before || !well(wanted)) steady = 0;
      else steady ||= now;
      return { want, use, changed: use !== before, held: steady ? now - steady : 0 };
    },
    want: () => want,
    use: () => use,
    /** hurried: something was asked for just now, and every frame counts. @param {number} now ms */
    hurried: (now) => use !== want && now - asked < soon,
  };
}

/**
 * createBrace decides whether somebody is sent everything by the relay before they
 * ask, and asked for everything before this page is sure. Where nothing comes directly
 * from them, nothing may go there either; a page waits a second before it is sure, and
 * a sender that was paused takes a while to begin: Firefox (153) makes its encoder
 * anew, which took a second where two browsers shared two processors. By what each
 * receives is still its own choice.
 */
export function createBrace() {
  let since = -Infinity;

  return {
    /**
     * look is called as often as the choice's.
     *
     * @param {Arriving} direct
     * @param {number} now ms
     * @returns {boolean} whether it begins now
     */
    look(direct, now) {
      if (!direct || direct.packet < quiet || now - since < bracesAgain) return false;
      since = now;
      return true;
    },
    /** @param {number} now ms */
    holds: (now) => now - since < bracesFor,
    /** Whether nothing comes directly still. @param {Arriving} direct @param {number} now ms */
    doubts: (direct, now) => direct !== null && direct.packet >= quiet && now - since < bracesFor,
  };
}
