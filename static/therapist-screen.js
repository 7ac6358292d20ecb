// The therapist's screen once joined: where each part stands, which client is
// chosen, the keys, and the alarms that need no server.

import { createAfter } from "./after.js";
import { createAlarmBar } from "./alarm-bar.js";
import { createClientPanel } from "./client-panel.js";
import { everySecond, ms, span, tPlus, timeOfDay } from "./clock.js";
import { createControls } from "./controls.js";
import { createCriteria } from "./criteria.js";
import { createDesk } from "./desk.js";
import { each, el, set, show, text } from "./element.js";
import { createEmergencyCard } from "./emergency-card.js";
import { createGates } from "./gates.js";
import { createGoIn } from "./go-in.js";
import { createLines } from "./lines.js";
import { createObservations } from "./observations.js";
import { createPeople } from "./people.js";
import { createPictures } from "./pictures.js";
import { createDeviceRequests, createHead } from "./therapist-head.js";
import { words } from "./therapist-words.js";
import { createTruth } from "./truth.js";
import { createVitals } from "./vitals.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {import("./types.d.ts").Connection} Connection
 * @typedef {import("./types.d.ts").ConnectionState} ConnectionState
 * @typedef {import("./types.d.ts").Media} Media
 * @typedef {import("./types.d.ts").Seen} Seen
 * @typedef {import("./types.d.ts").Direct} Direct
 * @typedef {import("./types.d.ts").Degraded} Degraded
 * @typedef {"checks" | "vitals" | "release" | "after"} Tab
 */

/** The part that matters in each phase; a tap on another one holds until the phase moves. */
/** @type {Record<string, Tab>} */
const tabOf = { absorbing: "vitals", active: "vitals", integrating: "vitals", release_check: "release", closed: "after", signed: "after", cancelled: "after", ended_early: "after", transferred: "after" };

/**
 * @param {{connection: Connection, media: Media, sound: ReturnType<typeof import("./alarm-sound.js").createAlarmSound>, first: View}} given
 */
export function createTherapistScreen({ connection, media, sound, first }) {
  const polite = el("div", { class: "spoken", role: "status", "aria-live": "polite" });
  const desk = createDesk(connection, first, (said) => text(polite, said));
  let chosen = first.clients?.[0]?.seat ?? "";
  const whom = () => chosen;

  const alarms = createAlarmBar(desk, sound);
  const people = createPeople(desk);
  const head = createHead(desk, people.open);
  const requests = createDeviceRequests(desk);
  const pictures = createPictures(desk);
  const observations = createObservations(desk, whom);
  const card = createEmergencyCard(desk, whom);
  const goIn = createGoIn(desk, whom);
  const lines = createLines(desk);
  const after = createAfter(desk);
  const controls = createControls(desk, { media: () => media, speaker: pictures.speaker, sample: () => sound.sample("medium") });
  const truth = createTruth(desk, { connection, media: () => media, truth: pictures.told });
  pictures.use(media);
  pictures.local(media.local);
  for (const [seat, stream] of media.remote) pictures.remote(seat, stream); // that came before the first view said whose they are

  const panels = el("div", { class: "panels" });
  const who = el("div", { class: "who", role: "group", "aria-label": words.chooseClient });
  const tabs = el("div", { class: "tabs", role: "tablist" });
  const work = el("div", { class: "work", role: "tabpanel" });
  const title = el("h1", { class: "spoken" });
  const taken = el("div", { class: "taken", role: "alert", hidden: true });
  const ownWords = el("p");
  let understood = "";
  const again = el("button", { type: "button", onclick: () => void media.start() }, words.picture.again);
  const own = el("div", { class: "own-device", role: "status", hidden: true }, ownWords, again, el("button", { type: "button", onclick: () => {
    understood = ownWords.textContent;
    show(own, false);
  } }, words.picture.understood));
  const side = el("div", { class: "side" }, panels, el("div", { class: "work-head" }, who, tabs), work, observations.element, card.element, people.element, truth.element);
  const notices = el("div", { class: "notices" }, alarms.element, requests.element, own, taken);
  // One sheet at a time. In one column it may stand out of sight: whoever asked for it is
  // brought there, below the alarms, and whoever is writing stays where they are.
  side.addEventListener("sheet", (event) => {
    const sheet = /** @type {HTMLElement} */ (event.target);
    for (const one of [card.element, people.element, truth.element]) if (one !== sheet) show(one, false);
    if (getComputedStyle(notices).position !== "sticky" || document.activeElement?.closest("input, textarea, select")) return;
    requestAnimationFrame(() => {
      sheet.style.scrollMarginTop = `calc(var(--taken) + ${notices.offsetHeight}px)`;
      sheet.scrollIntoView({ block: "start" });
    });
  });
  const footClock = el("span", { class: "foot-clock digits", "aria-hidden": "true" });
  const foot = el("footer", { class: "foot" },
    el("div", { class: "foot-urgent" }, footClock, el("button", { type: "button", class: "urgent", "aria-keyshortcuts": "e", "data-open": "card", onclick: card.toggle }, words.emergency.button, el("kbd", null, "e")), goIn.element),
    controls.element, truth.button);
  const element = el("div", { class: "therapist" }, head.element,
    el("main", { class: "middle" }, title, el("div", { class: "view" }, notices, pictures.element), side), lines.element, foot,
    alarms.voice, polite);

  /** @type {Map<string, ReturnType<typeof createClientPanel>>} */
  const panelOf = new Map();
  /** @type {Map<string, {checks: ReturnType<typeof createGates>, vitals: ReturnType<typeof createVitals>, release: ReturnType<typeof createCriteria>}>} */
  const workOf = new Map();
  /** @type {Map<string, {phase: string, tab: Tab}>} */
  const picked = new Map();
  /** @type {Seen[]} */
  let seen = [];
  let left = false;
  let lost = false; // the seat went elsewhere, or nobody is signed in any more

  /** @param {ClientView} client @returns {Tab} */
  function tab(client) {
    const held = picked.get(client.seat);
    return held?.phase === client.phase ? held.tab : tabOf[client.phase] ?? "checks";
  }

  /** @param {ClientView} client @returns {{id: Tab, words: string}[]} */
  function tabsFor(client) {
    const open = (client.gates ?? []).filter((gate) => gate.state === "open").length;
    const unmet = (client.criteria ?? []).filter((one) => !one.met).length;
    /** @type {{id: Tab, words: string}[]} */
    const all = [];
    if (client.gates?.length) all.push({ id: "checks", words: `${words.tabs.checks} · ${words.openChecks(open)}` });
    all.push({ id: "vitals", words: words.tabs.vitals });
    if (client.criteria?.length) all.push({ id: "release", words: `${words.tabs.release} · ${words.openChecks(unmet)}` });
    all.push({ id: "after", words: words.tabs.after });
    return all;
  }

  function update() {
    const view = desk.view();
    const clients = view.clients ?? [];
    if (!clients.some((client) => client.seat === chosen)) chosen = clients[0]?.seat ?? "";
    text(title, words.sessionWith(words.and(clients.map((client) => client.name))));
    element.classList.toggle("many", clients.length > 1);
    head.update();
    for (const client of clients) if (known(client.seat)) alarms.local(`direct ${client.seat}`, null);
    alarms.update();
    requests.update();
    pictures.update();
    each(panels, clients, (client) => client.seat, (client) => {
      const panel = createClientPanel(desk, client.seat);
      panelOf.set(client.seat, panel);
      return panel.element;
    }, (_, client) => panelOf.get(client.seat)?.update());
    each(who, clients.length > 1 ? clients : [], (client) => client.seat, (client) => el("button", { type: "button", onclick: () => choose(client.seat) }), (node, client) => {
      text(node, client.name);
      set(node, "aria-pressed", client.seat === chosen ? "true" : "false");
    });
    show(who, clients.length > 1);
    // After the end nobody is filmed: unless two therapists still talk.
    const talking = (view.people ?? []).some((person) => person.present && person.seat !== view.you.seat && words.people.therapists.includes(person.role));
    if (!left && clients.length > 0 && clients.every((client) => words.over.includes(client.phase)) && !talking) {
      left = true;
      media.close();
      pictures.leave();
      controls.leave();
    }
    updateWork();
    observations.update();
    card.update();
    goIn.update();
    lines.update();
    controls.update();
    people.update();
    tick();
  }

  function updateWork() {
    const client = desk.client(chosen);
    if (!client) return;
    const offered = tabsFor(client);
    const now = offered.some((one) => one.id === tab(client)) ? tab(client) : offered[0]?.id ?? "vitals";
    each(tabs, offered, (one) => one.id, (one) => el("button", { type: "button", role: "tab", id: `tab-${one.id}`, "data-tab": one.id, onclick: () => {
      picked.set(chosen, { phase: desk.client(chosen)?.phase ?? "", tab: one.id });
      updateWork();
    }, onkeydown: arrows }), (node, one) => {
      text(node, one.words);
      set(node, "aria-selected", one.id === now ? "true" : "false");
      set(node, "tabindex", one.id === now ? "0" : "-1");
    });
    let parts = workOf.get(chosen);
    if (!parts) {
      const seat = chosen;
      parts = { checks: createGates(desk, seat, observations.enterVitals), vitals: createVitals(desk, seat), release: createCriteria(desk, seat, observations.enterVitals) };
      workOf.set(seat, parts);
    }
    set(work, "aria-labelledby", `tab-${now}`);
    const part = now === "after" ? after : parts[now];
    set(part.element, "tabindex", "0"); // it scrolls
    if (work.firstElementChild !== part.element) {
      work.replaceChildren(part.element);
    }
    part.update();
  }

  /** @param {KeyboardEvent} event */
  function arrows(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = /** @type {HTMLElement[]} */ ([...tabs.children]);
    const here = all.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = step && all[(here + step + all.length) % all.length];
    if (!to) return;
    to.click();
    to.focus();
  }

  /** @param {string} seat */
  function choose(seat) {
    chosen = seat;
    update();
  }

  function tick() {
    head.tick();
    requests.tick();
    alarms.tick();
    pictures.tick();
    for (const panel of panelOf.values()) panel.tick();
    workOf.get(chosen)?.vitals.tick();
    truth.tick(seen);
    const capture = media.capture();
    const deaf = capture.microphone !== "ok" && capture.microphone !== "off";
    text(ownWords, left ? "" : [deaf || capture.soundless ? words.picture.unheard : "", capture.words].filter(Boolean).join(" "));
    show(again, deaf || capture.camera !== "ok" && capture.camera !== "off");
    controls.tick();
    show(own, ownWords.textContent && ownWords.textContent !== understood);
    const t0 = ms(desk.client(chosen)?.t0);
    text(footClock, Number.isNaN(t0) ? "" : tPlus(desk.now() - t0));
    goIn.tick();
    const state = connection.state();
    alarms.local("silent", state.silentFor >= 5000 && (state.name === "open" || state.name === "reconnecting" || state.name === "connecting")
      ? { priority: "high", since: state.since, words: () => words.alarm.serverSilent(span(connection.state().silentFor)) } : null);
  }

  /**
   * Whether the server has brought a client's call for help: its alarm is the
   * better one, since it has called the chaperone.
   *
   * @param {string} seat
   */
  function known(seat) {
    return connection.state().name === "open" && (desk.view().alarms ?? []).some((alarm) => alarm.condition === "help" && alarm.client === seat && !alarm.ended);
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    const at = /** @type {HTMLElement} */ (event.target);
    if (lost || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !controls.keys()) return;
    if (at.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "n") observations.openNote();
    else if (event.key === "e") card.toggle();
    else if (event.key === "g") goIn.key();
    else return;
    event.preventDefault();
  }
  document.addEventListener("keydown", keys);

  desk.take(first);
  update();
  everySecond(tick, () => Date.now());

  return {
    element,
    parts: { pictures },
    tick,
    /** @param {View} view */
    take(view) {
      desk.take(view);
      update();
    },
    /** @param {Seen[]} now */
    seen(now) {
      seen = now;
      pictures.seen(now);
    },
    /**
     * The client's own call for help over the direct line. It stands here first,
     * then the client's page is told so.
     *
     * @param {string} seat
     * @param {Direct} message
     */
    direct(seat, message) {
      if (message.kind !== "help") return;
      const name = desk.name(seat);
      const dial = (desk.view().people ?? []).filter((person) => person.role === "chaperone" && person.phone).map((person) => ({ name: person.name, phone: person.phone ?? "" }));
      if (!known(seat)) alarms.local(`direct ${seat}`, { priority: "high", since: Date.now(), stays: true, said: true, dial, words: () => words.alarm.direct(name) });
      requestAnimationFrame(() => requestAnimationFrame(() => media.sendDirect({ kind: "seen", id: message.id })));
    },
    /** @param {Degraded} degraded */
    degraded(degraded) {
      alarms.local("degraded", degraded.ok ? null : { priority: "high", since: ms(degraded.since), words: () => words.alarm.degraded(timeOfDay(degraded.since), degraded.words, degraded.noted ?? 0) });
    },
    /** @param {ConnectionState} state */
    state(state) {
      tick();
      const replaced = state.name === "replaced";
      const ended = state.name === "ended";
      lost = replaced || ended;
      show(taken, lost);
      // What stands here is old: nothing of it can be used, and it looks so.
      for (const part of [head.element, alarms.element, pictures.element, side, lines.element, foot]) set(part, "inert", lost);
      if (replaced) taken.replaceChildren(el("p", null, words.connection.replaced), el("button", { type: "button", class: "primary", onclick: () => connection.retry() }, words.connection.takeBack));
      if (ended) taken.replaceChildren(...endedWords(state));
    },
    /** Somebody here is under the medicine, and this page is where they are watched from. */
    watching: () => !lost && (desk.view().clients ?? []).some((client) => client.t0 && !words.over.includes(client.phase)),
  };
}

/**
 * Why this page takes part no more, and the way back: to this same place.
 *
 * @param {ConnectionState} state
 */
export function endedWords(state) {
  const signedOut = state.why === "revoked";
  const href = signedOut ? `/?next=${encodeURIComponent(location.pathname.replace(/\/?$/, "/"))}` : location.href;
  return [el("p", null, words.connection.ended[state.why ?? ""] ?? state.words ?? ""), el("a", { class: "button", href }, signedOut ? words.connection.signIn : words.connection.reload)];
}
