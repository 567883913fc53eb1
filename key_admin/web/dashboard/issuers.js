// @ts-check
/** Outside identity providers: whose tokens are taken, what they bring, and a token to try. */

import { Check, Field, listOf, numberOf, pairsOf, TextArea, writePairs } from "../shared/form.js";
import { html } from "../shared/html.js";
import { linkTo } from "../shared/router.js";
import { Time } from "../shared/time.js";
import { ExplainForm } from "./explain.js";
import { Section } from "./key_form.js";
import { RecordList, RecordView } from "./records.js";

/** @typedef {import("../shared/form.js").Form} Form */

/** @type {import("./records.js").Kind} */
const ISSUER = {
  path: "issuers",
  id: "issuer_id",
  noun: "issuer",
  title: "Issuer",
  plural: "Issuers",
  empty: { issuer: "", discovery: true, jwks_uri: "", algorithms: "RS256", audience: "", any_audience: false, identity_claim: "sub", policy_claim: "", allowed_policies: "", default_policies: "", scope_claim: "", scope_policies: "", leeway_seconds: "", labels: "" },
  toForm: (issuer) => ({
    issuer: issuer.issuer,
    discovery: issuer.discovery,
    jwks_uri: issuer.jwks_uri ?? "",
    algorithms: issuer.algorithms.join(", "),
    audience: issuer.audience.join(", "),
    any_audience: issuer.any_audience ?? false,
    identity_claim: issuer.identity_claim,
    policy_claim: issuer.policy_claim,
    allowed_policies: (issuer.allowed_policies ?? []).join(", "),
    default_policies: issuer.default_policies.join(", "),
    scope_claim: issuer.scope_claim,
    scope_policies: writePairs(issuer.scope_policies),
    leeway_seconds: String(issuer.leeway_seconds || ""),
    labels: writePairs(issuer.labels),
  }),
  toBody: (values) => ({
    issuer: values.issuer.trim(),
    ...(values.discovery ? { discovery: true } : { jwks_uri: values.jwks_uri.trim() }),
    algorithms: listOf(values.algorithms),
    ...(values.any_audience ? { any_audience: true } : { audience: listOf(values.audience) }),
    identity_claim: values.identity_claim.trim(),
    ...(values.policy_claim.trim() ? { policy_claim: values.policy_claim.trim() } : {}),
    ...(values.allowed_policies.trim() ? { allowed_policies: listOf(values.allowed_policies) } : {}),
    default_policies: listOf(values.default_policies),
    ...(values.scope_claim.trim() ? { scope_claim: values.scope_claim.trim(), scope_policies: scopesOf(values.scope_policies) } : {}),
    ...(values.leeway_seconds.trim() ? { leeway_seconds: numberOf(values.leeway_seconds) } : {}),
    ...(values.labels.trim() ? { labels: pairsOf(values.labels) } : {}),
  }),
};

/** A scope may hold a colon, so the policy is what follows the last one. @param {string} text */
function scopesOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(":")).trim(), line.slice(line.lastIndexOf(":") + 1).trim()]));
}

const COLUMNS = [
  { title: "Issuer (iss)", cell: (/** @type {any} */ issuer) => issuer.issuer },
  { title: "Audience", cell: (/** @type {any} */ issuer) => issuer.audience.join(", ") || html`<span class="warn">any</span>` },
  { title: "Algorithms", cell: (/** @type {any} */ issuer) => issuer.algorithms.join(", ") },
  { title: "Brings", cell: (/** @type {any} */ issuer) => [...issuer.default_policies, issuer.policy_claim && `claim ${issuer.policy_claim}`, issuer.scope_claim && `scopes of ${issuer.scope_claim}`].filter(Boolean).join(", ") },
];

/** @param {{ place: import("../shared/router.js").Place }} props */
export function IssuersView({ place }) {
  return html`<${RecordList} kind=${ISSUER} place=${place} columns=${COLUMNS} lead="Identity providers whose tokens your APIs take: Cognito, Auth0, Okta, Entra, Keycloak. Each identity has limits of its own.">
    <h2>No issuers yet</h2>
    <p>With an issuer, people call your API with the token that they have from your identity provider. Policies come from a claim, from scopes, or by default.</p>
    <ol>
      <li><a href="#/issuers/new">Add an issuer</a> with its address and audience.</li>
      <li>Name it at the <a href="#/apis">API</a> that takes its tokens.</li>
      <li>Try a token here: each check is explained.</li>
    </ol>
  <//>`;
}

/** @param {{ place: import("../shared/router.js").Place }} props */
export function IssuerView({ place }) {
  return html`<${RecordView}
    kind=${ISSUER}
    place=${place}
    deletion="Tokens of this provider are refused within 5 seconds."
    fields=${(/** @type {Form} */ form) => html`<${Fields} form=${form} />`}
    beside=${(/** @type {any} */ record) => record && html`<${KeySet} record=${record} />`}
  />
  ${place.parts[1] !== "new" && html`<section class="panel"><h2>Test a token</h2><p class="help">Each check, on an API that names this issuer. The token is not stored.</p><${ExplainForm} asksCredential=${true} /></section>`}`;
}

/** The state of its key set, where the API says it. @param {{ record: any }} props */
function KeySet({ record }) {
  const state = record.key_set;
  return html`<section class="panel">
    <h2>Key set</h2>
    <p>${record.discovery ? html`Found by discovery at <code>${record.issuer}</code>` : html`<code>${record.jwks_uri}</code>`}</p>
    ${state && html`<p class="facts"><span>fetched <${Time} at=${state.fetched_at} /></span><span>${state.keys} keys</span></p>`}
    <p class="faint">Changed <${Time} at=${record.updated_at} />. <a href=${linkTo(["audit"], { resource: `/issuers/${record.issuer_id}` })}>History</a></p>
  </section>`;
}

/** @param {{ form: Form }} props */
function Fields({ form }) {
  const { discovery, any_audience } = form.values;
  return html`
    <${Section} number=${1} title="Who it is" help="Its tokens carry this in iss, to the letter.">
      <${Field} form=${form} name="issuer" label="Issuer" placeholder="https://idp.example.com" spellcheck=${false} />
      <${Check} form=${form} name="discovery" label="Find its keys by discovery" help="From /.well-known/openid-configuration" />
      ${!discovery && html`<${Field} form=${form} name="jwks_uri" label="Address of its key set" placeholder="https://…/jwks.json" />`}
      <${Field} form=${form} name="algorithms" label="Algorithms" help="Separated by commas" />
    <//>
    <${Section} number=${2} title="Which tokens" help="A token made for another audience is refused.">
      ${!any_audience && html`<${Field} form=${form} name="audience" label="Audience (aud)" help="One or several, separated by commas" />`}
      <${Check} form=${form} name="any_audience" label="Tokens for any audience" help="Only where everything this provider issues may call." />
      <div class="grid"><${Field} form=${form} name="identity_claim" label="Claim that names the identity" /><${Field} form=${form} name="leeway_seconds" label="Leeway" inputmode="numeric" help="Seconds of clock skew" /></div>
    <//>
    <${Section} number=${3} title="What they bring" help="At least one of the three.">
      <${Field} form=${form} name="default_policies" label="Policies of every token" />
      <div class="grid"><${Field} form=${form} name="policy_claim" label="Claim that names policies" /><${Field} form=${form} name="allowed_policies" label="Only these may be named" /></div>
      <div class="grid"><${Field} form=${form} name="scope_claim" label="Claim with scopes" placeholder="scope" /><${TextArea} form=${form} name="scope_policies" rows="3" label="Policies of scopes" placeholder="orders:read: silver" help="scope: policy, one a line" /></div>
      <${TextArea} form=${form} name="labels" rows="2" label="Labels" placeholder="team: web" />
    <//>
  `;
}
