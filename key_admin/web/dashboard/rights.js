// @ts-check
/** What keys and policies have in common, in a form: grants, rate limits, quotas. */

import { Field, GroupError, listOf, numberOf, Select, valueAt } from "../shared/form.js";
import { html, useId } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { Shape } from "../shared/load.js";
import { grantInWords, quotaInWords, rateInWords } from "../shared/words.js";

/** @typedef {import("../shared/form.js").Form} Form */

const SIZES = /** @type {Record<string, number>} */ ({ second: 1, minute: 60, hour: 3_600, day: 86_400, week: 604_800 });
const RATE_UNITS = ["second", "minute", "hour", "day"];
const QUOTA_UNITS = ["second", "minute", "hour", "day", "week", "month", "never"];

const NEW_GRANT = { api: "*", methods: "*", path: "/*", cost: "1", owner: "", policies: "" };
const NEW_RATE = { limit: "100", count: "1", unit: "second", name: "", api: "", scope: "key" };
const NEW_QUOTA = { limit: "10000", count: "1", unit: "month", anchor: "first_use", name: "", api: "", scope: "key" };

// --- between the record and the form -----------------------------------------------------------

/** @param {any} record */
export function rightsToForm(record) {
  return {
    grants: record.grants.map((/** @type {any} */ grant) => ({
      ...NEW_GRANT,
      ...grant,
      methods: grant.methods.join(", "),
      cost: String(grant.cost ?? 1),
      policies: (grant.policies ?? []).join(", "),
    })),
    rate_limits: record.rate_limits.map(limitToForm(NEW_RATE)),
    quotas: record.quotas.map(limitToForm(NEW_QUOTA)),
  };
}

/** @param {any} empty */
function limitToForm(empty) {
  return (/** @type {any} */ { period, name, limit, ...rest }) => {
    const counted = /^(\d+)s$/.exec(period);
    return {
      ...empty,
      ...rest,
      limit: String(limit),
      name: name === "default" ? "" : name,
      count: counted ? counted[1] : "1",
      unit: counted ? "second" : period,
    };
  };
}

/** @param {any} values */
export function rightsToBody(values) {
  return {
    grants: values.grants.map(grantToBody),
    rate_limits: values.rate_limits.map(limitToBody),
    quotas: values.quotas.map(limitToBody),
  };
}

/** @param {any} grant */
export function grantToBody({ api, methods, path, cost, owner, policies }) {
  /** @type {any} */
  const body = { api: api.trim(), methods: listOf(methods.toUpperCase()), path: path.trim() };
  if (cost !== "1") body.cost = numberOf(cost);
  if (api.trim() === "admin" && owner) body.owner = owner.trim();
  if (api.trim() === "admin" && policies) body.policies = listOf(policies);
  return body;
}

/** @param {any} limit */
export function limitToBody({ limit, count, unit, anchor, name, api, scope }) {
  /** @type {any} */
  const body = { limit: numberOf(limit), period: periodOf(count, unit) };
  if (anchor === "calendar") body.anchor = anchor;
  if (name) body.name = name.trim();
  if (api) body.api = api.trim();
  if (scope !== "key") body.scope = scope;
  return body;
}

/** @param {string} count @param {string} unit */
function periodOf(count, unit) {
  return count.trim() === "1" || unit === "never" ? unit : `${Number(count) * (SIZES[unit] ?? 1) || count}s`;
}

// --- editors -----------------------------------------------------------------------------------

/** @param {{ form: Form, apis: string[] }} props */
export function Grants({ form, apis }) {
  const list = useId();
  return html`<${Rows} form=${form} name="grants" empty=${NEW_GRANT} add="Add a grant" noun="Grant" words=${(/** @type {any} */ row) => grantInWords(/** @type {any} */ (grantToBody(row)))}>
    ${(/** @type {string} */ place) => html`
      <${Field} form=${form} name="${place}.api" label="API" list=${list} help="An API definition, <api id>/<stage>, or * for all but admin" />
      <${Field} form=${form} name="${place}.methods" label="Methods" help="GET, POST … or *" />
      <${Field} form=${form} name="${place}.path" label="Path" class="wide" help="* is any run of characters, {name} one segment" />
      <${Field} form=${form} name="${place}.cost" label="Cost" inputmode="numeric" help="Units a request takes" />
      ${valueAt(form.values, place)?.api.trim() === "admin" &&
      html`<${Field} form=${form} name="${place}.owner" label="Only keys of owner" help="Empty: every key" />
        <${Field} form=${form} name="${place}.policies" label="Policies it may give" help="With an owner; * is any" />`}
    `}
  <//>
  <datalist id=${list}>${["*", "admin", ...apis].map((api) => html`<option key=${api} value=${api} />`)}</datalist>`;
}

/** @param {{ form: Form, isPolicy?: boolean }} props */
export function RateLimits({ form, isPolicy = false }) {
  return html`<${Rows} form=${form} name="rate_limits" empty=${NEW_RATE} add="Add a rate limit" noun="Rate limit" words=${(/** @type {any} */ row) => rateInWords(limitToBody(row))}>
    ${(/** @type {string} */ place) => html`<${LimitFields} form=${form} place=${place} units=${RATE_UNITS} isPolicy=${isPolicy} every="in any" />`}
  <//>`;
}

/** @param {{ form: Form, isPolicy?: boolean }} props */
export function Quotas({ form, isPolicy = false }) {
  return html`<${Rows} form=${form} name="quotas" empty=${NEW_QUOTA} add="Add a quota" noun="Quota" words=${(/** @type {any} */ row) => quotaInWords(limitToBody(row))}>
    ${(/** @type {string} */ place) => html`
      <${LimitFields} form=${form} place=${place} units=${QUOTA_UNITS} isPolicy=${isPolicy} every="each">
        <${Select} form=${form} name="${place}.anchor" label="The period begins" options=${[["first_use", "at the first use"], ["calendar", "by the calendar (UTC)"]]} />
      <//>
    `}
  <//>`;
}

/** @param {{ form: Form, place: string, units: string[], isPolicy: boolean, every: string, children?: any }} props */
function LimitFields({ form, place, units, isPolicy, every, children }) {
  return html`
    <${Field} form=${form} name="${place}.limit" label="Requests" inputmode="numeric" help=${isPolicy ? "or: unlimited" : "0 refuses all"} />
    <div class="pair">
      <${Field} form=${form} name="${place}.period" of="${place}.count" label=${every} inputmode="numeric" />
      <${Select} form=${form} name="${place}.unit" label="unit" options=${units.map((unit) => [unit, unit === "never" ? "never again" : unit])} />
    </div>
    ${children}
    <details class="more">
      <summary>Name, API, sharing</summary>
      <div class="grid">
        <${Field} form=${form} name="${place}.name" label="Name" placeholder="default" help="Limits of one name are merged" />
        <${Field} form=${form} name="${place}.api" label="Only on API" placeholder="all" />
        <${Select} form=${form} name="${place}.scope" label="Counted for" options=${[["key", "this key alone"], ["owner", "all keys of the owner"]]} />
      </div>
    </details>
  `;
}

/**
 * Rows of a list that can be added and removed; each says itself in words.
 * @param {{ form: Form, name: string, empty: any, add: string, noun: string, words: (row: any) => string, children: (place: string) => any }} props
 */
function Rows({ form, name, empty, add, noun, words, children }) {
  const rows = form.values[name];
  const remove = (/** @type {number} */ at) => form.set(name, rows.filter((/** @type {any} */ _row, /** @type {number} */ other) => other !== at));
  return html`<div class="rows">
    ${rows.map(
      (/** @type {any} */ row, /** @type {number} */ at) =>
        html`<fieldset class="row-fields" key=${at}>
          <legend>${noun} ${at + 1}: <span class="words">${words(row)}</span></legend>
          <div class="grid">${children(`${name}.${at}`)}</div>
          <button type="button" class="quiet remove" onClick=${() => remove(at)} aria-label=${`Remove ${noun.toLowerCase()} ${at + 1}`}><${Icon} name="cross" /></button>
        </fieldset>`,
    )}
    <${GroupError} form=${form} name=${name} />
    <button type="button" class="secondary small" onClick=${() => form.set(name, [...rows, empty])}><${Icon} name="plus" />${add}</button>
  </div>`;
}

/** Policies to tick, each with what it brings. @param {{ form: Form, policies: any[], isLoading: boolean }} props */
export function PolicyChoice({ form, policies, isLoading }) {
  const chosen = /** @type {string[]} */ (form.values.policies);
  const toggle = (/** @type {string} */ id) => form.set("policies", chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  const gone = isLoading ? [] : chosen.filter((id) => !policies.some((policy) => policy.policy_id === id)).map((policy_id) => ({ policy_id, name: "not found", grants: [], rate_limits: [], quotas: [], active: false }));
  return html`<fieldset class="policy-choice">
    <legend>Policies</legend>
    ${isLoading && html`<${Shape} what="policies" rows=${2} />`}
    ${!isLoading && policies.length + gone.length === 0 && html`<p class="help">There is no policy yet. Grants of its own are enough for a key; a policy shares them, and limits, among many.</p>`}
    ${[...policies, ...gone].map(
      (policy) =>
        html`<label key=${policy.policy_id} class=${chosen.includes(policy.policy_id) ? "chosen" : ""}>
          <input type="checkbox" checked=${chosen.includes(policy.policy_id)} onChange=${() => toggle(policy.policy_id)} />
          <span><strong>${policy.policy_id}</strong> ${policy.name !== policy.policy_id && policy.name}${!policy.active && html` <span class="status off">inactive</span>`}<small>${bringsInWords(policy)}</small></span>
        </label>`,
    )}
    <${GroupError} form=${form} name="policies" />
  </fieldset>`;
}

/** What a policy brings, in a line. @param {any} policy */
export function bringsInWords(policy) {
  const parts = [
    ...policy.grants.slice(0, 3).map(grantInWords),
    ...(policy.grants.length > 3 ? [`${policy.grants.length - 3} more grants`] : []),
    ...policy.rate_limits.map(rateInWords),
    ...policy.quotas.map(quotaInWords),
  ];
  return parts.join(" · ") || "nothing yet";
}

