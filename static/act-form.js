// A small form that stands in the place of the button that opened it, asks what
// an act needs, names its consequence, and sends it. It never covers anything,
// is built once when it is opened, and is not touched by later views: nothing
// that somebody is writing is lost.

import { el } from './element.js';
import { latestAt, timeOfDay } from './session-time.js';

/**
 * One question. "clock" is a time of today ("14:03"), "moment" a date and time,
 * "long" several lines, "check" must be ticked.
 * @typedef {object} Question
 * @property {string} name
 * @property {string} label
 * @property {'text'|'long'|'tel'|'number'|'state'|'check'|'clock'|'moment'|'choice'} kind
 * @property {boolean} [optional]
 * @property {string} [value] what stands in it at first
 * @property {string} [hint]
 * @property {{value: string, label: string}[]} [choices]
 * @property {number} [min]
 * @property {number} [max]
 * @property {string} [step]
 */

/** @typedef {{ok: boolean, refused?: {code?: string, words: string, missing?: string[]}|null}} Result */
/** @typedef {Record<string, string>} Values */

/** @typedef {{required: string, number: (min: number, max: number) => string, cancel: string, sending: string, choose: string, optional: string}} FormWords */

/**
 * @param {object} options
 * @param {string} [options.title]
 * @param {Question[]} options.questions
 * @param {(values: Values) => string} [options.consequence] what will be true when it is sent; painted anew with every keystroke
 * @param {string} options.submit the button's words
 * @param {string} [options.act] the act that the button sends, for tests
 * @param {boolean} [options.grave] it cannot be undone
 * @param {string[]} [options.states] postal codes to choose from
 * @param {FormWords} options.words
 * @param {(values: Values) => Promise<Result>} options.send
 * @param {() => void} options.close called when it was sent, or given up
 */
export function createActForm(options) {
  const { words } = options;
  /** @type {Map<string, {question: Question, input: HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement, problem: HTMLElement}>} */
  const fields = new Map();
  const rows = options.questions.map((question) => row(question));
  const consequence = el('p', { class: 'act-form-consequence' });
  const refused = el('p', { class: 'act-form-refused', role: 'alert' });
  const submit = /** @type {HTMLButtonElement} */ (el('button', { type: 'submit', class: options.grave ? 'button button-grave' : 'button button-primary' }, options.submit));
  if (options.act) submit.dataset.act = options.act;
  const cancel = /** @type {HTMLButtonElement} */ (el('button', { type: 'button', class: 'button button-quiet' }, words.cancel));
  const form = /** @type {HTMLFormElement} */ (el('form', { class: 'act-form', novalidate: '' },
    options.title ? el('h4', { class: 'act-form-title' }, options.title) : '',
    ...rows, consequence, refused, el('div', { class: 'act-form-buttons' }, submit, cancel)));

  /** @param {Question} question */
  function row(question) {
    const id = `q-${question.name}-${Math.random().toString(36).slice(2, 8)}`;
    const problem = el('span', { class: 'act-form-problem', id: `${id}-problem` });
    const input = control(question, id);
    fields.set(question.name, { question, input, problem });
    const label = el('label', { for: id }, question.optional ? `${question.label} ${words.optional}` : question.label);
    const hint = question.hint ? el('span', { class: 'act-form-hint', id: `${id}-hint` }, question.hint) : '';
    input.setAttribute('aria-describedby', `${id}-problem${question.hint ? ` ${id}-hint` : ''}`);
    if (question.kind === 'check') return el('div', { class: 'act-form-row act-form-check' }, input, label, problem);
    return el('div', { class: `act-form-row act-form-${question.kind}` }, label, hint, input, problem);
  }

  /**
   * @param {Question} question
   * @param {string} id
   */
  function control(question, id) {
    const name = { id, name: question.name, autocomplete: 'off' };
    const value = question.value ?? '';
    if (question.kind === 'long') {
      const area = /** @type {HTMLTextAreaElement} */ (el('textarea', { ...name, rows: '3' }));
      area.value = value;
      return area;
    }
    if (question.kind === 'state' || question.kind === 'choice') {
      const choices = question.kind === 'choice' ? question.choices ?? [] : (options.states ?? []).map((s) => ({ value: s, label: s }));
      if (question.kind === 'state' && value && !choices.some((c) => c.value === value)) choices.push({ value, label: value });
      const select = /** @type {HTMLSelectElement} */ (el('select', name, el('option', { value: '' }, words.choose), ...choices.map((c) => el('option', { value: c.value }, c.label))));
      select.value = value;
      return select;
    }
    const types = { text: 'text', tel: 'tel', number: 'text', check: 'checkbox', clock: 'time', moment: 'datetime-local' };
    const input = /** @type {HTMLInputElement} */ (el('input', { ...name, type: types[question.kind] }));
    if (question.kind === 'number') input.inputMode = question.step === 'any' ? 'decimal' : 'numeric';
    if (question.kind === 'check') input.checked = value === 'yes';
    else input.value = value;
    return input;
  }

  /** @returns {Values} */
  function values() {
    /** @type {Values} */
    const all = {};
    for (const [name, { question, input }] of fields) {
      if (question.kind === 'check') all[name] = /** @type {HTMLInputElement} */ (input).checked ? 'yes' : '';
      else all[name] = input.value.trim();
    }
    return all;
  }

  function check() {
    /** @type {HTMLElement|null} */
    let first = null;
    const all = values();
    for (const [name, { question, input, problem }] of fields) {
      let says = '';
      const value = all[name] ?? '';
      if (!question.optional && value === '') says = words.required;
      else if (question.kind === 'number' && value !== '') {
        const n = Number(value.replace(',', '.'));
        const low = question.min ?? 0;
        const high = question.max ?? Infinity;
        if (!Number.isFinite(n) || n < low || n > high || (question.step !== 'any' && !Number.isInteger(n))) says = words.number(low, high);
      }
      problem.textContent = says;
      input.toggleAttribute('aria-invalid', says !== '');
      if (says !== '') {
        input.setAttribute('aria-invalid', 'true');
        first ??= input;
      }
    }
    first?.focus();
    return first === null;
  }

  function paint() {
    const says = options.consequence?.(values()) ?? '';
    consequence.hidden = says === '';
    if (consequence.textContent !== says) consequence.textContent = says;
  }

  form.addEventListener('input', paint);
  cancel.addEventListener('click', () => options.close());
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      options.close();
    }
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.getAttribute('aria-disabled') === 'true' || !check()) return;
    submit.setAttribute('aria-disabled', 'true');
    submit.textContent = words.sending;
    refused.textContent = '';
    const result = await options.send(values());
    submit.removeAttribute('aria-disabled');
    submit.textContent = options.submit;
    if (result.ok) {
      options.close();
      return;
    }
    const missing = result.refused?.missing ?? [];
    refused.textContent = [result.refused?.words ?? '', ...missing].filter(Boolean).join(' · ');
  });
  paint();

  return {
    element: form,
    /** Puts the cursor where one begins. */
    focus() {
      const first = [...fields.values()].find(({ question }) => question.kind !== 'check')?.input ?? [...fields.values()][0]?.input ?? submit;
      first.focus();
    },
  };
}

/**
 * The moment that a "clock" answer means: the last time that clocks showed it.
 * @param {string} value "14:03"
 * @param {number} now session time in ms
 * @returns {string} RFC 3339
 */
export function clockAnswer(value, now) {
  return new Date(latestAt(value, now)).toISOString();
}

/**
 * @param {number} now session time in ms
 * @returns {string} what a "clock" question shows for it
 */
export function clockValue(now) {
  return timeOfDay(now);
}

/**
 * The moment that a "moment" answer means, in the browser's own time zone.
 * @param {string} value "2026-11-23T14:00"
 * @returns {string} RFC 3339, or empty
 */
export function momentAnswer(value) {
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
