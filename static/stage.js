// The pictures, in one place for as long as the page lives: screens change
// around them, and neither picture nor sound is interrupted by that.

import { el, set, show } from "./element.js";
import { words } from "./client-words.js";
import { createLoudspeaker } from "./loudspeaker.js";
import { heldBack, play, release } from "./play.js";

const stillAfter = 2; // s without a new frame: the picture is no longer how it is there now

/**
 * createStage shows whoever is received, large, and oneself, small.
 *
 * @param {{onSound: () => void, onPicture: () => void}} options onSound: needsTap may say
 *   something else now; onPicture: somebody's first picture stands there, not measured yet
 */
export function createStage({ onSound, onPicture }) {
  /** @type {Map<string, HTMLVideoElement>} */
  const faces = new Map();
  const others = el("div", { class: "faces" });
  const self = el("video", { class: "self", autoplay: true, playsinline: true, hidden: true, "aria-label": words.selfView, "data-testid": "self" });
  self.muted = true;
  const element = el("section", { class: "stage", "aria-label": words.pictures }, others, self);
  const loudspeaker = createLoudspeaker(() => faces.values());

  return {
    element,
    /** @param {string} seat @param {MediaStream} stream */
    remote(seat, stream) {
      let face = faces.get(seat);
      if (!face) {
        face = el("video", { class: "face", autoplay: true, playsinline: true, "aria-label": words.therapistView, "data-testid": "remote", "data-seat": seat, onloadeddata: onPicture });
        faces.set(seat, face);
        others.append(face);
      }
      void loudspeaker.apply(face);
      play(face, stream, onSound);
    },
    /** @param {string} seat */
    gone(seat) {
      faces.get(seat)?.remove();
      faces.delete(seat);
    },
    /**
     * A picture that stands still does not look like somebody who is there; of who has
     * left, none stays.
     *
     * @param {import("./types.d.ts").Seen[]} seen
     * @param {string[]} left the seats that are known not to be connected
     */
    look(seen, left) {
      for (const [seat, face] of faces) {
        const still = !seen.some((one) => one.seat === seat && one.frame_age >= 0 && one.frame_age < stillAfter);
        set(face, "data-still", still ? "yes" : null);
        set(face, "data-left", still && left.includes(seat) ? "yes" : null);
      }
    },
    /** @param {MediaStream} stream */
    local(stream) {
      const picture = stream.getVideoTracks().some((track) => track.readyState === "live");
      if (self.srcObject !== stream) self.srcObject = stream;
      show(self, picture);
      if (picture) void self.play().catch(() => {});
    },
    loudspeaker,
    /** Whether somebody's sound is kept from being heard. */
    needsTap: () => [...faces.values()].some(heldBack),
    /** letOut lets it out: in a tap, or once the browser may allow it without one. */
    async letOut() {
      await release(faces.values());
      onSound();
    },
    any: () => faces.size > 0,
    clear() {
      self.srcObject = null;
      show(self, false);
      for (const face of faces.values()) face.remove();
      faces.clear();
    },
  };
}
