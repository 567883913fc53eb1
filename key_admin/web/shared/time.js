// @ts-check
/** Times as people read them: near ones relative, all local, UTC on hover. */

import { html, useEffect, useState } from "./html.js";

const SECOND = 1_000;
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["year", 365 * 86_400 * SECOND],
  ["month", 30 * 86_400 * SECOND],
  ["day", 86_400 * SECOND],
  ["hour", 3_600 * SECOND],
  ["minute", 60 * SECOND],
  ["second", SECOND],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const TICK_MS = 15_000;

/** "in 3 hours", "2 minutes ago". @param {Date} date @param {number} [now] */
export function relativeTime(date, now = Date.now()) {
  const distance = date.getTime() - now;
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size || unit === "second") return RELATIVE.format(Math.round(distance / size), unit);
  }
  return "";
}

/** @param {string} at */
export function localTime(at) {
  return LOCAL.format(new Date(at));
}

/** @param {{ at: string | null | undefined, never?: string, isExact?: boolean }} props */
export function Time({ at, never = "never", isExact = false }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (!at) return html`<span class="faint">${never}</span>`;
  const date = new Date(at);
  const utc = `${date.toISOString().replace("T", " ").slice(0, 19)} UTC`;
  const local = localTime(at);
  return html`<time datetime=${at} title=${isExact ? utc : `${local} · ${utc}`}>${isExact ? `${local} (${relativeTime(date)})` : relativeTime(date)}</time>`;
}

/** What `<input type="datetime-local">` takes. @param {Date} date */
export function toLocalInput(date) {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60 * SECOND);
  return shifted.toISOString().slice(0, 16);
}

/** RFC 3339 in UTC, to the second. @param {Date} date */
export function toUtc(date) {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The date some days ago, as the API writes it. @param {number} days */
export function dateBefore(days) {
  return new Date(Date.now() - days * 86_400 * SECOND).toISOString().slice(0, 10);
}
