// @ts-check
/** Short messages in a live region, which a reader hears and which leave by themselves. */

import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icons.js";

/** @typedef {{ id: number, message: string, kind: string, action?: { label: string, act: () => void } }} Toast */

const SHOWN_MS = 5_000;
const SHOWN_WITH_ACTION_MS = 10_000;
/** @type {Toast[]} */
let toasts = [];
let lastId = 0;
/** @type {() => void} */
let announce = () => {};

/** @param {string} message @param {{ kind?: "done" | "problem", action?: { label: string, act: () => void } }} [options] */
export function toast(message, { kind = "done", action } = {}) {
  const id = ++lastId;
  toasts = [...toasts.slice(-2), { id, message, kind, action }];
  announce();
  if (kind !== "problem") setTimeout(() => dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
}

/** @param {number} id */
function dismiss(id) {
  toasts = toasts.filter((each) => each.id !== id);
  announce();
}

export function Toasts() {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    announce = () => setShown(toasts);
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(
      ({ id, message, kind, action }) =>
        html`<div class="toast ${kind}" key=${id}>
          <span>${message}</span>
          ${action &&
          html`<button
            type="button"
            class="quiet"
            onClick=${() => {
              dismiss(id);
              action.act();
            }}
          >
            ${action.label}
          </button>`}
          <button type="button" class="quiet icon-button" aria-label="Close the message" onClick=${() => dismiss(id)}><${Icon} name="cross" /></button>
        </div>`,
    )}
  </div>`;
}
