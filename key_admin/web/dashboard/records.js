// @ts-check
/** What policies, APIs and issuers have in common: a list, a form that replaces the whole record, and a deletion. */

import { api } from "../shared/api.js";
import { Conflict } from "../shared/conflict.js";
import { ConfirmByName } from "../shared/dialog.js";
import { Field, FormProblem, useForm } from "../shared/form.js";
import { html, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { Loaded, problemOf, useLoad } from "../shared/load.js";
import { leaveTo, linkTo, navigate } from "../shared/router.js";
import { Pages, Table } from "../shared/table.js";
import { toast } from "../shared/toast.js";
import { CurlPreview } from "./curl.js";

/** @typedef {import("../shared/router.js").Place} Place */
/** @typedef {import("../shared/form.js").Form} Form */
/**
 * A kind of record: where it is, how it is called, and how it goes into a form and out of it.
 * @typedef {{ path: string, id: string, noun: string, title: string, plural: string, empty: any, toForm: (record: any) => any, toBody: (values: any) => any }} Kind
 */

/**
 * @param {{ kind: Kind, place: Place, columns: import("../shared/table.js").Column<any>[], lead: string, children: any }} props
 * `children` teach where there is no record yet
 */
export function RecordList({ kind, place, columns, lead, children }) {
  const { cursor = "" } = place.query;
  const load = useLoad(async (signal) => (await api.get(kind.path, { query: { cursor }, signal })).body, [kind.path, cursor]);
  const first = {
    title: kind.title,
    class: "first",
    cell: (/** @type {any} */ record) => html`<a href=${linkTo([kind.path, record[kind.id]])}>${record[kind.id]}</a>${record.name && record.name !== record[kind.id] && html`<small>${record.name}</small>`}`,
  };
  return html`
    <div class="head">
      <h1>${kind.plural}</h1>
      <div class="actions"><a class="button" href=${`#/${kind.path}/new`}><${Icon} name="plus" />Add ${kind.noun}</a></div>
    </div>
    <p class="lead">${lead}</p>
    <${Loaded} load=${load} what=${kind.plural} rows=${5}>
      ${(/** @type {any} */ page) =>
        page.items.length === 0 && !cursor
          ? html`<section class="note empty">${children}</section>`
          : html`<${Table} caption=${kind.plural} columns=${[first, ...columns]} rows=${page.items} id=${(/** @type {any} */ record) => record[kind.id]} />
              <${Pages} cursor=${cursor} next=${page.next} count=${page.items.length} noun=${page.items.length === 1 ? kind.noun : lowered(kind.plural)} go=${(/** @type {string} */ next) => navigate(linkTo([kind.path], { cursor: next }))} />`}
    <//>
  `;
}

/**
 * A record by its link, or a new one. `fields` draws the form; `beside` what stands next to it.
 * @param {{ kind: Kind, place: Place, fields: (form: Form) => any, beside?: (record: any, form: Form) => any, deletion: string }} props
 */
export function RecordView({ kind, place, fields, beside, deletion }) {
  const id = place.parts[1];
  const isNew = id === "new";
  const load = useLoad(async (signal) => (isNew ? { body: null, version: null } : await api.get(`${kind.path}/${encodeURIComponent(id)}`, { signal })), [kind.path, id]);
  const gone = html`It was deleted, or the link is mistyped. <a href=${linkTo(["audit"], { resource: `/${kind.path}/${id}` })}>The audit log</a> says who deleted it. <a href=${`#/${kind.path}`}>All ${lowered(kind.plural)}</a>`;
  return html`<nav class="crumbs" aria-label="Where you are"><a href=${`#/${kind.path}`}>${kind.plural}</a></nav>
    <${Loaded} load=${load} what=${kind.noun} rows=${6} gone=${gone} isPage=${true}>
      ${(/** @type {any} */ answer) => html`<${RecordForm} key=${answer.version} kind=${kind} answer=${answer} fields=${fields} beside=${beside} deletion=${deletion} reload=${load.reload} />`}
    <//>`;
}

/** @param {{ kind: Kind, answer: { body: any, version: string | null }, fields: (form: Form) => any, beside?: (record: any, form: Form) => any, deletion: string, reload: () => Promise<void> }} props */
function RecordForm({ kind, answer, fields, beside, deletion, reload }) {
  const record = answer.body;
  const form = useForm({ ...(record ? kind.toForm(record) : kind.empty), id: record?.[kind.id] ?? "" });
  const [base, setBase] = useState(() => (record ? { body: kind.toBody(kind.toForm(record)), version: answer.version } : null));
  const [theirs, setTheirs] = useState(/** @type {{ body: any, version: string | null } | null} */ (null));
  const [isDeleting, setDeleting] = useState(false);
  const id = form.values.id.trim();
  const path = `${kind.path}/${encodeURIComponent(id)}`;
  const mine = kind.toBody(form.values);

  const send = async (/** @type {any} */ body, /** @type {string | null} */ version) => {
    try {
      await api.put(path, body, record ? { version } : { headers: { "If-None-Match": "*" } });
    } catch (error) {
      if (problemOf(error).status !== 412 || !record) throw error;
      const latest = await api.get(path);
      setTheirs({ body: kind.toBody(kind.toForm(latest.body)), version: latest.version });
      return;
    }
    toast(`${id} was saved.`);
    form.replace(form.values);
    if (record) await reload();
    else leaveTo(linkTo([kind.path, id]));
  };
  const save = form.submit(() => send(mine, base?.version ?? null));
  const resolve = async (/** @type {any} */ merged) => {
    if (!theirs) return;
    setTheirs(null);
    setBase(theirs);
    try {
      await send(merged, theirs.version);
    } catch (error) {
      form.setProblem(problemOf(error));
    }
  };
  const remove = async () => {
    try {
      await api.delete(path, { version: answer.version });
      toast(`${id} was deleted.`);
      leaveTo(`#/${kind.path}`);
    } catch (error) {
      toast(problemOf(error).message, { kind: "problem" });
      setDeleting(false);
    }
  };
  return html`
    <div class="head">
      <h1>${record ? record[kind.id] : `Add ${kind.noun}`}</h1>
      ${record && html`<div class="actions"><button type="button" class="secondary danger" onClick=${() => setDeleting(true)}>Delete</button></div>`}
    </div>
    <form class="with-preview" onSubmit=${save} novalidate>
      <div class="sections">
        ${!record && html`<section class="section"><div class="section-head"><h2>Id</h2><p>What others name it by. It does not change later.</p></div><div class="section-body"><${Field} form=${form} name="id" label="Id" required spellcheck=${false} help="A–Z a–z 0–9 . _ ~ -" /></div></section>`}
        ${fields(form)}
        <${FormProblem} form=${form} />
        <div class="actions sticky">
          <button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${form.isBusy || !id || (record && !form.isDirty)}>Save</button>
          <a class="button secondary" href=${`#/${kind.path}`}>Cancel</a>
        </div>
      </div>
      <aside aria-label="Beside the form">
        ${beside?.(record, form)}
        <${CurlPreview} method="PUT" path=${id ? path : `${kind.path}/…`} body=${mine} version=${base?.version} />
      </aside>
    </form>
    ${theirs && base && html`<${Conflict} base=${base.body} mine=${mine} theirs=${theirs.body} onResolve=${resolve} onClose=${() => setTheirs(null)} />`}
    ${isDeleting && html`<${ConfirmByName} title=${`Delete this ${kind.noun}?`} name=${id} action="Delete" onConfirm=${remove} onClose=${() => setDeleting(false)}><p>${deletion}</p><//>`}
  `;
}

/** "Policies" inside a sentence; "APIs" as it is. @param {string} words */
function lowered(words) {
  return words.startsWith("API") ? words : words.toLowerCase();
}
