// Leaving by accident: a swipe, the back button, a closed tab. It is caught for
// as long as the visit lasts, and never after.

const meant = 2000; // ms in which a browser hands a number over to the telephone, or begins to load

/**
 * askBeforeLeaving has the browser ask, in its own words, whoever closes or reloads the
 * page or goes elsewhere while wanted() says so. Who dials a number does not leave,
 * although browsers take it for that: nobody is asked anything before a call, nor before
 * a page is loaded again that has itself asked for it.
 *
 * @param {() => boolean} wanted
 */
export function askBeforeLeaving(wanted) {
  let pressed = -meant;
  addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest('a[href^="tel:"], [data-reloads]')) pressed = performance.now();
  }, { capture: true, passive: true });
  addEventListener("beforeunload", (event) => {
    if (performance.now() - pressed < meant || !wanted()) return;
    event.preventDefault();
    // Older browsers ask only where this is set.
    event.returnValue = "";
  });
}

/**
 * guardLeaving asks wanted() each time somebody is about to leave. OnCaught is
 * called when "back" was caught and one is still here.
 *
 * @param {{wanted: () => boolean, onCaught: () => void}} options
 * @returns {() => void} arm: call it when the guard may have become wanted
 */
export function guardLeaving({ wanted, onCaught }) {
  let armed = false;

  function arm() {
    if (armed || !wanted()) return;
    armed = true;
    // One entry more: "back" leads to this same page.
    history.pushState({ belay: "here" }, "");
  }

  addEventListener("popstate", () => {
    if (!wanted()) return;
    history.pushState({ belay: "here" }, "");
    onCaught();
  });
  askBeforeLeaving(wanted);
  // Browsers count an entry only after somebody has touched the page.
  addEventListener("pointerup", arm, { passive: true });
  return arm;
}
