// @ts-check
/** A key in a form: its members between record, form and request, and the sections that both adding and editing show. */

import { Check, Choice, Field, listOf, numberOf, pairsOf, Select, TextArea, writePairs } from "../shared/form.js";
import { html, useEffect, useState } from "../shared/html.js";
import { publicHalf, recognize, recognizeSecret, thumbprintOf } from "../shared/material.js";
import { toLocalInput, toUtc } from "../shared/time.js";
import { Grants, PolicyChoice, Quotas, RateLimits, rightsToBody, rightsToForm } from "./rights.js";

/** @typedef {import("../shared/form.js").Form} Form */

const DAY_MS = 86_400_000;
export const ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const OF_SECRETS = ALGORITHMS.filter((name) => name.startsWith("HS"));
const OF_PUBLIC_KEYS = ALGORITHMS.filter((name) => !name.startsWith("HS"));

export const NEW_MATERIAL = { kind: "secret", secret: "", encoding: "text", secret_algorithm: "HS256", public: "", public_algorithm: "", generate_algorithm: "HS256" };
const NEW_RULES = { issuer: "", audience: "", typ: "", require_exp: true, max_lifetime_seconds: "", leeway_seconds: "" };
export const NEW_KEY = {
  name: "",
  owner: "",
  tags: "",
  metadata: "",
  labels: "",
  key_id: "",
  material: NEW_MATERIAL,
  rules: NEW_RULES,
  policies: [],
  grants: [],
  rate_limits: [],
  quotas: [],
  sources: "",
  expires: "never",
  expires_days: "90",
  expires_at: toLocalInput(new Date(Date.now() + 90 * DAY_MS)),
};

/** The editable members of a record, as the form holds them. @param {any} record */
export function keyToForm(record) {
  return {
    ...NEW_KEY,
    name: record.name,
    owner: record.owner,
    tags: record.tags.join(", "),
    metadata: writePairs(record.metadata),
    labels: writePairs(record.labels),
    policies: record.policies,
    ...rightsToForm(record),
    sources: (record.sources ?? []).join("\n"),
    expires: record.expires_at ? "at" : "never",
    expires_at: record.expires_at ? toLocalInput(new Date(record.expires_at)) : NEW_KEY.expires_at,
  };
}

/** The members that a key is made or changed by, apart from its material; empty ones too. @param {any} values */
export function keyToBody(values) {
  return {
    name: values.name.trim(),
    owner: values.owner.trim(),
    tags: listOf(values.tags),
    metadata: pairsOf(values.metadata),
    labels: pairsOf(values.labels),
    policies: values.policies,
    ...rightsToBody(values),
    sources: listOf(values.sources),
    expires_at: expiryOf(values),
  };
}

/** @param {any} values @returns {string | null} */
function expiryOf({ expires, expires_days, expires_at }) {
  if (expires === "never") return null;
  const date = expires === "days" ? new Date(Date.now() + Number(expires_days) * DAY_MS) : new Date(expires_at);
  return Number.isNaN(date.getTime()) ? "not a time" : toUtc(date);
}

/** What `POST /keys` takes: empty members left out. @param {any} values */
export function newKeyBody(values) {
  const jwtData = materialToBody(values.material, values.rules);
  const members = { ...keyToBody(values), ...(jwtData && values.key_id ? { key_id: values.key_id.trim() } : {}), ...(jwtData ? { jwt_data: jwtData } : {}) };
  return Object.fromEntries(Object.entries(members).filter(([name, value]) => name === "name" || !isEmpty(value)));
}

/** @param {any} value */
function isEmpty(value) {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** `jwt_data`; null for an opaque key. @param {any} material @param {any} [rules] */
export function materialToBody(material, rules = NEW_RULES) {
  const made = MADE_OF[material.kind](material);
  return made && { ...made, ...rulesToBody(rules) };
}

const MADE_OF = /** @type {Record<string, (material: any) => any>} */ ({
  secret: ({ secret, encoding, secret_algorithm }) => ({ algorithm: secret_algorithm, secret, ...(encoding === "text" ? {} : { encoding }) }),
  public: ({ public: pasted, public_algorithm }) => {
    const known = recognize(pasted);
    const given = known.kind === "jwk" ? { jwk: known.parsed } : { public_key: pasted.trim() };
    return { ...(public_algorithm ? { algorithm: public_algorithm } : {}), ...given };
  },
  generate: ({ generate_algorithm }) => ({ algorithm: generate_algorithm, generate: true }),
  opaque: () => null,
});

/** @param {any} rules */
function rulesToBody({ issuer, audience, typ, require_exp, max_lifetime_seconds, leeway_seconds }) {
  return {
    ...(listOf(issuer).length ? { issuer: listOf(issuer) } : {}),
    ...(listOf(audience).length ? { audience: listOf(audience) } : {}),
    ...(typ ? { typ: typ.trim() } : {}),
    ...(require_exp ? {} : { require_exp }),
    ...(max_lifetime_seconds ? { max_lifetime_seconds: numberOf(max_lifetime_seconds) } : {}),
    ...(leeway_seconds ? { leeway_seconds: numberOf(leeway_seconds) } : {}),
  };
}

/** The token rules of a record, as the form holds them. @param {any} rules */
export function rulesToForm(rules) {
  return {
    issuer: rules.issuer.join(", "),
    audience: rules.audience.join(", "),
    typ: rules.typ,
    require_exp: rules.require_exp,
    max_lifetime_seconds: String(rules.max_lifetime_seconds || ""),
    leeway_seconds: String(rules.leeway_seconds || ""),
  };
}

/** Why the material must not leave the page; empty where it may. @param {any} material */
export function privateIn({ kind, secret, secret_algorithm, encoding, public: pasted }) {
  const known = kind === "secret" ? recognizeSecret(secret, secret_algorithm, encoding) : kind === "public" ? recognize(pasted) : null;
  return known?.kind === "private" ? `${known.words} It stays here; paste its public half.` : "";
}

// --- sections ----------------------------------------------------------------------------------

/** @param {{ title: string, number: number, help: string, children: any }} props */
export function Section({ title, number, help, children }) {
  return html`<section class="section">
    <div class="section-head"><h2><span class="step">${number}</span>${title}</h2><p>${help}</p></div>
    <div class="section-body">${children}</div>
  </section>`;
}

/** @param {{ form: Form }} props */
export function Who({ form }) {
  return html`<div class="grid">
      <${Field} form=${form} name="name" label="Name" required help="For people; lists are searched by it." />
      <${Field} form=${form} name="owner" label="Owner" help="Who it belongs to. Limits may be shared by owner." />
      <${Field} form=${form} name="tags" label="Tags" help="Separated by commas; passed on to your integration." />
    </div>
    <details class="more">
      <summary>Metadata and labels</summary>
      <div class="grid">
        <${TextArea} form=${form} name="metadata" rows="3" label="Metadata" placeholder="tier: gold" help="name: value, one a line. Your integration gets each as meta_<name>." />
        <${TextArea} form=${form} name="labels" rows="3" label="Labels" placeholder="team: web" help="For finding and tidying up; not passed on." />
      </div>
    </details>`;
}

const KINDS = [
  { value: "secret", label: "Own secret", help: "Both sides know it: HMAC" },
  { value: "public", label: "Public key", help: "PEM, JWK or certificate" },
  { value: "generate", label: "Make one for me", help: "Shown once, then gone" },
  { value: "opaque", label: "Opaque key", help: "No JWT: the id is the credential" },
];

/** @param {{ form: Form, withOpaque?: boolean }} props */
export function Material({ form, withOpaque = true }) {
  const { kind } = form.values.material;
  return html`
    <${Choice} form=${form} of="material.kind" legend="How it proves itself" options=${withOpaque ? KINDS : KINDS.slice(0, 3)} />
    ${kind === "secret" && html`<${Secret} form=${form} />`}
    ${kind === "public" && html`<${PublicKey} form=${form} />`}
    ${kind === "generate" && html`<${Generate} form=${form} />`}
    ${kind === "opaque" && html`<p class="help">Its id is made by the server, 32 random bytes, and shown once. Whoever has it may call; a JWT proves more, as its secret never travels.</p>`}
  `;
}

/** @param {{ form: Form }} props */
function Secret({ form }) {
  const { secret, secret_algorithm, encoding } = form.values.material;
  const [isShown, setShown] = useState(false);
  return html`<div class="grid">
      <${Field} form=${form} name="jwt_data.secret" of="material.secret" class="wide" label="Secret" type=${isShown ? "text" : "password"} autocomplete="off" spellcheck=${false} />
      <${Select} form=${form} name="jwt_data.algorithm" of="material.secret_algorithm" label="Algorithm" options=${OF_SECRETS.map((name) => [name, name])} />
      <${Select} form=${form} name="jwt_data.encoding" of="material.encoding" label="Written as" options=${[["text", "plain text"], ["base64url", "base64url of bytes"]]} />
    </div>
    <label class="inline"><input type="checkbox" checked=${isShown} onChange=${() => setShown(!isShown)} /> Show what I type</label>
    <${RecognizedNote} known=${recognizeSecret(secret, secret_algorithm, encoding)} />`;
}

/** @param {{ form: Form }} props */
function PublicKey({ form }) {
  const pasted = form.values.material.public;
  const known = recognize(pasted);
  return html`
    <${TextArea} form=${form} name=${known.kind === "jwk" ? "jwt_data.jwk" : "jwt_data.public_key"} of="material.public" rows="7" label="Public key" class="mono" spellcheck=${false} placeholder="-----BEGIN PUBLIC KEY-----" help="PEM (public key or X.509 certificate) or a JWK." />
    <${RecognizedNote} known=${known} />
    ${known.kind === "private" && known.parsed && html`<button type="button" class="secondary small" onClick=${() => form.set("material.public", publicHalf(known.parsed))}>Keep its public members only</button>`}
    <${Select} form=${form} name="jwt_data.algorithm" of="material.public_algorithm" label="Algorithm" options=${[["", known.algorithm ? `as the key says: ${known.algorithm}` : "as the key says"], ...OF_PUBLIC_KEYS.map((name) => [name, name])]} help="An RSA key may also mean RS384, RS512, PS256 …" />
  `;
}

/** @param {{ form: Form }} props */
function Generate({ form }) {
  const words = (/** @type {string} */ name) => (name.startsWith("HS") ? `${name}: a secret` : `${name}: a key pair`);
  return html`<${Select} form=${form} name="jwt_data.algorithm" of="material.generate_algorithm" label="Algorithm" options=${ALGORITHMS.map((name) => [name, words(name)])} help="ES256 and EdDSA are small and fast; of a pair, only the public half is kept." />`;
}

/** What the page sees in the material, as it is pasted. @param {{ known: import("../shared/material.js").Recognized }} props */
function RecognizedNote({ known }) {
  const [thumbprint, setThumbprint] = useState("");
  const members = JSON.stringify(known.jwk ?? null);
  useEffect(() => {
    let isCurrent = true;
    setThumbprint("");
    if (known.jwk) thumbprintOf(known.jwk).then((made) => isCurrent && setThumbprint(made));
    return () => {
      isCurrent = false;
    };
  }, [members]);
  if (known.kind === "empty") return null;
  const tone = known.kind === "private" ? "bad" : known.kind === "unknown" ? "unsure" : "good";
  return html`<p class="recognized ${tone}" role="status">
    <strong>${known.words}</strong>${known.algorithm && html` Verifies ${known.algorithm}.`}${known.advice && html` ${known.advice}`}
    ${thumbprint && html`<br /><span class="faint">Thumbprint</span> <code>${thumbprint}</code>`}
  </p>`;
}

/** @param {{ form: Form, choices: ReturnType<typeof import("./choices.js").useChoices> }} props */
export function Allowed({ form, choices }) {
  return html`<${PolicyChoice} form=${form} policies=${choices.policies} isLoading=${choices.isLoading} />
    <h3>Grants of its own</h3>
    <p class="help">Where a policy brings grants, those replace the key's own.</p>
    <${Grants} form=${form} apis=${choices.apiIds} />`;
}

/** @param {{ form: Form }} props */
export function HowOften({ form }) {
  return html`<h3>Rate limits</h3>
    <p class="help">A true ceiling: no interval of the period, wherever it starts, holds more.</p>
    <${RateLimits} form=${form} />
    <h3>Quotas</h3>
    <p class="help">How much in all, in a longer period.</p>
    <${Quotas} form=${form} />`;
}

/** @param {{ form: Form, withDays?: boolean }} props */
export function UntilWhen({ form, withDays = true }) {
  const { expires } = form.values;
  return html`
    <div class="grid">
      <${Select} form=${form} name="expires" label="Expires" options=${[["never", "never"], ...(withDays ? [["days", "after some days"]] : []), ["at", "at a time"]]} />
      ${expires === "days" && html`<${Field} form=${form} name="expires_at" of="expires_days" label="Days" type="number" min="1" />`}
      ${expires === "at" && html`<${Field} form=${form} name="expires_at" label="At (your time)" type="datetime-local" />`}
    </div>
    <${TextArea} form=${form} name="sources" rows="2" label="Only from these addresses" placeholder="203.0.113.0/24" help="IPv4 or IPv6, with or without a prefix length. Empty: from anywhere." />
  `;
}

/** @param {{ form: Form, of?: string }} props */
export function TokenRules({ form, of = "rules" }) {
  return html`<details class="more">
    <summary>Rules for its tokens</summary>
    <div class="grid">
      <${Field} form=${form} name="jwt_data.issuer" of="${of}.issuer" label="Issuer (iss)" help="One of these, where it is set" />
      <${Field} form=${form} name="jwt_data.audience" of="${of}.audience" label="Audience (aud)" />
      <${Field} form=${form} name="jwt_data.typ" of="${of}.typ" label="Type (typ)" placeholder="at+jwt" />
      <${Field} form=${form} name="jwt_data.max_lifetime_seconds" of="${of}.max_lifetime_seconds" label="Longest lifetime" inputmode="numeric" help="Seconds; empty: any" />
      <${Field} form=${form} name="jwt_data.leeway_seconds" of="${of}.leeway_seconds" label="Leeway" inputmode="numeric" help="Seconds of clock skew, at most 60" />
    </div>
    <${Check} form=${form} name="jwt_data.require_exp" of="${of}.require_exp" label="A token must expire (exp)" />
  </details>`;
}
