// Another camera, microphone or loudspeaker while the session goes on, and a
// word to the microphone that music plays in the room.

import { each, el, show } from "./element.js";

/** @typedef {import("./types.d.ts").Media} Media */
/** @typedef {{title: string, camera: string, microphone: string, speaker: string, standard: string, music: string, musicHint: string}} Words */

/**
 * createDevices makes a part that is folded away until it is wanted. Where there
 * is nothing to choose from, nothing is offered.
 *
 * @param {{media: Media, speaker: (id: string) => void, music: (on: boolean) => void, words: Words}} options speaker: plays through another loudspeaker;
 *   music: tells that music plays in the room, or no more
 */
export function createDevices({ media, speaker, music: onMusic, words }) {
  const camera = el("select", { "data-testid": "choose-camera", onchange: () => void media.start({ camera: camera.value }) });
  const microphone = el("select", { "data-testid": "choose-microphone", onchange: () => void media.start({ microphone: microphone.value }) });
  const loudspeaker = el("select", { "data-testid": "choose-speaker", onchange: () => speaker(loudspeaker.value) });
  const music = el("input", { type: "checkbox", "data-testid": "music", onchange: () => onMusic(music.checked) });
  const rows = {
    videoinput: { select: camera, row: el("label", null, words.camera, camera), least: 2 },
    audioinput: { select: microphone, row: el("label", null, words.microphone, microphone), least: 2 },
    audiooutput: { select: loudspeaker, row: el("label", null, words.speaker, loudspeaker), least: "setSinkId" in HTMLMediaElement.prototype ? 2 : Infinity },
  };
  const element = el("details", { class: "devices", ontoggle: () => element.open && void list() },
    el("summary", null, words.title),
    el("div", { class: "devices-rows" }, ...Object.values(rows).map(({ row }) => row),
      el("label", { class: "choice" }, music, words.music), el("p", { class: "hint" }, words.musicHint)));

  async function list() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
    for (const [kind, { select, row, least }] of Object.entries(rows)) {
      const found = all.filter((one) => one.kind === kind && one.deviceId && one.deviceId !== "default");
      show(row, found.length >= least);
      const had = select.value;
      each(select, [{ deviceId: "", label: words.standard }, ...found], (one) => one.deviceId, (one) => el("option", { value: one.deviceId }, one.label || kind));
      select.value = found.some((one) => one.deviceId === had) ? had : "";
    }
  }
  navigator.mediaDevices?.addEventListener?.("devicechange", () => element.open && void list());

  return {
    element,
    /** Music plays, as everybody has been told. @param {boolean} on */
    playing(on) {
      music.checked = on;
    },
  };
}
