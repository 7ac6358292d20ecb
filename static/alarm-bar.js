// The alarm bar: absent while all is well, else the alarm that matters most, whole,
// and the others as a count that opens. It stands over the picture's column alone:
// what comes and goes in it moves neither the clock nor a button. It tells the server
// what stands on this screen, sounds what nobody has acknowledged, and shows the
// page's own alarms, which need no server.

import { createActForm, refusedWords } from "./act-form.js";
import { ago, ms, span, timeOfDay } from "./clock.js";
import { each, el, enable, set, show, text, usable, whole } from "./element.js";
import { tel } from "./tel.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Alarm} Alarm
 * @typedef {import("./types.d.ts").Priority} Priority
 *
 * An alarm of this page itself.
 * @typedef {object} LocalAlarm
 * @property {string} id
 * @property {Priority} priority
 * @property {(now: number) => string} words
 * @property {number} since Date.now() ms
 * @property {boolean} [acknowledged]
 * @property {boolean} [stays] until acknowledged; then it goes
 * @property {boolean} [said] by somebody: it comes before what this page noticed
 * @property {import("./types.d.ts").Way[]} [dial] whom to call now
 */

const readAfter = 1000; // ms: what has stood here for less was not seen when somebody pressed
const rank = { low: 1, medium: 2, high: 3 };
const settling = 500; // ms in which a press on an alarm that has just come is not meant for it

/**
 * What nobody has acknowledged comes first; the rest is the server's order.
 *
 * @param {Alarm[]} alarms
 */
function ordered(alarms) {
  return [...alarms].sort((a, b) => Number(Boolean(a.acknowledged)) - Number(Boolean(b.acknowledged)));
}

/** @param {Element} [node] */
const visible = (node) => (node?.getClientRects().length ?? 0) > 0;

/** @param {import("./types.d.ts").Way} way */
function call(way) {
  return el("a", { class: "button", href: tel(way.phone) }, `${way.name} `, whole(way.phone));
}

/**
 * @param {Desk} desk
 * @param {ReturnType<typeof import("./alarm-sound.js").createAlarmSound>} sound
 */
export function createAlarmBar(desk, sound) {
  const local = el("ul", { class: "alarms" });
  const list = el("ul", { class: "alarms", "data-testid": "alarms" });
  const silent = el("p", { class: "alarm-silent" }, words.alarm.silent);
  const together = el("button", { type: "button", class: "alarm-together", "data-act": "AcknowledgeAlarms", hidden: true, onclick: () => void silenceAll() });
  const more = el("button", { type: "button", class: "alarm-more", "aria-expanded": "false", hidden: true, onclick: () => {
    open = !open;
    openedAt = performance.now();
    tick();
  } });
  const element = el("section", { class: "alarm-bar", "aria-label": words.alarm.title, hidden: true }, local, list, together, more, silent);
  const voice = el("div", { class: "spoken", role: "alert", "aria-live": "assertive" });
  /** @type {Map<string, LocalAlarm>} */
  const own = new Map();
  /** @type {Set<string>} */
  const told = new Set();
  /** @type {Map<string, string>} */
  const spoken = new Map();
  /** Since when an alarm stands here at its priority. */
  /** @type {Map<string, {priority: Priority, was?: Priority, since: number}>} */
  const standing = new Map();
  /** What was silenced here, at which priority: a higher one sounds again. */
  /** @type {Map<string, string>} */
  const hushed = new Map();
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();
  let open = false;
  let openedAt = 0;
  let first = "";
  let firstAt = 0;

  /** What somebody has had time to see, whole, and may acknowledge, at the priority that they saw. */
  function seen() {
    const now = performance.now();
    if (now - openedAt < readAfter) return [];
    return (desk.view().alarms ?? []).filter((alarm) => {
      const here = standing.get(alarm.id);
      return alarm.mine && !alarm.acknowledged && visible(rows.get(alarm.id)?.node) && here?.priority === alarm.priority && now - here.since >= readAfter;
    }).slice(0, 100).map((alarm) => ({ alarm: alarm.id, priority: alarm.priority }));
  }

  /** Only what is named is silenced: an alarm that comes while the finger is on its way is not. */
  async function silenceAll() {
    const alarms = seen();
    if (!alarms.length || !usable(together)) return;
    for (const one of alarms) hushed.set(one.alarm, one.priority);
    enable(together, false);
    tick();
    const answer = await desk.command("AcknowledgeAlarms", { alarms });
    enable(together, true);
    if (!answer.ok) for (const one of alarms) hushed.delete(one.alarm);
    tick();
  }

  /** @param {string} id */
  function createRow(id) {
    const shape = el("span", { class: "alarm-shape", "aria-hidden": "true" });
    const priority = el("span", { class: "spoken" });
    const says = el("strong", { class: "alarm-words" });
    const facts = el("span", { class: "alarm-facts" });
    const dial = el("span", { class: "alarm-dial" });
    const acknowledge = el("button", { type: "button", "data-act": "AcknowledgeAlarm", onclick: () => void silence() }, words.alarm.acknowledge);
    const refused = el("span", { role: "alert", hidden: true });
    const resolve = el("button", { type: "button", "data-open": "ClearAlarm", onclick: () => settle() }, words.alarm.resolve);
    const place = el("div", { class: "alarm-form" });
    const node = el("li", { class: "alarm", "data-alarm": id }, shape, el("span", { class: "alarm-text" }, priority, says, facts, dial, refused), el("span", { class: "alarm-buttons" }, acknowledge, resolve), place);

    /** The sound ends with the press, also while the server cannot be told yet. */
    async function silence() {
      if (!usable(acknowledge) || (id === first && performance.now() - firstAt < settling)) return;
      const here = standing.get(id);
      // What has just climbed was pressed as it stood before: the server refuses that.
      const priority = (here?.was && performance.now() - here.since < settling ? here.was : here?.priority) ?? "";
      hushed.set(id, priority);
      enable(acknowledge, false);
      text(acknowledge, words.form.sending);
      tick();
      const answer = await desk.command("AcknowledgeAlarm", { alarm: id, priority });
      enable(acknowledge, true);
      text(acknowledge, words.alarm.acknowledge);
      text(refused, answer.ok ? "" : refusedWords(answer));
      show(refused, !answer.ok);
      if (!answer.ok) hushed.delete(id);
      else if (document.activeElement === document.body || node.contains(document.activeElement)) next()?.focus();
    }

    function settle() {
      const form = createActForm({
        questions: [{ name: "words", label: words.alarm.how, kind: "text" }],
        submit: words.alarm.resolveIt, act: "ClearAlarm", words: words.form,
        send: (values) => desk.command("ClearAlarm", { alarm: id, words: values["words"] }),
        close: () => {
          place.replaceChildren();
          show(resolve, true);
        },
      });
      place.replaceChildren(form.element);
      show(resolve, false);
      form.focus();
    }

    /** @param {Alarm} alarm */
    function update(alarm) {
      set(node, "data-priority", alarm.priority);
      set(node, "data-condition", alarm.condition);
      set(node, "data-acknowledged", alarm.acknowledged ? "yes" : null);
      text(shape, words.alarm.shape[alarm.priority]);
      text(priority, `${words.alarm.priority[alarm.priority]}: `);
      text(says, alarm.words);
      show(acknowledge, alarm.mine && !alarm.acknowledged);
      show(resolve, alarm.may_clear && !place.firstChild);
      each(dial, alarm.ended ? [] : alarm.dial ?? [], (way) => way.phone, call);
    }

    /** @param {Alarm} alarm @param {number} now */
    function age(alarm, now) {
      const said = [words.alarm.since(timeOfDay(alarm.since), span(now - ms(alarm.since)))];
      if (alarm.rungs > 1) said.push(words.alarm.rung(alarm.rung, alarm.rungs));
      if (alarm.late) said.push(words.alarm.late);
      if (alarm.acknowledged) said.push(words.alarm.acknowledged(alarm.acknowledged_by ?? "", ago(ms(alarm.acknowledged), now)));
      if (alarm.ended) said.push(words.alarm.ended);
      text(facts, said.join(" · "));
    }
    return { node, update, age, asking: () => place.firstChild !== null };
  }

  /** The next button that acknowledges, for whoever has no mouse. @returns {HTMLElement | undefined} */
  function next() {
    const all = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[data-act]")]);
    return all.find((button) => visible(button) && usable(button));
  }

  const ownOrdered = () => [...own.values()].sort((a, b) => Number(a.acknowledged ?? false) - Number(b.acknowledged ?? false) || Number(b.said ?? false) - Number(a.said ?? false));

  /** Which alarms stand whole, and the words of the others. */
  function stack() {
    const alarms = ordered(desk.view().alarms ?? []);
    const mine = ownOrdered();
    if ((alarms[0]?.id ?? "") !== first) {
      if (first) firstAt = performance.now();
      first = alarms[0]?.id ?? "";
    }
    const behind = [...mine.slice(1), ...alarms.slice(1).filter((alarm) => !rows.get(alarm.id)?.asking())];
    for (const alarm of alarms) {
      const row = rows.get(alarm.id);
      if (row) set(row.node, "data-behind", behind.includes(alarm) ? "yes" : null);
    }
    for (const node of local.children) set(node, "data-behind", node === local.firstElementChild ? null : "yes");
    /** Two with the same words are told apart by when they began. @param {Alarm | LocalAlarm} alarm */
    const named = (alarm) => {
      if (typeof alarm.words !== "string") return alarm.words(Date.now());
      return alarms.some((other) => other !== alarm && other.words === alarm.words) ? words.alarm.from(alarm.words, timeOfDay(alarm.since)) : alarm.words;
    };
    open &&= behind.length > 0;
    set(element, "data-open", open ? "yes" : null);
    set(more, "aria-expanded", open ? "true" : "false");
    set(more, "data-priority", open ? null : behind.filter((alarm) => !alarm.acknowledged).map((alarm) => alarm.priority).sort((a, b) => rank[b] - rank[a])[0]);
    text(more, open ? words.alarm.fewer : words.alarm.more(behind.length, behind.map((alarm) => `${words.alarm.shape[alarm.priority]} ${named(alarm)}`)));
    show(more, behind.length > 0);
    requestAnimationFrame(() => requestAnimationFrame(tellShown));
  }

  function update() {
    const alarms = ordered(desk.view().alarms ?? []);
    each(list, alarms, (alarm) => alarm.id, (alarm) => {
      const row = createRow(alarm.id);
      rows.set(alarm.id, row);
      return row.node;
    }, (_, alarm) => rows.get(alarm.id)?.update(alarm));
    for (const id of rows.keys()) if (!alarms.some((alarm) => alarm.id === id)) rows.delete(id);
    for (const id of standing.keys()) if (!rows.has(id)) standing.delete(id);
    for (const { id, priority } of alarms) {
      const was = standing.get(id)?.priority;
      if (was !== priority) standing.set(id, { priority, was, since: performance.now() });
    }
    // A tab in the background says it too.
    const worst = alarms.find((alarm) => !alarm.acknowledged);
    const names = words.and((desk.view().clients ?? []).map((client) => client.name));
    document.title = worst ? `${words.alarm.shape[worst.priority]} ${worst.words}` : names;
    speak(alarms);
    tick();
  }

  /** Only what somebody can see is shown: neither what is folded away nor a hidden page. */
  function tellShown() {
    if (document.visibilityState !== "visible") return;
    for (const alarm of desk.view().alarms ?? []) {
      if (alarm.shown || told.has(alarm.id) || !visible(rows.get(alarm.id)?.node)) continue;
      told.add(alarm.id);
      void desk.command("ShowAlarm", { alarm: alarm.id }).then((answer) => {
        if (!answer.ok) told.delete(alarm.id);
      });
    }
  }

  /** @param {Alarm[]} alarms the one that matters most first */
  function speak(alarms) {
    const fresh = alarms.filter((alarm) => !alarm.acknowledged && spoken.get(alarm.id) !== `${alarm.priority} ${alarm.rung}`);
    for (const alarm of fresh) spoken.set(alarm.id, `${alarm.priority} ${alarm.rung}`);
    if (fresh.length) utter(fresh.map((alarm) => `${words.alarm.priority[alarm.priority]}: ${alarm.words}`));
  }

  /** Anew each time: the same words are an alarm of their own. @param {string[]} said */
  function utter(said) {
    voice.replaceChildren(...said.map((one) => el("p", null, one)));
  }

  function tick() {
    const now = desk.now();
    const alarms = desk.view().alarms ?? [];
    for (const alarm of alarms) rows.get(alarm.id)?.age(alarm, now);
    const mine = ownOrdered();
    each(local, mine, (alarm) => alarm.id, makeLocal, (node, alarm) => {
      set(node, "data-acknowledged", alarm.acknowledged ? "yes" : null);
      text(node.querySelector(".alarm-words"), alarm.words(Date.now()));
      show(node.querySelector("button"), !alarm.acknowledged);
    });
    const sounding = [...alarms, ...mine].filter((alarm) => !alarm.acknowledged && hushed.get(alarm.id) !== alarm.priority).map((alarm) => alarm.priority).sort((a, b) => rank[b] - rank[a]);
    sound.set(sounding[0] ?? null);
    const loud = alarms.filter((alarm) => alarm.mine && !alarm.acknowledged).length;
    show(together, open && loud > 1 && desk.action("AcknowledgeAlarms")?.allowed);
    text(together, words.alarm.together(loud));
    show(silent, sound.blocked());
    show(element, alarms.length + mine.length > 0 || sound.blocked());
    stack();
  }

  /** @param {LocalAlarm} alarm */
  function makeLocal(alarm) {
    utter([alarm.words(Date.now())]);
    const acknowledge = el("button", { type: "button", "data-act": "local", onclick: () => {
      alarm.acknowledged = true;
      if (alarm.stays) own.delete(alarm.id);
      tick();
    } }, words.alarm.acknowledge);
    return el("li", { class: "alarm", "data-priority": alarm.priority, "data-local": alarm.id },
      el("span", { class: "alarm-shape", "aria-hidden": "true" }, words.alarm.shape[alarm.priority]),
      el("span", { class: "alarm-text" }, el("strong", { class: "alarm-words" }), el("span", { class: "alarm-facts" }, words.alarm.here), el("span", { class: "alarm-dial" }, ...(alarm.dial ?? []).map(call))),
      el("span", { class: "alarm-buttons" }, acknowledge));
  }

  document.addEventListener("visibilitychange", tellShown);

  return {
    element,
    voice,
    update,
    tick,
    /**
     * Raises an alarm of this page, or takes it away.
     *
     * @param {string} id
     * @param {Omit<LocalAlarm, "id"> | null} alarm
     */
    local(id, alarm) {
      if (!alarm) own.delete(id);
      else if (!own.has(id)) own.set(id, { id, ...alarm });
      tick();
    },
  };
}
