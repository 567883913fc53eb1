// @ts-check
/** A limit as a meter: used, left, when it comes back, and where it comes from. */

import { html } from "./html.js";
import { Time } from "./time.js";
import { grouped } from "./words.js";

const NEARLY = 0.8;

/**
 * @param {{ words: string, name: string, source: any, used: number, limit: number, remaining: number,
 *           resetsAt: string | null, isReachable?: boolean, action?: any }} props
 */
export function Meter({ words, name, source, used, limit, remaining, resetsAt, isReachable = true, action }) {
  const share = limit > 0 ? Math.min(used / limit, 1) : 1;
  const state = remaining <= 0 ? "spent" : share >= NEARLY ? "nearly" : "well";
  return html`<div class="meter ${state}">
    <div class="meter-head">
      <strong>${words}</strong>
      <span class="faint">${name === "default" ? "" : name}</span>
      <span class="source">${source}</span>
      ${action}
    </div>
    <div class="meter-bar" role="meter" aria-label=${words} aria-valuemin="0" aria-valuemax=${limit} aria-valuenow=${Math.min(used, limit)} aria-valuetext=${`${grouped(used)} of ${grouped(limit)} used`}>
      <span style=${{ width: `${share * 100}%` }} />
    </div>
    <div class="meter-foot">
      <span>${grouped(used)} used, ${grouped(remaining)} left</span>
      ${resetsAt && used > 0 && html`<span>resets <${Time} at=${resetsAt} /></span>`}
      ${!isReachable && html`<span class="warn">No grant of this key reaches it.</span>`}
    </div>
  </div>`;
}
