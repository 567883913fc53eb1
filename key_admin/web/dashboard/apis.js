// @ts-check
/** API definitions: which gateways they are, where the credential is read, and who may call. */

import { api } from "../shared/api.js";
import { Check, Field, listOf, pairsOf, TextArea, writePairs } from "../shared/form.js";
import { html } from "../shared/html.js";
import { Loaded, useLoad } from "../shared/load.js";
import { linkTo } from "../shared/router.js";
import { counted } from "../shared/words.js";
import { Section } from "./key_form.js";
import { RecordList, RecordView } from "./records.js";

/** @typedef {import("../shared/form.js").Form} Form */

/** @type {import("./records.js").Kind} */
const API = {
  path: "apis",
  id: "api_id",
  noun: "API",
  title: "API",
  plural: "APIs",
  empty: { name: "", gateways: "", enable_jwt: true, enable_opaque: true, any_opaque: false, allow_sub: true, header: "Authorization", query: "", cookie: "", base_path: "", issuers: "", labels: "" },
  toForm: (definition) => ({
    name: definition.name,
    gateways: definition.gateways.join("\n"),
    enable_jwt: definition.enable_jwt,
    enable_opaque: definition.enable_opaque,
    any_opaque: definition.opaque === "any",
    allow_sub: definition.allow_sub,
    header: definition.token.header ?? "",
    query: definition.token.query ?? "",
    cookie: definition.token.cookie ?? "",
    base_path: definition.base_path ?? "",
    issuers: definition.issuers.join(", "),
    labels: writePairs(definition.labels),
  }),
  toBody: (values) => ({
    name: values.name.trim() || values.id,
    gateways: listOf(values.gateways),
    enable_jwt: values.enable_jwt,
    enable_opaque: values.enable_opaque,
    ...(values.any_opaque ? { opaque: "any" } : {}),
    allow_sub: values.allow_sub,
    token: Object.fromEntries(["header", "query", "cookie"].map((place) => [place, values[place].trim()]).filter(([, name]) => name)),
    ...(values.base_path.trim() ? { base_path: values.base_path.trim() } : {}),
    issuers: listOf(values.issuers),
    ...(values.labels.trim() ? { labels: pairsOf(values.labels) } : {}),
  }),
};

const COLUMNS = [
  { title: "Gateways", cell: (/** @type {any} */ definition) => definition.gateways.map((/** @type {string} */ gateway) => html`<code key=${gateway}>${gateway}</code> `) },
  { title: "Takes", cell: (/** @type {any} */ definition) => [definition.enable_jwt && "tokens", definition.enable_opaque && "opaque keys"].filter(Boolean).join(", ") || "nothing" },
  { title: "Reads", cell: (/** @type {any} */ { token }) => [token.header, token.query && `?${token.query}`, token.cookie && `cookie ${token.cookie}`].filter(Boolean).join(", ") },
  { title: "Issuers", cell: (/** @type {any} */ definition) => definition.issuers.map((/** @type {string} */ id) => html`<a class="tag" key=${id} href=${linkTo(["issuers", id])}>${id}</a>`) },
];

/** @param {{ place: import("../shared/router.js").Place }} props */
export function ApisView({ place }) {
  return html`<${RecordList} kind=${API} place=${place} columns=${COLUMNS} lead="Names for your gateways, so that grants need not name stages. An API without a definition works by defaults.">
    <h2>No API definitions yet</h2>
    <p>None is needed: grants may name <code>${"<api id>/<stage>"}</code>, or <code>*</code>. A definition gives several stages one name, reads the token elsewhere than in <code>Authorization</code>, or takes an identity provider's tokens.</p>
    <p><a href="#/apis/new">Add an API</a></p>
  <//>`;
}

/** @param {{ place: import("../shared/router.js").Place }} props */
export function ApiView({ place }) {
  return html`<${RecordView}
    kind=${API}
    place=${place}
    deletion="Its gateways fall back to the defaults; grants that name it open nothing from then on."
    fields=${(/** @type {Form} */ form) => html`<${Fields} form=${form} />`}
    beside=${(/** @type {any} */ record) => record && html`<${Callers} apiId=${record.api_id} />`}
  />`;
}

/** @param {{ form: Form }} props */
function Fields({ form }) {
  return html`
    <${Section} number=${1} title="What it is" help="A gateway belongs to one definition.">
      <${Field} form=${form} name="name" label="Name" />
      <${TextArea} form=${form} name="gateways" rows="3" class="mono" label="Gateways" placeholder="a1b2c3d4e5/prod" help="<api id>/<stage> or <api id>/*, one a line" />
      <${Field} form=${form} name="base_path" label="Base path" help="The mapping key of a custom domain, where the gateway names only $default" />
      <${TextArea} form=${form} name="labels" rows="2" label="Labels" placeholder="team: web" />
    <//>
    <${Section} number=${2} title="What it takes" help="Credentials of other kinds are refused.">
      <${Check} form=${form} name="enable_jwt" label="Tokens (JWT)" />
      <${Check} form=${form} name="enable_opaque" label="Opaque keys" />
      <${Check} form=${form} name="opaque" of="any_opaque" label="Opaque keys that were issued elsewhere" help="Imported ones have no checksum, so each guess costs a read." />
      <${Check} form=${form} name="allow_sub" label="Take the key id from sub where kid is absent" />
    <//>
    <${Section} number=${3} title="Where the credential is" help="At least one. Two different ones in a request are refused.">
      <div class="grid">
        <${Field} form=${form} name="token.header" of="header" label="Header" /><${Field} form=${form} name="token.query" of="query" label="Query parameter" /><${Field} form=${form} name="token.cookie" of="cookie" label="Cookie" />
      </div>
    <//>
    <${Section} number=${4} title="Identity providers" help="Whose tokens it takes beside those of keys."><${Field} form=${form} name="issuers" label="Issuers" help=${html`Ids, separated by commas. <a href="#/issuers">All issuers</a>`} /><//>
  `;
}

/** @param {{ apiId: string }} props */
function Callers({ apiId }) {
  const load = useLoad(async (signal) => (await api.get("keys", { query: { api: apiId, limit: 50 }, signal })).body, [apiId]);
  return html`<section class="panel">
    <h2>Who may call it</h2>
    <${Loaded} load=${load} what="keys" rows=${2}>
      ${(/** @type {any} */ page) =>
        page.items.length
          ? html`<p><a href=${linkTo(["keys"], { api: apiId })}>${page.next ? "More than " : ""}${counted(page.items.length, "key")}</a> ${page.items.slice(0, 8).map((/** @type {any} */ key) => html`<a class="tag" key=${key.key_hash} href=${linkTo(["keys", key.key_hash])}>${key.name}</a>`)}</p>`
          : html`<p class="faint">No key yet. <a href="#/keys/new">Add one</a></p>`}
    <//>
  </section>`;
}
