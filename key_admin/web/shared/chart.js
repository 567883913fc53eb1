// @ts-check
/** Days as bars: allowed, and refused on top of them; the same as a table behind a switch. */

import { html, useState } from "./html.js";
import { grouped } from "./words.js";

/** @typedef {{ date: string, allowed: number, refused: number }} Day */

const WIDE = 720;
const NARROW = 340; // so that its words stay readable
const HEIGHT = 150;
const FOOT = 18;

/** Every day of the interval, also those without requests. @param {Day[]} days @param {number} count */
export function fillDays(days, count) {
  const known = new Map(days.map((day) => [day.date, day]));
  return Array.from({ length: count }, (_, place) => {
    const date = new Date(Date.now() - (count - 1 - place) * 86_400_000).toISOString().slice(0, 10);
    return known.get(date) ?? { date, allowed: 0, refused: 0 };
  });
}

/** @param {{ days: Day[], title: string }} props */
export function DayChart({ days, title }) {
  const [isTable, setTable] = useState(false);
  const allowed = days.reduce((sum, day) => sum + day.allowed, 0);
  const refused = days.reduce((sum, day) => sum + day.refused, 0);
  return html`<figure class="chart">
    <figcaption>
      <span class="key allowed">${grouped(allowed)} allowed</span>
      <span class="key refused">${grouped(refused)} refused</span>
      <button type="button" class="quiet" aria-pressed=${isTable ? "true" : "false"} onClick=${() => setTable(!isTable)}>As a table</button>
    </figcaption>
    ${isTable ? html`<${DayTable} days=${days} title=${title} />` : html`<${Bars} days=${days} label=${`${title}: ${grouped(allowed)} allowed, ${grouped(refused)} refused`} />`}
  </figure>`;
}

/** @param {{ days: Day[], label: string }} props */
function Bars({ days, label }) {
  const most = Math.max(1, ...days.map((day) => day.allowed + day.refused));
  const width = matchMedia("(max-width: 46rem)").matches ? NARROW : WIDE;
  const step = width / days.length;
  const scale = (HEIGHT - FOOT - 14) / most;
  const ground = HEIGHT - FOOT;
  return html`<svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label=${label}>
    <line class="axis" x1="0" x2=${width} y1=${ground} y2=${ground} />
    <text class="mark" x="0" y="9">${grouped(most)}</text>
    <line class="grid" x1="0" x2=${width} y1="14" y2="14" />
    ${days.map(({ date, allowed, refused }, place) => {
      const x = place * step + step * 0.15;
      const thickness = step * 0.7;
      return html`<g key=${date}>
        <title>${`${date}: ${grouped(allowed)} allowed, ${grouped(refused)} refused`}</title>
        <rect class="target" x=${place * step} y="0" width=${step} height=${ground} />
        <rect class="allowed" x=${x} y=${ground - allowed * scale} width=${thickness} height=${allowed * scale} />
        <rect class="refused" x=${x} y=${ground - (allowed + refused) * scale} width=${thickness} height=${refused * scale} />
        ${(days.length - 1 - place) % 7 === 0 && html`<text class="mark" x=${place * step + step / 2} y=${HEIGHT - 4} text-anchor=${place === days.length - 1 ? "end" : "middle"}>${date.slice(5)}</text>`}
      </g>`;
    })}
  </svg>`;
}

/** @param {{ days: Day[], title: string }} props */
function DayTable({ days, title }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}>
    <table class="plain">
      <caption class="out-of-sight">${title}</caption>
      <thead><tr><th scope="col">Date (UTC)</th><th scope="col" class="number">Allowed</th><th scope="col" class="number">Refused</th></tr></thead>
      <tbody>
        ${[...days].reverse().map((day) => html`<tr key=${day.date}><td>${day.date}</td><td class="number">${grouped(day.allowed)}</td><td class="number">${grouped(day.refused)}</td></tr>`)}
      </tbody>
    </table>
  </div>`;
}
