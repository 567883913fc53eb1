// @ts-check
/** A policy: what it brings, which keys use it, and what an edit would mean for them before it is saved. */

import { api } from "../shared/api.js";
import { Check, Field, listOf, numberOf, pairsOf, Select, TextArea, writePairs } from "../shared/form.js";
import { html } from "../shared/html.js";
import { Loaded, useLoad } from "../shared/load.js";
import { linkTo } from "../shared/router.js";
import { counted, grantInWords, quotaInWords, rateInWords } from "../shared/words.js";
import { useChoices } from "./choices.js";
import { Section } from "./key_form.js";
import { RecordView } from "./records.js";
import { Grants, Quotas, RateLimits, rightsToBody, rightsToForm } from "./rights.js";

/** @typedef {import("../shared/form.js").Form} Form */

const PARTITIONS = ["grants", "rate_limits", "quotas"];
const DAY = 86_400;
const MOST_USERS = 200;

/** @type {import("./records.js").Kind} */
export const POLICY = {
  path: "policies",
  id: "policy_id",
  noun: "policy",
  title: "Policy",
  plural: "Policies",
  empty: { name: "", active: true, tags: "", metadata: "", labels: "", sources: "", days: "", thresholds: "", mode: "exact", staleness: "1", fail_open: false, partitions: PARTITIONS, grants: [], rate_limits: [], quotas: [] },
  toForm: (policy) => ({
    name: policy.name,
    active: policy.active,
    tags: policy.tags.join(", "),
    metadata: writePairs(policy.metadata),
    labels: writePairs(policy.labels),
    sources: (policy.sources ?? []).join("\n"),
    days: policy.key_expires_in_seconds ? String(policy.key_expires_in_seconds / DAY) : "",
    thresholds: policy.thresholds.join(", "),
    mode: policy.counting.mode,
    staleness: String(policy.counting.max_staleness_seconds ?? 1),
    fail_open: policy.counting.fail_open,
    partitions: policy.partitions,
    ...rightsToForm(policy),
  }),
  toBody: (values) => ({
    name: values.name.trim() || values.id,
    ...rightsToBody(values),
    ...(values.active ? {} : { active: false }),
    ...(values.tags.trim() ? { tags: listOf(values.tags) } : {}),
    ...(values.metadata.trim() ? { metadata: pairsOf(values.metadata) } : {}),
    ...(values.labels.trim() ? { labels: pairsOf(values.labels) } : {}),
    ...(values.sources.trim() ? { sources: listOf(values.sources) } : {}),
    ...(values.partitions.length < PARTITIONS.length ? { partitions: values.partitions } : {}),
    ...(values.days.trim() ? { key_expires_in_seconds: Math.round(Number(values.days) * DAY) } : {}),
    ...(values.thresholds.trim() ? { thresholds: listOf(values.thresholds).map(numberOf) } : {}),
    ...countingToBody(values),
  }),
};

/** @param {any} values */
function countingToBody({ mode, staleness, fail_open }) {
  if (mode === "exact" && !fail_open) return {};
  return { counting: { mode, ...(mode === "leased" ? { max_staleness_seconds: numberOf(staleness) } : {}), fail_open } };
}

/** @param {{ place: import("../shared/router.js").Place }} props */
export function PolicyView({ place }) {
  const { apiIds } = useChoices();
  const isNew = place.parts[1] === "new";
  return html`<${RecordView}
    kind=${POLICY}
    place=${place}
    deletion="It can be deleted only while no key uses it."
    fields=${(/** @type {Form} */ form) => html`<${Fields} form=${form} apis=${apiIds} />`}
    beside=${isNew ? undefined : (/** @type {any} */ record, /** @type {Form} */ form) => html`<${Users} record=${record} form=${form} />`}
  />`;
}

/** @param {{ form: Form, apis: string[] }} props */
function Fields({ form, apis }) {
  const { mode } = form.values;
  return html`
    <${Section} number=${1} title="What it is" help="An inactive policy denies: every request of its keys is refused.">
      <div class="grid"><${Field} form=${form} name="name" label="Name" /><${Field} form=${form} name="tags" label="Tags" help="Added to those of its keys." /></div>
      <${Check} form=${form} name="active" label="Active" />
      <details class="more">
        <summary>Metadata and labels</summary>
        <div class="grid"><${TextArea} form=${form} name="metadata" rows="3" label="Metadata" placeholder="tier: gold" help="name: value, one a line." /><${TextArea} form=${form} name="labels" rows="3" label="Labels" placeholder="team: web" /></div>
      </details>
    <//>
    <${Section} number=${2} title="What its keys may call" help="Where a policy brings grants, they replace a key's own."><${Grants} form=${form} apis=${apis} /><//>
    <${Section} number=${3} title="How often" help="Between policies of one key, limits of one name merge to the one that admits most.">
      <h3>Rate limits</h3><${RateLimits} form=${form} isPolicy=${true} />
      <h3>Quotas</h3><${Quotas} form=${form} isPolicy=${true} />
    <//>
    <${Section} number=${4} title="More" help="Addresses, lifetime of new keys, notices, and how it counts.">
      <div class="grid">
        <${TextArea} form=${form} name="sources" rows="2" label="Only from these addresses" placeholder="203.0.113.0/24" />
        <${Field} form=${form} name="key_expires_in_seconds" of="days" label="New keys expire after" inputmode="numeric" help="Days; empty: never" />
        <${Field} form=${form} name="thresholds" label="Notify at" placeholder="80, 100" help="Percent of a limit; published on EventBridge" />
        <${Select} form=${form} name="counting.mode" of="mode" label="Counting" options=${[["exact", "exact: one write a request"], ["leased", "leased: for very hot keys"]]} />
        ${mode === "leased" && html`<${Select} form=${form} name="counting.max_staleness_seconds" of="staleness" label="A change may take" options=${["1", "2", "3", "4", "5"].map((seconds) => [seconds, `${seconds} s`])} />`}
      </div>
      <${Check} form=${form} name="counting.fail_open" of="fail_open" label="Let rate limits fail open while DynamoDB does not answer" />
      <${PartitionChecks} form=${form} />
    <//>
  `;
}

/** @param {{ form: Form }} props */
function PartitionChecks({ form }) {
  const chosen = /** @type {string[]} */ (form.values.partitions);
  const toggle = (/** @type {string} */ name) => form.set("partitions", PARTITIONS.filter((each) => (each === name ? !chosen.includes(each) : chosen.includes(each))));
  return html`<fieldset class="inline-choices"><legend>It contributes</legend>${PARTITIONS.map((name) => html`<label key=${name}><input type="checkbox" checked=${chosen.includes(name)} onChange=${() => toggle(name)} /> ${name.replace("_", " ")}</label>`)}</fieldset>`;
}

// --- who uses it, and what an edit would mean --------------------------------------------------

/** @param {{ record: any, form: Form }} props */
function Users({ record, form }) {
  const load = useLoad(async (signal) => (await api.get(`policies/${encodeURIComponent(record.policy_id)}/keys`, { query: { limit: MOST_USERS }, signal })).body, [record.policy_id]);
  return html`<section class="panel">
    <h2>Used by</h2>
    <${Loaded} load=${load} what="keys" rows=${2}>
      ${(/** @type {any} */ page) => {
        const count = `${page.next ? "more than " : ""}${counted(page.items.length, "key")}`;
        return html`
          <p>${page.items.length ? html`<a href=${linkTo(["keys"], { policy: record.policy_id })}>${count}</a>` : "No key yet."} ${page.items.slice(0, 5).map((/** @type {any} */ key) => html`<a class="tag" key=${key.key_hash} href=${linkTo(["keys", key.key_hash])}>${key.name}</a>`)}</p>
          <${Effect} record=${record} form=${form} count=${count} />
        `;
      }}
    <//>
  </section>`;
}

/** @param {{ record: any, form: Form, count: string }} props */
function Effect({ record, form, count }) {
  const before = POLICY.toBody(POLICY.toForm(record));
  const after = POLICY.toBody(form.values);
  const lines = [
    ...limitChanges(before.rate_limits, after.rate_limits, rateInWords),
    ...limitChanges(before.quotas, after.quotas, quotaInWords),
    ...grantChanges(before.grants, after.grants),
    ...((before.active ?? true) === (after.active ?? true) ? [] : [after.active === false ? "every request of theirs is refused" : "they work again"]),
  ];
  if (!lines.length) return null;
  return html`<div class="effect" role="status"><strong>Saving this changes ${count}:</strong><ul>${lines.map((line) => html`<li key=${line}>${line}</li>`)}</ul><p class="faint">In force within 5 seconds. Counters are kept where name, API and scope stay.</p></div>`;
}

/** @param {any[]} before @param {any[]} after @param {(limit: any) => string} words */
function limitChanges(before, after, words) {
  const place = (/** @type {any} */ { name = "default", api: of = "", scope = "key" }) => `${name} ${of} ${scope}`;
  const old = new Map(before.map((limit) => [place(limit), words(limit)]));
  const now = new Map(after.map((limit) => [place(limit), words(limit)]));
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((each) => old.get(each) !== now.get(each))
    .map((each) => (old.has(each) ? `${old.get(each)} → ${now.get(each) ?? "no limit"}` : `new: ${now.get(each)}`));
}

/** @param {any[]} before @param {any[]} after */
function grantChanges(before, after) {
  const old = before.map(grantInWords);
  const now = after.map(grantInWords);
  return [...old.filter((line) => !now.includes(line)).map((line) => `no longer: ${line}`), ...now.filter((line) => !old.includes(line)).map((line) => `new: ${line}`)];
}
