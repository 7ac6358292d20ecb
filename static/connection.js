// One connection to the server, for as long as the page lives. It never gives
// up: whatever happens to the network or to the server, it comes back by
// itself, and what was asked for meanwhile is asked again under the same id.

import { serverClock } from "./clock.js";
import { attempt } from "./fault.js";

/** @typedef {import("./types.d.ts").Connection} Connection */
/** @typedef {import("./types.d.ts").ConnectionState} ConnectionState */
/** @typedef {import("./types.d.ts").Events} Events */
/** @typedef {import("./types.d.ts").Result} Result */
/** @typedef {import("./types.d.ts").SignalType} SignalType */
/** @typedef {{id: string, act: string, body: object, insist: boolean, asked: number, askedAt: number, resolve: (result: Result) => void}} Pending */

const subprotocol = "belay.1";
const pingEvery = 2000; // ms, as the server does
const silenceIsLoss = 8000; // ms without anything heard: a new socket
const silenceIsSaid = 5000; // ms: the screen says so
const openWithin = 6000; // ms from the dial to the welcome
const againAfter = 2000; // ms: what could not be recorded is sent again
const bridged = 45_000; // ms: a disk that hangs for seconds is nobody's to press a button for
const atOnce = 1000; // ms from the tap: no age worth telling
const clocksAgree = 2000; // ms, over the life of a command
const answerWithin = 2500; // ms for a pong, after the page slept
const deafWithin = 600; // ms, where nothing comes from anybody else either
const waits = [200, 500, 1000, 1500, 2000, 2000, 3000, 3000, 4000, 5000, 7000]; // ms between attempts, before jitter

// The close codes of the server (signaling/protocol).
const replaced = 4001;
const protocolBroken = 4003;
const revoked = 4004;
const draining = 4005;
const unknown = 4006;

/** What the first servers of belay.1 did not read: left out where a welcome does not say that it is known. @type {Record<string, string[]>} */
const later = { command: ["age"], telemetry: ["mic_off", "no_sound"] };

/** randomId is 128 random bits in hex; crypto.randomUUID needs a secure page. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * openConnection connects to the WebSocket at path and stays connected. Events
 * of the page's life, such as a network that returns or a lid that opens, are
 * its own to hear. One per page.
 *
 * @param {{path: string, media?: boolean, on?: Partial<Events>}} options media: this page can exchange picture and sound
 * @returns {Connection}
 */
export function openConnection({ path, media = true, on = {} }) {
  const peer = randomId();
  const clock = serverClock();
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");

  /** @type {Map<string, Set<(...values: any[]) => void>>} */
  const listeners = new Map();
  /** @type {Map<string, Pending>} */
  const pending = new Map();
  /** @type {Map<number, number>} */
  const pings = new Map();

  /** @type {WebSocket | null} */
  let socket = null; // the current one: events of any other are nobody's
  let welcomed = false;
  let dialled = 0;
  let lastHeard = 0; // steady
  let lastPing = 0;
  let pingNumber = 0;
  let commandNumber = 0;
  let attempts = 0;
  /** @type {string[]} */
  let knows = []; // what this server reads beyond the first ones: this page may be newer than it
  let broken = 0; // connections in a row that the server closed because of what we sent
  let closed = false;
  /** @type {(() => void)[]} */
  const asking = []; // what waits to hear anything at all of the server
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let redial;
  /** @type {ConnectionState} */
  let state = { name: "connecting", since: Date.now(), heard: 0, silentFor: 0 };

  /**
   * @template {keyof Events} K
   * @param {K} event
   * @param {Events[K]} f
   */
  function listen(event, f) {
    const all = listeners.get(event) ?? new Set();
    listeners.set(event, all.add(f));
    return () => void all.delete(f);
  }

  /**
   * @template {keyof Events} K
   * @param {K} event
   * @param {Parameters<Events[K]>} values
   */
  function tell(event, ...values) {
    for (const f of listeners.get(event) ?? []) attempt(f, ...values); // one part that fails must not take the others with it
  }

  /** @param {Partial<ConnectionState>} change */
  function become(change) {
    const fresh = change.name !== undefined && change.name !== state.name;
    state = { ...state, ...change, since: fresh ? Date.now() : state.since };
    tell("state", state);
  }

  function dial() {
    clearTimeout(redial);
    if (closed) return;
    detach();
    welcomed = false;
    dialled = performance.now();
    pings.clear();
    const mine = new WebSocket(url, subprotocol);
    socket = mine;
    mine.onopen = () => {
      if (socket === mine) mine.send(JSON.stringify({ type: "hello", body: { peer, media, relay: media } }));
    };
    mine.onmessage = ({ data }) => {
      if (socket === mine) read(data);
    };
    mine.onclose = ({ code, reason }) => {
      if (socket === mine) lost(code, reason);
    };
    // An error is followed by a close; it says nothing more.
  }

  /** A socket that is given up may stay half open for minutes: nobody listens to it again. */
  function detach() {
    const old = socket;
    socket = null;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    try {
      old.close();
    } catch {
      // It was not open yet.
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  function lost(code, reason) {
    const hadBeenIn = welcomed;
    detach();
    welcomed = false;
    const words = reason || state.words || "";
    if (code === replaced) {
      // Two tabs that take the seat from each other would never stop.
      become({ name: "replaced", words, why: undefined });
      return;
    }
    const why = code === revoked ? "revoked" : code === unknown ? "unknown" : code === protocolBroken ? "protocol" : undefined;
    if (why) {
      become({ name: "ended", why, words, told: true });
    } else if (state.name === "open") {
      become({ name: "reconnecting", why: undefined, words: "" });
    }
    if (code === protocolBroken && ++broken > 1) forget();
    if (hadBeenIn) attempts = 0;
    let wait = waits[Math.min(attempts, waits.length - 1)];
    if (code === draining && hadBeenIn) wait = 50;
    if (why) wait = waits[waits.length - 1]; // it may be allowed again: the page still comes back
    attempts++;
    if (attempts === 3) void askWhy();
    redial = setTimeout(dial, wait * (0.6 + Math.random() * 0.4));
  }

  /** What the server does not understand would break every further connection too. */
  function forget() {
    for (const command of pending.values()) {
      command.resolve({ ok: false, refused: { code: "protocol", words: "This page is out of date. Please load it again." } });
    }
    pending.clear();
  }

  /** A refused upgrade says nothing to a page; the page's own address does. */
  async function askWhy() {
    try {
      const answer = await fetch(location.href.split("#")[0], { method: "HEAD", cache: "no-store", redirect: "manual" });
      if (welcomed || closed) return;
      if (answer.status === 401 || answer.status === 403) become({ name: "ended", why: "revoked", words: "", told: false });
      if (answer.status === 404) become({ name: "ended", why: "unknown", words: "", told: false });
    } catch {
      // The server is away: that is what we thought.
    }
  }

  /** @param {string} data */
  function read(data) {
    lastHeard = performance.now();
    for (const heard of asking.splice(0)) heard();
    const silent = state.silentFor > 0;
    state.heard = Date.now();
    if (silent) become({ silentFor: 0 });
    /** @type {{type: string, body: any}} */
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    const body = message.body ?? {};
    switch (message.type) {
      case "welcome":
        welcomed = true;
        attempts = 0;
        knows = body.knows ?? [];
        clock.correct(body.now, body.rate || 1);
        become({ name: "open", why: undefined, words: "", silentFor: 0 });
        for (const command of pending.values()) submit(command);
        tell("welcome", body);
        break;
      case "ice_servers":
        tell("ice_servers", body);
        break;
      case "ping":
        send("pong", { n: body.n });
        break;
      case "pong": {
        const sent = pings.get(body.n);
        pings.delete(body.n);
        if (sent !== undefined && body.now) clock.correct(body.now, undefined, performance.now() - sent);
        break;
      }
      case "view":
        // The rate counts at once; the time itself is the pongs' to say, since
        // a view may have waited in a queue.
        if (!clock.known() || body.view.rate !== clock.rate()) clock.correct(body.view.now, body.view.rate || 1);
        tell("view", body.view);
        break;
      case "result":
        answered(body);
        break;
      case "peers":
        tell("peers", body.peers ?? [], body.turned_out ?? []);
        break;
      case "offer":
      case "answer":
      case "candidate":
      case "need_offer":
      case "rope":
        tell("signal", /** @type {SignalType} */ (message.type), body);
        break;
      case "slots":
        tell("slots", body);
        break;
      case "truth":
        tell("truth", body);
        break;
      case "degraded":
        tell("degraded", body);
        break;
      case "failure":
        state.words = body.words;
        break;
      // What a newer server says besides is not for this page.
    }
  }

  /** @param {{id: string} & Result} result */
  function answered({ id, ok, seq, noted, refused }) {
    const command = pending.get(id);
    if (!command) return;
    const passing = refused?.code === "not_recorded" || refused?.code === "too_many";
    if (!ok && passing && (command.insist || performance.now() - command.asked < bridged)) {
      setTimeout(() => pending.has(id) && submit(command), againAfter);
      return;
    }
    pending.delete(id);
    broken = 0;
    command.resolve(ok ? { ok, seq, noted } : { ok, refused: refused ?? { code: "refused", words: "The server did not accept this." } });
  }

  /**
   * submit sends a command, and how long ago it was tapped: a fact has the time of its
   * tap. Some devices stop their steady clock while they sleep. No time of theirs is
   * believed, but that the two clocks disagree shows that this one can't tell.
   *
   * @param {Pending} command
   */
  function submit({ id, act, body, asked, askedAt }) {
    const steady = performance.now() - asked;
    const slept = Math.abs(Date.now() - askedAt - steady) > clocksAgree;
    const age = slept ? -1 : steady < atOnce ? undefined : Math.round(steady);
    send("command", { id, act, body, age });
  }

  const name = () => `${peer.slice(0, 16)}-${++commandNumber}`;

  /** @param {string} frame */
  function write(frame) {
    if (!welcomed || socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(frame);
    return true;
  }

  /**
   * @param {string} type
   * @param {object} body
   */
  function send(type, body) {
    const unread = (later[type] ?? []).filter((field) => !knows.includes(`${type}.${field}`));
    const read = Object.fromEntries(Object.entries(body).filter(([field]) => !unread.includes(field)));
    return write(JSON.stringify({ type, body: read }));
  }

  function look() {
    if (closed || state.name === "replaced") return;
    const now = performance.now();
    if (socket && welcomed) {
      if (now - lastHeard > silenceIsLoss) return again();
      if (now - lastPing >= pingEvery) ping();
    } else if (socket && now - dialled > openWithin) {
      return again();
    }
    const silence = lastHeard ? now - lastHeard : now - dialled;
    if (silence >= silenceIsSaid) become({ silentFor: silence });
  }

  function ping() {
    lastPing = performance.now();
    pings.set(++pingNumber, lastPing);
    if (pings.size > 16) pings.delete(pingNumber - 16);
    send("ping", { n: pingNumber });
  }

  function again() {
    if (state.name === "open") become({ name: "reconnecting" });
    dial();
  }

  /**
   * Something happened to the network or to the page: find out at once what is still true.
   *
   * @param {number} within ms
   * @param {() => void} [well] the server has answered
   * @param {() => boolean} [still] whether there is reason to ask for the answer yet
   */
  function probe(within, well, still) {
    if (closed || state.name === "replaced") return;
    if (!socket) {
      dial();
      return;
    }
    if (!welcomed) return;
    const mine = socket;
    const late = setTimeout(() => socket === mine && still?.() !== false && again(), within);
    asking.push(() => {
      clearTimeout(late);
      if (socket === mine) well?.();
    });
    ping();
  }

  const onWoken = () => probe(answerWithin);
  /** The network is another one, or was away: a socket of the one before would only be waited for. */
  const onOnline = () => void (closed || state.name === "replaced" || again());
  const onShown = () => document.visibilityState === "visible" && onWoken();
  addEventListener("online", onOnline);
  addEventListener("pageshow", onWoken);
  document.addEventListener("visibilitychange", onShown);
  const rhythm = setInterval(look, 500);

  for (const [event, f] of Object.entries(on)) {
    if (f) listen(/** @type {keyof Events} */ (event), /** @type {any} */ (f));
  }
  // The caller hangs its listeners up first.
  queueMicrotask(dial);

  return {
    peer,
    on: listen,
    name,
    command(act, body = {}, { insist = false, id = name(), askedAt = Date.now() } = {}) {
      return new Promise((resolve) => {
        /** @type {Pending} */
        const command = { id, act, body, insist, asked: performance.now(), askedAt, resolve };
        pending.set(id, command);
        submit(command);
      });
    },
    send,
    now: clock.now,
    state: () => state,
    doubt: (well, still) => probe(deafWithin, well, still),
    retry() {
      attempts = 0;
      if (state.name === "replaced") become({ name: "reconnecting", words: "" });
      dial();
    },
    close() {
      closed = true;
      clearTimeout(redial);
      clearInterval(rhythm);
      removeEventListener("online", onOnline);
      removeEventListener("pageshow", onWoken);
      document.removeEventListener("visibilitychange", onShown);
      detach();
    },
  };
}
