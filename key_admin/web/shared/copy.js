// @ts-check
/** Copy with one press, and hear that it was done. */

import { html, useState } from "./html.js";
import { Icon } from "./icons.js";
import { toast } from "./toast.js";

const SHOWN_MS = 1_600;

/** @param {{ value: string, what: string, label?: string, class?: string }} props */
export function Copy({ value, what, label, class: classes = "quiet" }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(value))) {
      toast(`The browser did not let the page copy the ${what}; select it and copy it by hand.`, { kind: "problem" });
      return;
    }
    setCopied(true);
    toast(`Copied the ${what}.`);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return html`<button type="button" class="copy ${classes}" onClick=${copy} aria-label=${label ? null : `Copy the ${what}`} title=${`Copy the ${what}`}>
    <${Icon} name=${isCopied ? "check" : "copy"} />${label}
  </button>`;
}

/** An id, shortened, with all of it in the copy. @param {{ value: string, what: string }} props */
export function ShortId({ value, what }) {
  return html`<span class="short-id"><code title=${value}>${value.slice(0, 10)}…</code><${Copy} value=${value} what=${what} /></span>`;
}

/** @param {string} text @returns {Promise<boolean>} whether it was copied */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
