// Calls to the console's API. What is no success is thrown with the server's
// own words, which are for the person at the screen.

/** Problem is an answer that is no success. */
export class Problem extends Error {
  /**
   * @param {string} code
   * @param {string} words
   */
  constructor(code, words) {
    super(words);
    this.code = code;
  }
}

/**
 * call sends one request and returns the answer's JSON.
 *
 * @param {"GET" | "POST" | "PUT" | "DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new Problem("away", "The server does not answer. Nothing was changed. Please check the connection and try again.");
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(String(said?.code ?? "failed"), String(said?.words ?? `The server answered with an error (${answer.status}).`));
  return said;
}

/** @param {unknown} error */
export function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}
