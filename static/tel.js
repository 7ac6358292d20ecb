// A telephone number as a link that dials it.

/**
 * tel is the address that dials a number as somebody wrote it. What follows an "x" or
 * "ext." is an extension and no part of the number (RFC 3966, section 5.3).
 *
 * @param {string} phone
 */
export function tel(phone) {
  const [number = "", extension = ""] = phone.split(/e?xt?\.?/i).map((part) => part.replace(/[^+\d]/g, ""));
  return extension ? `tel:${number};ext=${extension}` : `tel:${number}`;
}
