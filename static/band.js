// The band: where in the visit a client is, at one look. A line from T+0 to the
// planned end, with the hold, the window in which returning is expected, the
// earliest release, and now. Everything on it comes from the view's windows.

import { el } from './element.js';
import { minutesSince } from './therapist-time.js';
import { words } from './therapist-words.js';

/** @typedef {import('./types.js').ClientView} ClientView */

/**
 * Makes the band of one client. update() is idempotent.
 */
export function createBand() {
  const hold = el('div', { class: 'band-hold' });
  const window_ = el('div', { class: 'band-window' });
  const past = el('div', { class: 'band-past' });
  const doses = el('div', { class: 'band-doses' });
  const ticks = el('div', { class: 'band-ticks' });
  const marker = el('div', { class: 'band-now' });
  const track = el('div', { class: 'band-track' }, past, hold, window_, doses, marker);
  const element = el('div', { class: 'band', role: 'img' }, track, ticks);
  let drawn = '';

  /**
   * @param {ClientView} client
   * @param {number} now session time in ms
   */
  function update(client, now) {
    const windows = client.windows;
    const t0 = client.t0;
    element.hidden = !windows || !t0;
    if (!windows || !t0) return;
    const at = (/** @type {string} */ time) => minutesSince(t0, Date.parse(time));
    const elapsed = minutesSince(t0, now);
    const end = Math.max(at(windows.planned_end), at(windows.release_from), Math.ceil(elapsed / 15) * 15, 1);
    const share = (/** @type {number} */ minutes) => `${Math.min(100, Math.max(0, (minutes / end) * 100))}%`;
    const place = (/** @type {HTMLElement} */ node, /** @type {number} */ from, /** @type {number} */ to) => {
      node.style.setProperty('left', share(from));
      node.style.setProperty('right', `calc(100% - ${share(to)})`);
    };

    const shape = JSON.stringify([windows, client.doses?.map((d) => [d.number, d.at]), end]);
    if (shape !== drawn) {
      drawn = shape;
      place(hold, 0, at(windows.hold_ends));
      place(window_, at(windows.offered), at(windows.overdue));
      const marks = new Map([[0, '0'], [at(windows.offered), ''], [at(windows.overdue), ''], [at(windows.release_from), words.band.release], [at(windows.planned_end), '']]);
      ticks.replaceChildren(...[...marks].sort((a, b) => a[0] - b[0]).map(([minute, name]) => {
        const tick = el('span', { class: name === words.band.release ? 'band-tick band-tick-release' : 'band-tick' }, name && name !== '0' ? `${Math.round(minute)} ${name}` : String(Math.round(minute)));
        tick.style.setProperty('left', share(minute));
        return tick;
      }));
      doses.replaceChildren(...(client.doses ?? []).slice(1).map((dose) => {
        const mark = el('span', { class: 'band-dose' }, String(dose.number));
        mark.style.setProperty('left', share(at(dose.at)));
        return mark;
      }));
    }
    place(past, 0, elapsed);
    marker.style.setProperty('left', share(elapsed));
    const said = words.band.said(Math.floor(elapsed), at(windows.hold_ends), at(windows.offered), at(windows.overdue), at(windows.release_from), at(windows.planned_end));
    if (element.getAttribute('aria-label') !== said) element.setAttribute('aria-label', said);
  }

  return { element, update };
}
