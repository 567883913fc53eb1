// @ts-check
/** Limits and numbers in words. */

const NUMBER = new Intl.NumberFormat("en");
/** @type {Record<string, string>} */
const ONE_LETTER = { s: "second", m: "minute", h: "hour", d: "day" };

/** @typedef {{ limit: number | string, period: string, name?: string, api?: string, scope?: string, anchor?: string }} Limit */

/** @param {number | null | undefined} value */
export function grouped(value) {
  return value === null || value === undefined ? "" : NUMBER.format(value);
}

/** @param {number} count @param {string} noun @param {string} [nouns] */
export function counted(count, noun, nouns = `${noun}s`) {
  return `${grouped(count)} ${count === 1 ? noun : nouns}`;
}

/** "10 seconds", "month", "never". @param {string} period */
export function periodInWords(period) {
  const match = /^(\d+)s$/.exec(period);
  if (!match) return ONE_LETTER[period] ?? period;
  return wholeUnit(Number(match[1]));
}

/** @param {number} seconds */
function wholeUnit(seconds) {
  for (const [size, unit] of /** @type {[number, string][]} */ ([[86_400, "day"], [3_600, "hour"], [60, "minute"]])) {
    if (seconds % size === 0) return seconds === size ? unit : `${seconds / size} ${unit}s`;
  }
  return seconds === 1 ? "second" : `${seconds} seconds`;
}

/** "in 3 days" lasts "3 days". @param {number} seconds */
export function duration(seconds) {
  const words = wholeUnit(seconds);
  return /^\d/.test(words) ? words : `1 ${words}`;
}

/** "100 in any 10 seconds". @param {Limit} limit */
export function rateInWords(limit) {
  if (limit.limit === "unlimited") return "unlimited";
  return `${grouped(Number(limit.limit))} in any ${periodInWords(limit.period)}${restOfLimit(limit)}`;
}

/** "1,000 a month, by the calendar". @param {Limit} limit */
export function quotaInWords(limit) {
  if (limit.limit === "unlimited") return "unlimited";
  const amount = grouped(Number(limit.limit));
  if (limit.period === "never") return `${amount} in all, never renewed${restOfLimit(limit)}`;
  const period = periodInWords(limit.period);
  const each = /^\d/.test(period) ? `each ${period}` : `${/^[aeiou]|^hour/.test(period) ? "an" : "a"} ${period}`;
  return `${amount} ${each}${limit.anchor === "calendar" ? ", by the calendar" : ""}${restOfLimit(limit)}`;
}

/** @param {Limit} limit */
function restOfLimit(limit) {
  return `${limit.api && limit.api !== "*" ? ` on ${limit.api}` : ""}${limit.scope === "owner" ? ", shared by all keys of the owner" : ""}`;
}

/** @typedef {{ api: string, methods?: string[], path?: string, cost?: number, owner?: string, policies?: string[] }} Grant */

/** "GET, PUT /v1/* on orders". @param {Grant} grant */
export function grantInWords({ api, methods = ["*"], path = "/*", cost = 1, owner }) {
  const verbs = methods.includes("*") ? "any method" : methods.join(", ");
  const where = path === "/*" ? "any path" : path;
  return `${verbs} on ${where} of ${api === "*" ? "every API" : api}${cost === 1 ? "" : `, costs ${grouped(cost)}`}${owner ? `, owner ${owner}` : ""}`;
}
