// Everybody whose picture and sound this page exchanges, by two ropes: a direct
// connection to each, and one to the relay, held ready. What either brings of one
// person is one stream.

import { createPeer } from "./peer.js";
import { createBrace, createChoice } from "./ropes.js";
import { createReading } from "./seen.js";
import { places } from "./sending.js";
import { createStreams } from "./streams.js";
import { createWay } from "./way.js";

/** @typedef {import("./types.d.ts").Peer} Peer */
/** @typedef {import("./types.d.ts").Seen} Seen */
/** @typedef {import("./types.d.ts").Slots} Slots */
/** @typedef {import("./types.d.ts").IceServer} IceServer */
/** @typedef {import("./ropes.js").Rope} Rope */
/** @typedef {ReturnType<typeof createPeer>} Link */
/** @typedef {ReturnType<typeof createReading>} Reading */
/** @typedef {Awaited<ReturnType<Link["stats"]>>} Stats */
/**
 * Another page. Full is by which ropes it is sent everything, as it has asked; left
 * is since when the direct one is not among them, 0 where it is; brace is whether it
 * is sent everything by the relay before it asks.
 *
 * @typedef {{listed: Peer, absent: number, link: Link | null, ending: number, direct: Reading, relayed: Reading,
 *   choice: ReturnType<typeof createChoice>, full: Set<Rope>, left: number, brace: ReturnType<typeof createBrace>, moved: number, said: number, saying: string, fresh: number, stats: Stats | null}} Party
 */
/**
 * A connection to a relay. Came is a number that grows with all that it brings, cameAt is when it last did, talks
 * whether it does about every second; arriving is what it brings of each page, until it is the one in use.
 *
 * @typedef {{listed: Peer, absent: number, link: Link, warm: number, up: boolean, slots: Slots["slots"], readAt: number, stats: Stats | null, came: number, cameAt: number,
 *   talks: boolean, arriving: Map<string, Reading>}} Relay
 */

const staleAfter = 10; // s without a packet: a peer that is no longer listed is gone
const earlyLimit = 64; // messages of peers that are not listed yet
const warmFor = 4000; // ms: a rope that was never used would begin with a poor picture
const sayEvery = 1000; // ms, while what is wanted is not so
const sayAgain = 10_000; // ms, while it is: the other page may have lost it
const holds = 3000; // ms that the relay carries well before a direct connection is let go of for good
const overlap = 8000; // ms that a connection outlives its place in the list: a direct one that is down, the one to a relay that has a successor
const doubtAfter = 500; // ms without a packet from anybody: does the socket still lead anywhere?
const deafAfter = 1000; // ms of that: it is lost, or all paths are
const restsFor = 1500; // ms without a word of a relay that nobody is received by: it reports once a second
const settles = 3000; // ms in which a browser may not know yet how it is connected, once it has said that its network is another one
const talksWithin = 2500; // ms between two of its words, where one of them may be read a second late
const firstFrame = 5000; // ms in which it is looked for as often as can be, after a connection was built
const sees = 500; // ms since the last frame of a picture that is there
const idleLook = 1000; // ms between two looks at a rope that nobody wants

/**
 * createCall keeps the connections to everybody whom the server lists. A peer
 * that it no longer lists is kept while packets come from it: a server that
 * starts anew knows nobody at first. Only one that may not see any more, who was
 * turned out or is a chaperone, is let go at once. Look is called about every 200 ms, tick once a
 * second.
 *
 * @param {{
 *   connection: import("./types.d.ts").Connection,
 *   sends: boolean,
 *   track: (kind: 'audio' | 'video') => MediaStreamTrack | null,
 *   onStream: (seat: string, stream: MediaStream) => void,
 *   onGone: (seat: string) => void,
 *   onDirect: (seat: string, message: import("./types.d.ts").Direct) => void,
 *   onReport: (report: RTCStatsReport) => void,
 * }} options onReport: statistics of a connection on which this page sends
 */
export function createCall(options) {
  const { connection, sends } = options;
  /** @type {Map<string, Party>} */
  const parties = new Map();
  const streams = createStreams(options);
  /** @type {Relay | null} */
  let relay = null;
  /** @type {Relay | null} */
  let next = null; // the session has moved to this relay, and relay carries until it does
  /** @type {{link: Link, until: number}[]} */
  let former = []; // relays that have a successor: the others may still be receiving by them
  const way = createWay();
  /** @type {Map<string, Slots["slots"]>} */
  const slotsOf = new Map(); // by relay: they may come before the list
  /** @type {{type: string, body: any}[]} */
  let early = [];
  /** @type {IceServer[]} */
  let servers = [];
  let looking = false;
  let closed = false;
  let hidden = false;
  let quiet = false; // nothing has come from anybody for a while, by any rope
  let deaf = 0; // since when that is no accident any more; 0: it may be one
  let dead = false; // and the relay itself says nothing
  let movedAt = -Infinity; // when this device's network became another one

  /** @param {"direct" | "relay"} rope @returns {RTCIceServer[]} */
  const serversFor = (rope) =>
    // The relay's own address as a STUN server would take its packets away from it.
    servers.filter((one) => (rope === "relay" ? one.for === "relay" : one.for !== "relay")).map(({ urls, username, credential }) => ({ urls, username, credential }));

  const common = {
    sends,
    reachable: () => connection.state().name === "open",
    /** @param {import("./types.d.ts").SignalType} type @param {object} body */
    send: (type, body) => connection.send(type, body),
    track: options.track,
  };

  /** @param {Peer} listed @returns {Party} */
  function enter(listed) {
    /** @type {Party} */
    const party = {
      listed, absent: 0, link: null, ending: 0, direct: createReading(listed.peer), relayed: createReading(listed.peer),
      choice: createChoice(performance.now()), full: new Set(["direct"]), left: 0, brace: createBrace(), moved: 0, said: 0, saying: "", fresh: 0, stats: null,
    };
    parties.set(listed.peer, party);
    return party;
  }

  /** @param {Party} party */
  function connect(party) {
    const { listed } = party;
    party.link?.close();
    party.link = createPeer({
      ...common,
      id: listed.peer,
      offers: listed.offer,
      iceServers: () => serversFor("direct"),
      onTrack: built,
      onMessage: (data) => direct(party, data),
      onState(state) {
        if (state === "connecting" || state === "new") party.direct.restarted();
      },
    });
    party.link.hide(hidden);
  }

  /** @param {Peer} listed */
  function connectRelay(listed) {
    /** @type {Relay} */
    const mine = { listed, absent: 0, link: /** @type {any} */ (null), warm: 0, up: false, slots: slotsOf.get(listed.peer) ?? [], readAt: 0, stats: null, came: 0, cameAt: 0, talks: false, arriving: new Map() };
    if (relay) next = mine;
    else relay = mine;
    mine.link = createPeer({
      ...common,
      id: listed.peer,
      offers: true,
      way,
      iceServers: () => serversFor("relay"),
      onTrack: built,
      onMuted: () => mine === relay && muted(),
      onState(state) {
        const now = performance.now();
        mine.up = state === "connected";
        if (mine.up) Object.assign(mine, { warm: now + warmFor, cameAt: now });
        if (state === "connecting" || state === "new") Object.assign(mine, { warm: 0, talks: false });
        if (!mine.warm) mine.arriving.clear();
        if (!mine.warm && mine === relay) for (const party of parties.values()) party.relayed.restarted();
        pay();
      },
    });
    mine.link.hide(hidden);
    pay();
  }

  function endRelay() {
    relay?.link.close();
    relay = null;
    for (const party of parties.values()) party.relayed.restarted();
    if (next) promote(next);
  }

  /** Uses the relay that the session has moved to. @param {Relay} fresh */
  function promote(fresh) {
    if (relay) former.push({ link: relay.link, until: performance.now() + overlap });
    relay = fresh;
    next = null;
    for (const party of parties.values()) {
      party.relayed = fresh.arriving.get(party.listed.peer) ?? createReading(party.listed.peer);
      if (party.choice.use() === "relay") show(party);
    }
    pay();
  }

  /** Whether the relay that comes brings everybody whom the one in use does. @param {number} now */
  function carriesOver(now) {
    if (!next?.up || !relay) return false;
    if (!relay.up || (wanted() && relay.cameAt > 0 && now - relay.cameAt >= deafAfter)) return true;
    return [...parties.values()].every((party) => {
      if (party.listed.role === "chaperone" || (party.choice.want() !== "relay" && party.choice.use() !== "relay")) return true;
      const before = party.relayed.ages();
      const then = next?.arriving.get(party.listed.peer)?.ages();
      const pictures = before.frame >= 0 && before.frame < sees;
      return before.packet < 0 || (then !== undefined && then.packet >= 0 && (!pictures || (then.frame >= 0 && then.frame < sees)));
    });
  }

  /** @param {Party} party */
  const slotOf = (party, of = relay) => of?.slots.find((one) => one.peer === party.listed.peer)?.slot ?? -1;

  /** @param {Party} party @param {Relay | null} of */
  const placeAt = (party, of) => (of && slotOf(party, of) >= 0 ? of.link.place(slotOf(party, of)) : []);

  /** The m-lines by which a rope brings somebody. @param {Party} party @param {Rope | ""} rope */
  function placeOf(party, rope) {
    if (rope === "relay") return placeAt(party, relay);
    return rope ? (party.link?.place(0) ?? []) : [];
  }

  /** @param {RTCRtpTransceiver[]} place */
  const tracksOf = (place) => place.map(({ receiver }) => receiver.track);

  /** Shows somebody by the rope in use. @param {Party} party */
  function show(party) {
    party.fresh = 0;
    const tracks = tracksOf(placeOf(party, party.choice.use()));
    if (tracks.length) streams.put(party.listed.seat, tracks);
  }

  /** A connection was built: it is shown when something comes by it. */
  function built() {
    for (const party of parties.values()) {
      party.fresh = performance.now();
      streams.hush(tracksOf(placeOf(party, "direct")));
    }
    for (const one of [relay, next]) for (let slot = 0; one && slot < places; slot++) streams.hush(tracksOf(one.link.place(slot)));
  }

  /** @param {Party} party @param {unknown} data */
  function direct(party, data) {
    if (typeof data !== "string" || data.length > 4096) return;
    try {
      const message = JSON.parse(data);
      if (message?.kind === "rope") asked(party, message);
      else if (typeof message?.kind === "string" && typeof message.id === "string") options.onDirect(party.listed.seat, message);
    } catch {
      // Not ours.
    }
  }

  /** The other page says by which rope it wants to receive. @param {Party} party @param {{want?: string, got?: string}} message */
  function asked(party, { want, got }) {
    const rope = want || got;
    if (rope !== "direct" && rope !== "relay") return;
    if (got) party.full.clear();
    party.full.add(rope);
    if (party.full.has("direct")) party.left = 0;
    else party.left ||= performance.now();
    pay();
  }

  /** Sends as much by each rope as the others want there. */
  function pay() {
    let carries = [relay, next].some((one) => one && (!one.warm || performance.now() < one.warm));
    for (const party of parties.values()) {
      party.link?.pay(party.full.has("direct") ? "full" : "trickle");
      if (party.full.has("relay") || !party.listed.video || party.brace.holds(performance.now())) carries = true;
    }
    for (const one of [relay, next]) one?.link.pay(carries ? "full" : "paused");
  }

  /** Says what this page wants of somebody, until it is so. @param {Party} party @param {number} now */
  function say(party, now) {
    if (!party.link) return; // there is no choice
    // A sender that gets everything does not know that nothing of it arrives: it is asked
    // as soon as that may be so, and told where it was not.
    const doubts = party.choice.want() === "direct" && party.choice.use() === "direct" && relay?.up === true && party.brace.doubts(party.direct.ages(), now);
    const want = doubts ? "relay" : party.choice.want();
    const is = !doubts && party.choice.use() === want;
    if (want === "relay") party.moved = now;
    if (!party.moved) return; // it has always been so
    const words = `${is ? "got" : "want"} ${want}`;
    if (words === party.saying && now - party.said < (is ? sayAgain : sayEvery)) return;
    const body = is ? { got: want } : { want };
    const sent = common.reachable()
      ? connection.send("rope", { to: party.listed.peer, ...body })
      : party.link.say(JSON.stringify({ kind: "rope", id: "rope", ...body }));
    if (sent) Object.assign(party, { said: now, saying: words });
  }

  /** @param {string} peer */
  function leave(peer) {
    const party = parties.get(peer);
    if (!party) return;
    parties.delete(peer);
    party.link?.close();
    pay();
    const { seat } = party.listed;
    if (![...parties.values()].some((other) => other.listed.seat === seat)) streams.clear(seat);
  }

  /** @param {Peer[]} list @param {string[]} out who may not be met any more */
  function listed(list, out) {
    for (const peer of out) leave(peer);
    const names = new Set(list.map((one) => one.peer));
    for (const [peer, party] of parties) {
      if (names.has(peer)) continue;
      const again = list.some((one) => one.seat === party.listed.seat);
      if (again || party.listed.role === "chaperone") leave(peer);
      else party.absent ||= performance.now();
    }
    if (next && !names.has(next.listed.peer)) {
      next.link.close();
      next = null;
    }
    if (relay && !names.has(relay.listed.peer)) relay.absent ||= performance.now();
    for (const one of list) {
      if (one.role === "relay") {
        if (relay?.listed.peer === one.peer) relay.absent = 0;
        else if (next?.listed.peer !== one.peer) connectRelay(one);
      } else {
        take(one);
      }
    }
    pay();
    const waited = early;
    early = [];
    for (const { type, body } of waited) signal(type, body);
  }

  /** @param {Peer} one */
  function take(one) {
    const party = parties.get(one.peer) ?? enter(one);
    party.listed = one;
    party.absent = 0;
    if (!one.video) {
      // A third has come: what is there carries until the relay does.
      party.ending ||= performance.now();
    } else {
      if (party.ending) party.full.add("relay"); // it is what they receive until they say otherwise
      party.ending = 0;
      // Who is not listed with a picture offers none: that says nothing of a connection that still lives.
      if (!party.link || party.link.offers !== one.offer) connect(party);
    }
  }

  /** @param {string} type @param {any} body */
  function signal(type, body) {
    const party = parties.get(body.from);
    const mine = [relay, next].find((one) => one?.listed.peer === body.from);
    if (mine) mine.link.signal(type, body);
    else if (party && type === "rope") asked(party, body);
    else if (party?.link) party.link.signal(type, body);
    else if (!party && early.length < earlyLimit) early.push({ type, body });
  }

  /** @param {Slots} message */
  function slotted({ peer, slots }) {
    if (slotsOf.size > 8) slotsOf.clear();
    slotsOf.set(peer, slots);
    if (next?.listed.peer === peer) next.slots = slots;
    if (relay?.listed.peer !== peer) return;
    for (const party of parties.values()) {
      const slot = slots.find((one) => one.peer === party.listed.peer)?.slot ?? -1;
      if (slot === slotOf(party)) continue;
      party.relayed.restarted(); // somebody else's numbers
      party.fresh = performance.now();
    }
    relay.slots = slots;
  }

  /** Somebody may need the relay, or has it. */
  const wanted = () => [...parties.values()].some(({ choice }) => choice.want() === "relay" || choice.use() === "relay");

  async function look() {
    if (looking || closed) return;
    looking = true;
    try {
      await read();
    } finally {
      looking = false;
    }
    if (closed) return;
    const now = performance.now();
    if (next && carriesOver(now)) promote(next);
    for (const party of parties.values()) if (party.listed.role !== "chaperone") choose(party, now);
    listen(now);
  }

  /** For how many ms nothing has come from anybody, by any rope; 0 where nothing ever has. */
  function silence() {
    const ages = [...parties.values()].flatMap(({ direct, relayed }) => [direct.ages().packet, relayed.ages().packet]).filter((age) => age >= 0);
    return ages.length ? Math.min(...ages) : 0;
  }

  /**
   * Where nothing comes from anybody it may be this page's own network that is
   * another one, and its socket dead; if that lives, it is the paths that do not.
   *
   * @param {number} now
   */
  function listen(now) {
    const before = { quiet, deaf, dead };
    const nothing = silence();
    quiet = nothing >= doubtAfter;
    deaf = nothing >= deafAfter ? deaf || now : 0;
    dead = deaf > 0 && silent(now);
    // Asked early, so that a page which has moved knows by then, and restarts everything
    // before its browser has found the new network, which may be two seconds later
    // (Chromium 156): what is being restarted takes it at once.
    if (quiet && !before.quiet) connection.doubt(undefined, () => quiet && !closed);
    if (deaf && !before.deaf) {
      connection.doubt(() => {
        // The relay may be about to carry: a restart would only hold it up.
        if (deaf && !closed) for (const link of links()) if (link !== relay?.link) link.failed(false);
      });
    }
    if (dead && !before.dead) connection.doubt(() => void (dead && !closed && relay?.link.failed(relay.talks)));
  }

  /**
   * The relay says that nothing of this page arrives there. Where nothing of the relay's
   * arrives either, it is an older word, or listen's to mend; and who has no device that
   * works sends nothing.
   */
  function muted() {
    const works = (/** @type {"audio" | "video"} */ kind) => {
      const track = options.track(kind);
      return track?.readyState === "live" && !track.muted;
    };
    if (!closed && relay?.up && silence() < doubtAfter && (works("audio") || works("video"))) relay.link.failed(true);
  }

  /** Whether nothing comes of a relay that is connected: it always answers what it is sent. @param {number} now */
  function silent(now) {
    if (!relay?.up) return false;
    if (now - movedAt < settles && relay.link.byUDP()) return false; // TCP's path has ended with the address it began at
    const carries = [...parties.values()].some(({ choice }) => choice.use() === "relay");
    return now - Math.max(relay.cameAt, relay.talks ? 0 : deaf) >= (carries ? deafAfter : restsFor);
  }

  /** @param {Party} party @param {number} now */
  function choose(party, now) {
    const { choice, link } = party;
    const direct = link ? party.direct.ages() : null;
    if (party.brace.look(direct, now)) pay();
    const relayed = relay?.up && slotOf(party) >= 0 ? party.relayed.ages() : null;
    const { use, changed, held } = choice.look(direct, relayed, now, party.ending > 0);
    const ages = use === "relay" ? relayed : direct;
    const came = party.fresh && ages && (ages.frame >= 0 ? ages.frame < now - party.fresh : ages.packet >= 0);
    if (changed || (use && came)) show(party);
    say(party, now);
    // Both let go of it when the other has held for both.
    if (party.ending && use === "relay" && held >= holds && party.left && now - party.left >= holds) letGo(party);
  }

  /** Ends a direct connection that is no longer listed. @param {Party} party */
  function letGo(party) {
    party.link?.close();
    party.link = null;
    party.direct.restarted();
  }

  /** Reads what has arrived. */
  async function read() {
    const mine = relay;
    const now = performance.now();
    const all = [...parties.values()];
    /** @type {RTCStatsReport | null} */
    let own = null;
    const comes = next;
    const due = mine && (wanted() || now - mine.readAt >= idleLook || all.some(({ direct: by }) => by.ages().frame >= sees));
    await Promise.all([
      ...all.map(async (party) => {
        const { link } = party;
        const stats = await link?.stats().catch(() => null);
        if (!stats || closed || party.link !== link || !link) return;
        party.direct.read(stats.report, level(link.place(0)));
        party.stats = stats;
        if (link.state() === "connected") own ??= stats.report;
      }),
      (async () => {
        if (!mine || !due) return;
        const stats = await mine.link.stats().catch(() => null);
        if (!stats || closed || relay !== mine) return;
        const { report } = stats;
        mine.readAt = now;
        mine.stats = stats;
        const came = carried(report);
        if (came !== mine.came) Object.assign(mine, { came, cameAt: now, talks: now - mine.cameAt < talksWithin });
        for (const party of all) {
          const place = placeAt(party, mine);
          const mids = place.map(({ mid }) => mid);
          if (place.length) party.relayed.read(report, level(place), (mid) => mids.includes(mid));
        }
      })(),
      (async () => {
        const stats = comes?.up ? await comes.link.stats().catch(() => null) : null;
        if (!stats || !comes || closed || next !== comes) return;
        for (const party of all) {
          const reading = comes.arriving.get(party.listed.peer) ?? createReading(party.listed.peer);
          comes.arriving.set(party.listed.peer, reading);
          const mids = placeAt(party, comes).map(({ mid }) => mid);
          if (mids.length) reading.read(stats.report, undefined, (mid) => mids.includes(mid));
        }
      })(),
    ]);
    own ??= mine?.up ? (mine.stats?.report ?? null) : null;
    if (own && !closed) options.onReport(own);
  }

  /** The level that the sender says its sound has, 0 to 1 (RFC 6464); undefined where it does not say. @param {RTCRtpTransceiver[]} place */
  function level(place) {
    return place.find(({ receiver }) => receiver.track.kind === "audio")?.receiver.getSynchronizationSources?.()[0]?.audioLevel;
  }

  /** @returns {Seen[]} */
  function seen() {
    return [...parties.values()].flatMap((party) => {
      const { listed: of, choice, link } = party;
      const relayed = choice.use() === "relay" || (!choice.use() && choice.want() === "relay");
      const stats = relayed ? relay?.stats : party.stats;
      if (!stats) return [];
      const got = (relayed ? party.relayed : party.direct).receiving(stats.path, relayed ? "relay" : of.role);
      const state = (relayed ? relay?.link : link)?.state() ?? "connecting";
      return [{ ...got, seat: of.seat, role: of.role, state, second: relayed ? link?.state() === "connected" : relay?.up === true }];
    });
  }

  /**
   * A number that grows with all that comes by a connection, what only reports on
   * others included: of packets, and of bytes where a browser does not count those
   * (Firefox).
   *
   * @param {RTCStatsReport} report
   */
  function carried(report) {
    let packets = 0;
    let bytes = 0;
    report.forEach((entry) => {
      if (entry.type === "transport") packets += entry.packetsReceived ?? 0;
      if (entry.type === "candidate-pair") bytes += entry.bytesReceived ?? 0;
    });
    return packets || bytes;
  }

  const links = () => [...parties.values(), relay, next].flatMap((one) => (one?.link ? [one.link] : []));

  const stop = [
    connection.on("welcome", (welcome) => {
      servers = welcome.ice_servers ?? [];
      for (const link of links()) link.changed(quiet);
      // Nobody could say by which rope they want this page; and it has a moment to answer.
      const now = performance.now();
      if (quiet && relay) Object.assign(relay, { warm: now + warmFor, cameAt: now });
      pay();
      for (const party of parties.values()) party.said = 0; // it may have gone nowhere
    }),
    connection.on("ice_servers", (fresh) => {
      servers = fresh.ice_servers; // for the next connection, and the next change of network
    }),
    connection.on("peers", listed),
    connection.on("slots", slotted),
    connection.on("signal", signal),
  ];

  return {
    look,
    /** tick repeats what got no answer, and lets go of who is gone. */
    tick() {
      const now = performance.now();
      for (const party of parties.values()) {
        const { link, ending } = party;
        if (link && ending && link.state() !== "connected" && now - ending > overlap) letGo(party);
      }
      for (const link of links()) link.tick();
      for (const { link, until } of former) if (now >= until || link.state() !== "connected") link.close();
      former = former.filter(({ link }) => link.state() !== "closed");
      pay();
      for (const [peer, { absent, direct: one, relayed }] of parties) {
        if (!absent || now - absent < staleAfter * 1000) continue;
        const ages = [one.ages().packet, relayed.ages().packet].filter((age) => age >= 0);
        if (Math.min(...ages, Infinity) > staleAfter * 1000) leave(peer);
      }
      if (relay?.absent && (!relay.up || !parties.size)) endRelay();
    },
    /** hurried: somebody waits for a first frame. */
    hurried() {
      const now = performance.now();
      return [...parties.values()].some(({ choice, fresh, listed: of }) => of.role !== "chaperone" && (choice.hurried(now) || (fresh > 0 && now - fresh < firstFrame)));
    },
    seen,
    silence,
    tracksChanged() {
      for (const link of links()) link.tracksChanged();
    },
    /** hide stops the own picture: its camera is stuck. @param {boolean} on */
    hide(on) {
      hidden = on;
      for (const link of links()) link.hide(on);
    },
    moved() {
      movedAt = performance.now();
      for (const link of links()) link.moved();
    },
    /** @param {import("./types.d.ts").Direct} message */
    sendDirect(message) {
      let sent = 0;
      for (const { link } of parties.values()) if (link?.say(JSON.stringify(message))) sent++;
      return sent;
    },
    /** Whether help could go without the server. */
    hasDirect: () => [...parties.values()].some(({ link }) => link?.state() === "connected"),
    close() {
      closed = true;
      for (const f of stop) f();
      for (const peer of [...parties.keys()]) leave(peer);
      next?.link.close();
      next = null;
      for (const { link } of former) link.close();
      endRelay();
    },
  };
}
