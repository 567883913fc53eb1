// @ts-check
/** The list of policies. */

import { html } from "../shared/html.js";
import { grantInWords, quotaInWords, rateInWords } from "../shared/words.js";
import { POLICY } from "./policy.js";
import { RecordList } from "./records.js";

/** @param {any[]} items @param {(item: any) => string} words */
function lines(items, words) {
  return items.length ? items.map((item, at) => html`<div key=${at}>${words(item)}</div>`) : html`<span class="faint">as the key says</span>`;
}

const COLUMNS = [
  { title: "State", cell: (/** @type {any} */ policy) => html`<span class="status ${policy.active ? "on" : "off"}">${policy.active ? "active" : "inactive"}</span>` },
  { title: "Grants", cell: (/** @type {any} */ policy) => lines(policy.grants, grantInWords) },
  { title: "Rate limits", cell: (/** @type {any} */ policy) => lines(policy.rate_limits, rateInWords) },
  { title: "Quotas", cell: (/** @type {any} */ policy) => lines(policy.quotas, quotaInWords) },
];

/** @param {{ place: import("../shared/router.js").Place }} props */
export function PoliciesView({ place }) {
  return html`<${RecordList} kind=${POLICY} place=${place} columns=${COLUMNS} lead="Rights and limits that many keys share. A change reaches every key within 5 seconds.">
    <h2>No policies yet</h2>
    <p>A policy is a plan: what its keys may call, and how often. Change it once, and all of them follow.</p>
    <ol>
      <li><a href="#/policies/new">Add a policy</a>, say <code>gold</code>, with a grant on your API and a rate limit.</li>
      <li>Give it to keys; several on one key are merged, the best limit of each name wins.</li>
    </ol>
  <//>`;
}
