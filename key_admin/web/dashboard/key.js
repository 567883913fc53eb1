// @ts-check
/** A key: whether it works, its limits and where each comes from, its days, its credentials, what it may call, its history. */

import { api } from "../shared/api.js";
import { DayChart, fillDays } from "../shared/chart.js";
import { ShortId } from "../shared/copy.js";
import { ask, ConfirmByName } from "../shared/dialog.js";
import { html, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { Loaded, problemOf, useLoad } from "../shared/load.js";
import { Meter } from "../shared/meter.js";
import { leaveTo, linkTo, navigate } from "../shared/router.js";
import { Time } from "../shared/time.js";
import { toast } from "../shared/toast.js";
import { duration, grantInWords, grouped, quotaInWords, rateInWords } from "../shared/words.js";
import { ExplainForm } from "./explain.js";
import { kindOf, Status } from "./keys.js";
import { EndGrace, Rotate } from "./rotate.js";

/** @typedef {import("../shared/router.js").Place} Place */
/** @typedef {{ key: any, version: string, policies: any[] }} Known */

const DAYS = 30;
const DAY_MS = 86_400_000;

/** @param {{ place: Place }} props */
export function KeyView({ place }) {
  const keyHash = place.parts[1];
  const load = useLoad(
    async (signal) => {
      const { body, version } = await api.get(`keys/${keyHash}`, { signal });
      const policies = await Promise.all(body.policies.map((/** @type {string} */ id) => api.get(`policies/${encodeURIComponent(id)}`, { signal }).then((answer) => answer.body).catch(() => null)));
      return { key: body, version: version ?? "", policies: policies.filter(Boolean) };
    },
    [keyHash],
  );
  const gone = html`It was deleted, or the link is mistyped. <a href=${linkTo(["audit"], { key_hash: keyHash })}>The audit log</a> says who deleted it. <a href="#/keys">All keys</a>`;
  return html`
    <nav class="crumbs" aria-label="Where you are"><a href="#/keys">Keys</a></nav>
    <${Loaded} load=${load} what="key" rows=${8} gone=${gone} isPage=${true}>
      ${(/** @type {Known} */ known) => html`<${Key} known=${known} reload=${load.reload} />`}
    <//>
  `;
}

/** @param {{ known: Known, reload: () => Promise<void> }} props */
function Key({ known, reload }) {
  const { key } = known;
  const [dialog, setDialog] = useState("");
  const isOpaque = !key.credentials[0]?.algorithm;
  return html`
    <div class="head">
      <div>
        <h1>${key.name} <${Status} record=${key} /></h1>
        <p class="facts">
          <span>${kindOf(key)}</span>
          ${key.owner && html`<span>owner <a href=${linkTo(["keys"], { owner: key.owner })}>${key.owner}</a></span>`}
          <span>hash <${ShortId} value=${key.key_hash} what="key hash" /></span>
          <span>last used <${Time} at=${key.last_used_at} /></span>
          <span>expires <${Time} at=${key.expires_at} /></span>
        </p>
      </div>
      <div class="actions">
        <a class="button secondary" href=${linkTo(["keys", key.key_hash, "edit"])}>Edit</a>
        <button type="button" class="secondary" onClick=${() => setDialog("rotate")}>${isOpaque ? "Replace" : "Rotate"}</button>
        <${Switch} record=${key} reload=${reload} />
        <button type="button" class="secondary danger" onClick=${() => setDialog("delete")}>Delete</button>
      </div>
    </div>
    ${key.effective === null && html`<p class="note problem">A policy of this key is missing or inactive, so every request is refused: <code>policy_unavailable</code>.</p>`}
    <div class="columns">
      <div>
        <${Limits} known=${known} reload=${reload} />
        <${Days} keyHash=${key.key_hash} />
        <${Credentials} record=${key} reload=${reload} />
      </div>
      <div>
        <${MayCall} known=${known} />
        ${!isOpaque && html`<${Rules} rules=${key.token_rules} />`}
        <${Particulars} record=${key} />
        <${History} keyHash=${key.key_hash} />
      </div>
    </div>
    ${dialog === "rotate" && html`<${Rotate} record=${key} version=${known.version} isOpaque=${isOpaque} onClose=${() => setDialog("")} reload=${reload} />`}
    ${dialog === "delete" && html`<${Delete} record=${key} version=${known.version} onClose=${() => setDialog("")} />`}
  `;
}

/** Do it, say so, and show what is now; a problem becomes a message. @param {() => Promise<unknown>} act @param {string} done @param {() => Promise<void>} reload */
async function perform(act, done, reload) {
  try {
    await act();
    toast(done);
  } catch (error) {
    toast(problemOf(error).message, { kind: "problem" });
  }
  await reload();
}

/** @param {{ record: any, reload: () => Promise<void> }} props */
function Switch({ record, reload }) {
  const change = (/** @type {boolean} */ enabled) => api.patch(`keys/${record.key_hash}`, { enabled });
  const flip = async () => {
    try {
      await change(!record.enabled);
      toast(`${record.name} is ${record.enabled ? "disabled: its next request is refused" : "enabled"}.`, {
        action: { label: "Undo", act: () => perform(() => change(record.enabled), "Undone.", reload) },
      });
    } catch (error) {
      toast(problemOf(error).message, { kind: "problem" });
    }
    await reload();
  };
  return html`<button type="button" class="secondary" onClick=${flip}>${record.enabled ? "Disable" : "Enable"}</button>`;
}

/** @param {{ record: any, version: string, onClose: () => void }} props */
function Delete({ record, version, onClose }) {
  const remove = async () => {
    try {
      await api.delete(`keys/${record.key_hash}`, { version });
      toast(`${record.name} was deleted.`);
      leaveTo("#/keys");
    } catch (error) {
      toast(problemOf(error).message, { kind: "problem" });
      onClose();
    }
  };
  return html`<${ConfirmByName} title="Delete this key?" name=${record.name} action="Delete the key" onConfirm=${remove} onClose=${onClose}>
    <p>Its next request is refused, its counters and history of days go with it, and nobody can bring it back. Disabling it can be undone.</p>
  <//>`;
}

// --- limits ------------------------------------------------------------------------------------

/** @param {{ known: Known, reload: () => Promise<void> }} props */
function Limits({ known, reload }) {
  const { key } = known;
  const limits = key.effective ? [...key.effective.rate_limits.map(withKind("rate_limit")), ...key.effective.quotas.map(withKind("quota"))] : [];
  const resetAll = async () => {
    const goes = await ask({ title: "Set all counters to zero?", detail: "The key starts every limit of its own anew.", stay: "Keep them", go: "Reset all" });
    if (goes) await perform(() => api.post(`keys/${key.key_hash}/reset`), "All counters of the key are zero.", reload);
  };
  return html`<section class="panel">
    <div class="panel-head"><h2>Limits</h2>${limits.length > 0 && html`<button type="button" class="quiet" onClick=${resetAll}>Reset all</button>`}</div>
    ${limits.length === 0 && html`<p class="faint">No limit applies: it may call as often as it likes. <a href=${linkTo(["keys", key.key_hash, "edit"])}>Set one</a></p>`}
    ${limits.map((limit) => html`<${LimitMeter} key=${`${limit.kind} ${limit.name} ${limit.api} ${limit.scope}`} limit=${limit} known=${known} reload=${reload} />`)}
  </section>`;
}

/** @param {string} kind */
function withKind(kind) {
  return (/** @type {any} */ limit) => ({ ...limit, kind });
}

/** @param {{ limit: any, known: Known, reload: () => Promise<void> }} props */
function LimitMeter({ limit, known, reload }) {
  const words = (limit.kind === "quota" ? quotaInWords : rateInWords)(limit);
  const reset = () => {
    const { kind, name, api: of, scope } = limit;
    return perform(() => api.post(`keys/${known.key.key_hash}/reset`, { kind, name, scope, ...(of ? { api: of } : {}) }), `The counter of “${words}” is zero.`, reload);
  };
  return html`<${Meter}
    words=${words}
    name=${limit.name}
    source=${sourceOf(limit, known)}
    used=${limit.used}
    limit=${limit.limit}
    remaining=${limit.remaining}
    resetsAt=${limit.resets_at}
    isReachable=${limit.reachable !== false}
    action=${limit.used > 0 && html`<button type="button" class="quiet" onClick=${reset} aria-label=${`Reset ${words}`}>Reset</button>`}
  />`;
}

/** Where a limit comes from: the policies that bring it as it applies, else the key itself. @param {any} limit @param {Known} known */
function sourceOf(limit, { policies }) {
  const list = limit.kind === "quota" ? "quotas" : "rate_limits";
  const brings = (/** @type {any} */ policy) =>
    policy[list].some((/** @type {any} */ each) => each.limit === limit.limit && each.period === limit.period && (each.name ?? "default") === limit.name && (each.api ?? "") === (limit.api ?? "") && (each.scope ?? "key") === limit.scope);
  const from = policies.filter(brings);
  if (!from.length) return "own";
  return html`from ${from.map(({ policy_id }) => html`<a class="tag" key=${policy_id} href=${linkTo(["policies", policy_id])}>${policy_id}</a>`)}`;
}

/** @param {{ keyHash: string }} props */
function Days({ keyHash }) {
  const load = useLoad(async (signal) => (await api.get(`keys/${keyHash}/usage`, { signal })).body.items, [keyHash]);
  return html`<section class="panel">
    <h2>${DAYS} days</h2>
    <${Loaded} load=${load} what="days" rows=${3}>${(/** @type {any} */ items) => html`<${DayChart} days=${fillDays(items, DAYS)} title=${`Requests a day, the last ${DAYS} days`} />`}<//>
  </section>`;
}

// --- credentials -------------------------------------------------------------------------------

/** @param {{ record: any, reload: () => Promise<void> }} props */
function Credentials({ record, reload }) {
  const [isEnding, setEnding] = useState(false);
  const credentials = record.credentials.length ? record.credentials : [{ algorithm: null, hint: record.hint, created_at: record.created_at, expires_at: null, last_used_at: record.last_used_at }];
  const old = credentials.filter((/** @type {any} */ each) => each.expires_at && new Date(each.expires_at).getTime() > Date.now());
  return html`<section class="panel">
    <div class="panel-head"><h2>Credentials</h2>${old.length > 0 && html`<button type="button" class="quiet" onClick=${() => setEnding(true)}>Change the grace</button>`}</div>
    ${credentials.map((/** @type {any} */ credential, /** @type {number} */ at) => html`<${Credential} key=${credential.created_at + at} credential=${credential} isFirst=${at === 0} />`)}
    ${isEnding && html`<${EndGrace} record=${record} onClose=${() => setEnding(false)} reload=${reload} />`}
  </section>`;
}

/** @param {{ credential: any, isFirst: boolean }} props */
function Credential({ credential, isFirst }) {
  const isOver = credential.expires_at && new Date(credential.expires_at).getTime() <= Date.now();
  const isStillUsed = !isFirst && !isOver && credential.last_used_at && Date.now() - new Date(credential.last_used_at).getTime() < DAY_MS;
  return html`<div class="credential">
    <div>
      <strong>${credential.algorithm ?? "Opaque id"}</strong> ${credential.size ? `${credential.size} bits` : credential.hint ? `…${credential.hint}` : ""}
      <span class="status ${isOver ? "off" : isFirst ? "on" : "soon"}">${isOver ? "ended" : isFirst ? "in force" : "in its grace"}</span>
    </div>
    <p class="facts">
      ${credential.thumbprint && html`<span>thumbprint <${ShortId} value=${credential.thumbprint} what="thumbprint" /></span>`}
      <span>since <${Time} at=${credential.created_at} /></span>
      ${credential.expires_at && html`<span>${isOver ? "ended" : "ends"} <${Time} at=${credential.expires_at} /></span>`}
      <span>last used <${Time} at=${credential.last_used_at} /></span>
      ${credential.certificate && html`<span>certificate until <${Time} at=${credential.certificate.not_after} /></span>`}
    </p>
    ${isStillUsed && html`<p class="warn"><${Icon} name="warning" /> Somebody still uses the old one: last <${Time} at=${credential.last_used_at} />. From <${Time} at=${credential.expires_at} isExact=${true} /> on, they are refused.</p>`}
  </div>`;
}

// --- what it may call, rules, history ----------------------------------------------------------

/** @param {{ known: Known }} props */
function MayCall({ known: { key } }) {
  const grants = key.effective?.grants ?? [];
  return html`<section class="panel">
    <h2>What it may call</h2>
    ${key.policies.length > 0 && html`<p class="facts"><span>by ${key.policies.map((/** @type {string} */ id) => html`<a class="tag" key=${id} href=${linkTo(["policies", id])}>${id}</a>`)}</span></p>`}
    <ul class="grants">${grants.map((/** @type {any} */ grant, /** @type {number} */ at) => html`<li key=${at}>${grantInWords(grant)}</li>`)}</ul>
    ${key.sources?.length > 0 && html`<p>Only from ${key.sources.map((/** @type {string} */ source) => html`<code key=${source}>${source}</code> `)}</p>`}
    <details class="more">
      <summary>Try a call</summary>
      <p class="help">What would be decided now, and why. Nothing is counted.</p>
      <${ExplainForm} keyHash=${key.key_hash} />
    </details>
  </section>`;
}

/** @param {{ rules: any }} props */
function Rules({ rules }) {
  const said = [
    ["Issuer", rules.issuer.join(", ")],
    ["Audience", rules.audience.join(", ")],
    ["Type", rules.typ],
    ["Must expire", rules.require_exp ? "yes" : "no"],
    ["Longest lifetime", rules.max_lifetime_seconds ? duration(rules.max_lifetime_seconds) : ""],
    ["Leeway", rules.leeway_seconds ? duration(rules.leeway_seconds) : ""],
  ].filter(([, value]) => value);
  return html`<section class="panel"><h2>Rules for its tokens</h2><dl class="terms">${said.map(([term, value]) => html`<div key=${term}><dt>${term}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

/** @param {{ record: any }} props */
function Particulars({ record }) {
  const pairs = [...Object.entries(record.metadata), ...Object.entries(record.labels ?? {}).map(([name, value]) => [`${name} (label)`, value])];
  return html`<section class="panel">
    <h2>Particulars</h2>
    ${record.tags.length > 0 && html`<p>${record.tags.map((/** @type {string} */ tag) => html`<a class="tag" key=${tag} href=${linkTo(["keys"], { tag })}>${tag}</a>`)}</p>`}
    <dl class="terms">
      ${pairs.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
      <div><dt>Made</dt><dd><${Time} at=${record.created_at} isExact=${true} /></dd></div>
      <div><dt>Changed</dt><dd><${Time} at=${record.updated_at} isExact=${true} /></dd></div>
      <div><dt>Version</dt><dd>${grouped(record.version)}</dd></div>
    </dl>
  </section>`;
}

/** @param {{ keyHash: string }} props */
function History({ keyHash }) {
  const load = useLoad(async (signal) => (await api.get("audit", { query: { key_hash: keyHash, limit: 20 }, signal })).body.items, [keyHash]);
  return html`<section class="panel">
    <div class="panel-head"><h2>History</h2><button type="button" class="quiet" onClick=${() => navigate(linkTo(["audit"], { key_hash: keyHash }))}>All of it</button></div>
    <${Loaded} load=${load} what="history" rows=${3}>
      ${(/** @type {any[]} */ items) =>
        items.length === 0
          ? html`<p class="faint">Nothing in the last 30 days.</p>`
          : html`<ol class="history">${[...items].sort((one, other) => (one.at < other.at ? 1 : -1)).map((entry) => html`<li key=${entry.id}><strong>${entry.action.replace("key.", "")}</strong> ${entry.fields.join(", ")}<small><${Time} at=${entry.at} /> by ${entry.principal === "iam" ? "IAM" : html`<a href=${linkTo(["keys", entry.principal])}>${entry.principal.slice(0, 10)}…</a>`}</small></li>`)}</ol>`}
    <//>
  </section>`;
}
