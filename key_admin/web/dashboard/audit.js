// @ts-check
/** Who changed what, and whether the log is whole. */

import { api } from "../shared/api.js";
import { html, useId, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { Loaded, problemOf, useLoad } from "../shared/load.js";
import { linkTo, navigate, replacePlace } from "../shared/router.js";
import { Pages, Table } from "../shared/table.js";
import { dateBefore, Time } from "../shared/time.js";
import { grouped } from "../shared/words.js";

const FILTERS = ["from", "to", "key_hash", "resource", "principal"];
const DEFAULT_DAYS = 30;

/** @param {{ place: import("../shared/router.js").Place }} props */
export function AuditView({ place }) {
  const { query } = place;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query[name]]));
  const load = useLoad(async (signal) => (await api.get("audit", { query: { ...filters, cursor: query.cursor }, signal })).body, [...FILTERS, "cursor"].map((name) => query[name]));
  return html`
    <div class="head"><h1>Audit</h1></div>
    <p class="lead">Every change, by whom. Entries are chained by a keyed hash, so none can be forged, changed or taken out of the middle unseen.</p>
    <${Filters} query=${query} />
    <${Verify} from=${query.from} to=${query.to} />
    <${Loaded} load=${load} what="audit log" rows=${8}>
      ${(/** @type {any} */ page) =>
        page.items.length === 0
          ? html`<section class="note empty"><h2>No entries</h2><p>Nothing was changed in this time${FILTERS.some((name) => query[name]) ? ", or nothing that matches the filters" : ""}.</p></section>`
          : html`<${Table} caption="Audit log" columns=${COLUMNS} rows=${page.items} id=${(/** @type {any} */ entry) => entry.id} />
              <${Pages} cursor=${query.cursor ?? ""} next=${page.next} count=${page.items.length} noun="entries" go=${(/** @type {string} */ cursor) => navigate(linkTo(["audit"], { ...query, cursor }))} />`}
    <//>
  `;
}

const COLUMNS = [
  { title: "When", cell: (/** @type {any} */ entry) => html`<${Time} at=${entry.at} />` },
  { title: "Who", cell: (/** @type {any} */ { principal }) => (isHash(principal) ? html`<a href=${linkTo(["keys", principal])}><code>${principal.slice(0, 10)}…</code></a>` : principal === "iam" ? "IAM" : principal) },
  { title: "Action", class: "first", cell: (/** @type {any} */ entry) => html`<strong>${entry.action}</strong>` },
  { title: "Of", cell: (/** @type {any} */ { resource }) => html`<a href=${`#${resource}`}>${shortened(resource)}</a>` },
  { title: "Members", cell: (/** @type {any} */ entry) => entry.fields.join(", ") },
  { title: "Request", cell: (/** @type {any} */ entry) => html`<code class="faint" title=${entry.request_id}>${entry.request_id.slice(0, 8)}</code>` },
];

/** @param {string} principal */
function isHash(principal) {
  return /^[\w-]{43}$/.test(principal);
}

/** @param {string} resource */
function shortened(resource) {
  const [, kind, id = ""] = resource.split("/");
  return `${kind}/${isHash(id) ? `${id.slice(0, 10)}…` : id}`;
}

/** @param {{ query: Record<string, string> }} props */
function Filters({ query }) {
  const apply = (/** @type {string} */ name) => (/** @type {any} */ event) => replacePlace(linkTo(["audit"], { ...query, cursor: "", [name]: event.target.value.trim() }));
  return html`<div class="filters" role="region" aria-label="Filters">
    <${Filter} label="From" type="date" value=${query.from ?? dateBefore(DEFAULT_DAYS)} change=${apply("from")} />
    <${Filter} label="To" type="date" value=${query.to ?? ""} change=${apply("to")} />
    <${Filter} label="Key hash" value=${query.key_hash ?? ""} change=${apply("key_hash")} />
    <${Filter} label="Resource" value=${query.resource ?? ""} change=${apply("resource")} placeholder="/policies/gold" />
    <${Filter} label="Principal" value=${query.principal ?? ""} change=${apply("principal")} />
    ${FILTERS.some((name) => query[name]) && html`<button type="button" class="quiet" onClick=${() => replacePlace("#/audit")}>Clear</button>`}
  </div>`;
}

/** @param {{ label: string, value: string, change: (event: any) => void, type?: string, placeholder?: string }} props */
function Filter({ label, value, change, type = "text", placeholder }) {
  const id = useId();
  return html`<div class="filter"><label for=${id}>${label}</label><input id=${id} type=${type} value=${value} placeholder=${placeholder} onChange=${change} autocomplete="off" spellcheck=${false} /></div>`;
}

/** @param {{ from?: string, to?: string }} props */
function Verify({ from, to }) {
  const [result, setResult] = useState(/** @type {any} */ (null));
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    try {
      setResult((await api.get("audit/verify", { query: { from, to } })).body);
    } catch (error) {
      setResult({ problem: problemOf(error) });
    }
    setBusy(false);
  };
  return html`<div class="verify">
    <button type="button" class="secondary" aria-busy=${isBusy ? "true" : null} disabled=${isBusy} onClick=${verify}>Verify this time</button>
    <div role="status">
      ${result?.problem && html`<p class="warn">${result.problem.message} ${result.problem.errors.map((/** @type {any} */ error) => `${error.field} ${error.message}`).join("; ")}</p>`}
      ${result?.intact && html`<p class="good"><${Icon} name="check" /> ${grouped(result.checked)} entries checked: none was changed, none is missing.</p>`}
      ${result?.intact === false && html`<div class="note problem"><strong>The log was tampered with.</strong><ul>${result.faults.map((/** @type {any} */ fault, /** @type {number} */ at) => html`<li key=${at}><code>${Object.values(fault).join(" ")}</code></li>`)}</ul></div>`}
    </div>
  </div>`;
}
