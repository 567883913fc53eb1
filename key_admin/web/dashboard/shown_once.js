// @ts-check
/** What was just made, from the answer that showed it to the page that shows it: in memory, and nowhere else. */

/** @typedef {{ key: any, action: string, secret: string, encoding: string }} Shown */

/** @type {Shown | null} */
let shown = null;

/** @param {any} key the answer @param {Omit<Shown, "key">} rest the secret that was typed, for the first token */
export function showOnce(key, rest) {
  shown = { key, ...rest };
}

/** @param {string} keyHash @returns {Shown | null} */
export function takeShown(keyHash) {
  return shown?.key.key_hash === keyHash ? shown : null;
}

export function forgetShown() {
  shown = null;
}
