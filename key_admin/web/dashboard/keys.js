// @ts-check
/** The list of keys: search, filters in the address, and what is done to several at once. */

import { api } from "../shared/api.js";
import { ConfirmByName, Dialog } from "../shared/dialog.js";
import { html, useEffect, useId, useRef, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { Loaded, problemOf, useLoad } from "../shared/load.js";
import { linkTo, navigate, replacePlace } from "../shared/router.js";
import { Pages, Table } from "../shared/table.js";
import { Time, toUtc } from "../shared/time.js";
import { toast } from "../shared/toast.js";
import { counted, grouped } from "../shared/words.js";

/** @typedef {import("../shared/router.js").Place} Place */

const FILTERS = ["name", "owner", "policy", "tag", "api", "enabled"];
const PAGE = 50;
const TYPING_MS = 300;
const SOON_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;
const AT_ONCE = 4; // requests under way while several keys are changed

/** What the list asks for. @param {Record<string, string>} query */
export function listQuery(query) {
  return { ...Object.fromEntries(FILTERS.map((name) => [name, query[name]])), cursor: query.cursor, limit: PAGE };
}

/** @param {{ place: Place }} props */
export function KeysView({ place }) {
  const { query } = place;
  const causes = [...FILTERS, "cursor"].map((name) => query[name]);
  const load = useLoad(async (signal) => (await api.get("keys", { query: listQuery(query), signal })).body, causes);
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const isFiltered = FILTERS.some((name) => query[name]);
  return html`
    <div class="head">
      <h1>Keys</h1>
      <div class="actions">
        <a class="button secondary" href="#/keys/import">Import</a>
        <a class="button" href="#/keys/new"><${Icon} name="plus" />Add key</a>
      </div>
    </div>
    <${Filters} query=${query} />
    <${Loaded} load=${load} what="keys" rows=${8}>
      ${(/** @type {any} */ page) =>
        page.items.length === 0
          ? html`<${Empty} isFiltered=${isFiltered} isLater=${Boolean(query.cursor)} />`
          : html`
              <${Bulk} keys=${page.items.filter((/** @type {any} */ key) => chosen.has(key.key_hash))} clear=${() => setChosen(new Set())} reload=${load.reload} />
              <${Table}
                caption="Keys"
                columns=${columnsFor(page.items)}
                rows=${page.items}
                id=${(/** @type {any} */ key) => key.key_hash}
                choice=${{ chosen, change: setChosen, name: (/** @type {any} */ key) => key.name }}
              />
              <${Pages} cursor=${query.cursor ?? ""} next=${page.next} count=${page.items.length} noun=${page.items.length === 1 ? "key" : "keys"} go=${(/** @type {string} */ cursor) => navigate(linkTo(["keys"], { ...query, cursor }))} />
            `}
    <//>
  `;
}

/** @param {any[]} keys */
function columnsFor(keys) {
  return [
    { title: "Name", class: "first", cell: (/** @type {any} */ key) => html`<a href=${linkTo(["keys", key.key_hash])}>${key.name}</a><small>${kindOf(key)}</small>` },
    { title: "Owner", cell: (/** @type {any} */ key) => (key.owner ? html`<a class="plain" href=${linkTo(["keys"], { owner: key.owner })}>${key.owner}</a>` : html`<span class="faint">none</span>`) },
    { title: "Policies", cell: (/** @type {any} */ key) => (key.policies.length ? key.policies.map((/** @type {string} */ id) => html`<a class="tag" key=${id} href=${linkTo(["policies", id])}>${id}</a>`) : html`<span class="faint">own grants</span>`) },
    { title: "Status", cell: (/** @type {any} */ key) => html`<${Status} record=${key} />` },
    { title: "Last used", cell: (/** @type {any} */ key) => html`<${Time} at=${key.last_used_at} />`, isHidden: !keys.some((key) => key.last_used_at) },
    { title: "Expires", cell: (/** @type {any} */ key) => html`<${Time} at=${key.expires_at} />` },
    { title: "Today", class: "number", cell: (/** @type {any} */ key) => today(key.today), isHidden: !keys.some((key) => key.today) },
  ];
}

/** @param {{ allowed: number, refused: number } | undefined} day */
function today(day) {
  if (!day) return "";
  return html`${grouped(day.allowed)}${day.refused > 0 && html` <span class="warn" title="refused">+${grouped(day.refused)}</span>`}`;
}

/** How a key proves itself. @param {any} key */
export function kindOf(key) {
  const credential = key.credentials[0];
  if (!credential?.algorithm) return `opaque${key.hint ? ` …${key.hint}` : ""}`;
  return `${credential.algorithm}, ${credential.size} bits`;
}

/** @param {{ record: any }} props */
export function Status({ record }) {
  const until = record.expires_at ? new Date(record.expires_at).getTime() : Infinity;
  const [state, words] = record.blocked
    ? ["off", "blocked"]
    : until <= Date.now()
      ? ["off", "expired"]
      : !record.enabled
        ? ["off", "disabled"]
        : until < Date.now() + SOON_MS
          ? ["soon", "expires soon"]
          : ["on", "enabled"];
  return html`<span class="status ${state}">${words}</span>`;
}

/** @param {{ query: Record<string, string> }} props */
function Filters({ query }) {
  const choices = useLoad(async (signal) => {
    const [policies, apis] = await Promise.all(["policies", "apis"].map((path) => api.get(path, { query: { limit: 200 }, signal })));
    return { policies: policies.body.items.map((/** @type {any} */ item) => item.policy_id), apis: apis.body.items.map((/** @type {any} */ item) => item.api_id) };
  }, []);
  const apply = (/** @type {Record<string, string>} */ change) => replacePlace(linkTo(["keys"], { ...query, cursor: "", ...change }));
  const isFiltered = FILTERS.some((name) => query[name]);
  return html`<div class="filters" role="region" aria-label="Filters">
    <${TypedFilter} label="Name begins with" name="name" value=${query.name} apply=${apply} isSearch=${true} />
    <${TypedFilter} label="Owner" name="owner" value=${query.owner} apply=${apply} />
    <${ChosenFilter} label="Policy" name="policy" value=${query.policy} apply=${apply} options=${choices.data?.policies ?? []} />
    <${TypedFilter} label="Tag" name="tag" value=${query.tag} apply=${apply} />
    <${ChosenFilter} label="API" name="api" value=${query.api} apply=${apply} options=${choices.data?.apis ?? []} />
    <${ChosenFilter} label="Enabled" name="enabled" value=${query.enabled} apply=${apply} options=${["true", "false"]} words=${{ true: "yes", false: "no" }} />
    ${isFiltered && html`<button type="button" class="quiet" onClick=${() => replacePlace("#/keys")}>Clear</button>`}
  </div>`;
}

/** Applied a moment after the typing ends. @param {{ label: string, name: string, value?: string, apply: (change: Record<string, string>) => void, isSearch?: boolean }} props */
function TypedFilter({ label, name, value = "", apply, isSearch = false }) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  useEffect(() => setTyped(value), [value]);
  const change = (/** @type {any} */ event) => {
    const next = event.target.value;
    setTyped(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply({ [name]: next.trim() }), TYPING_MS);
  };
  return html`<div class="filter ${isSearch ? "search" : ""}">
    <label for=${id}>${label}</label>
    <input id=${id} type=${isSearch ? "search" : "text"} value=${typed} onInput=${change} autocomplete="off" spellcheck=${false} />
  </div>`;
}

/** @param {{ label: string, name: string, value?: string, apply: (change: Record<string, string>) => void, options: string[], words?: Record<string, string> }} props */
function ChosenFilter({ label, name, value = "", apply, options, words = {} }) {
  const id = useId();
  const all = value && !options.includes(value) ? [value, ...options] : options;
  return html`<div class="filter">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(/** @type {any} */ event) => apply({ [name]: event.target.value })}>
      <option value="">any</option>
      ${all.map((option) => html`<option key=${option} value=${option} selected=${option === value}>${words[option] ?? option}</option>`)}
    </select>
  </div>`;
}

/** @param {{ isFiltered: boolean, isLater: boolean }} props */
function Empty({ isFiltered, isLater }) {
  if (isFiltered || isLater) {
    return html`<section class="note empty"><h2>No key matches</h2><p>A name is searched by its beginning, in any case. Owner, policy and tag must match whole. <a href="#/keys">All keys</a></p></section>`;
  }
  return html`<section class="note empty">
    <h2>No keys yet</h2>
    <p>A key says who calls, how they prove it, what they may call, and how often.</p>
    <ol>
      <li><a href="#/keys/new">Add a key</a> with a secret or a public key of your own, or let one be made.</li>
      <li>Sign a token with it; the page shows how, in five languages.</li>
      <li>Call your API, and see the meter of the key move.</li>
    </ol>
    <p>Coming from Tyk, Kong, Unkey or usage plans? <a href="#/keys/import">Import your keys</a>.</p>
  </section>`;
}

// --- several at once ---------------------------------------------------------------------------

/** @param {{ keys: any[], clear: () => void, reload: () => Promise<void> }} props */
function Bulk({ keys, clear, reload }) {
  const [dialog, setDialog] = useState("");
  const count = counted(keys.length, "key");
  const run = async (/** @type {string} */ done, /** @type {(key: any) => Promise<unknown>} */ change, /** @type {((key: any) => Promise<unknown>) | undefined} */ undo = undefined) => {
    setDialog("");
    const { changed, failures } = await changeEach(keys, change);
    clear();
    await reload();
    if (failures.length) toast(`${counted(failures.length, "key")} not changed: ${failures.map(({ key, problem }) => `${key.name} (${problem.message})`).join(", ")}`, { kind: "problem" });
    if (!changed.length) return;
    const action = undo && {
      label: "Undo",
      act: async () => {
        await changeEach(changed, undo);
        await reload();
      },
    };
    toast(`${counted(changed.length, "key")} ${done}.`, { action });
  };
  const setEnabled = (/** @type {boolean} */ enabled) => (/** @type {any} */ key) => api.patch(`keys/${key.key_hash}`, { enabled });
  return html`<div class="bulk" role="region" aria-label="Chosen keys" hidden=${!keys.length}>
    <strong>${count} chosen</strong>
    <button type="button" class="secondary" onClick=${() => run("disabled", setEnabled(false), setEnabled(true))}>Disable</button>
    <button type="button" class="secondary" onClick=${() => run("enabled", setEnabled(true), setEnabled(false))}>Enable</button>
    <button type="button" class="secondary" onClick=${() => setDialog("extend")}>Extend</button>
    <button type="button" class="secondary danger" onClick=${() => setDialog("delete")}>Delete</button>
    <button type="button" class="quiet" onClick=${clear}>Choose none</button>
    ${dialog === "extend" && html`<${Extend} keys=${keys} run=${run} onClose=${() => setDialog("")} />`}
    ${dialog === "delete" &&
    html`<${ConfirmByName} title=${`Delete ${count}?`} name=${`delete ${count}`} action="Delete" onClose=${() => setDialog("")} onConfirm=${() => run("deleted", (key) => api.delete(`keys/${key.key_hash}`, { version: `"${key.version}"` }))}>
      <p>They are refused from their next request on, and cannot be brought back: ${keys.map((key) => key.name).join(", ")}.</p>
    <//>`}
  </div>`;
}

/** @param {{ keys: any[], run: (done: string, change: (key: any) => Promise<unknown>) => void, onClose: () => void }} props */
function Extend({ keys, run, onClose }) {
  const id = useId();
  const [days, setDays] = useState(30);
  const extend = (/** @type {Event} */ event) => {
    event.preventDefault();
    run(`extended by ${counted(days, "day")}`, (key) => {
      if (!key.expires_at) return Promise.resolve();
      const from = Math.max(Date.now(), new Date(key.expires_at).getTime());
      return api.patch(`keys/${key.key_hash}`, { expires_at: toUtc(new Date(from + days * DAY_MS)) }, { version: `"${key.version}"` });
    });
  };
  const endless = keys.filter((key) => !key.expires_at).length;
  return html`<${Dialog} title=${`Extend ${counted(keys.length, "key")}`} onClose=${onClose}>
    <form class="stack" onSubmit=${extend}>
      <p>Each expires that much later than now; those that have expired, that long from today.${endless > 0 && html` ${counted(endless, "key")} never expire${endless === 1 ? "s" : ""}, and stay${endless === 1 ? "s" : ""} so.`}</p>
      <div class="field"><label for=${id}>Days</label><input id=${id} type="number" min="1" max="3660" required value=${days} onInput=${(/** @type {any} */ event) => setDays(Number(event.target.value))} /></div>
      <div class="actions"><button type="submit">Extend</button><button type="button" class="secondary" onClick=${onClose}>Cancel</button></div>
    </form>
  <//>`;
}

/** @param {any[]} keys @param {(key: any) => Promise<unknown>} change */
async function changeEach(keys, change) {
  const waiting = [...keys];
  /** @type {any[]} */
  const changed = [];
  /** @type {{ key: any, problem: Error }[]} */
  const failures = [];
  const work = async () => {
    for (let key = waiting.shift(); key; key = waiting.shift()) {
      try {
        await change(key);
        changed.push(key);
      } catch (error) {
        failures.push({ key, problem: problemOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { changed, failures };
}
