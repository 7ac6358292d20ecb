// What a browser keeps for a page. Some keep nothing, or say so only when they are asked:
// the page then remembers it for as long as it lives.

/**
 * @param {() => Storage} storage
 */
function kept(storage) {
  /** @type {Map<string, string>} */
  const own = new Map(); // what could not be kept
  return {
    /** @param {string} key */
    read(key) {
      try {
        return own.get(key) ?? storage().getItem(key);
      } catch {
        return null;
      }
    },
    /** @param {string} key @param {string} value */
    write(key, value) {
      try {
        storage().setItem(key, value);
        own.delete(key);
      } catch {
        own.set(key, value);
      }
    },
    /** @param {string} key */
    drop(key) {
      own.delete(key);
      try {
        storage().removeItem(key);
      } catch {
        // There was nothing.
      }
    },
    /**
     * What was written as JSON; null where there is none, or it is something else.
     *
     * @param {string} key
     */
    value(key) {
      try {
        return JSON.parse(this.read(key) ?? "null");
      } catch {
        return null;
      }
    },
  };
}

/** Through a reload of this tab, and no longer. */
export const tab = kept(() => sessionStorage);

/** In this browser. */
export const browser = kept(() => localStorage);
