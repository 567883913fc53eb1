// @ts-check
/** The dashboard: who is signed in, where one is, and the view of that place. */

import { api, connection, prefetch, Problem, session } from "../shared/api.js";
import { Dialog, Questions } from "../shared/dialog.js";
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { problemOf, ProblemNote, Shape } from "../shared/load.js";
import { linkTo, readPlace, usePlace } from "../shared/router.js";
import { SignInForm } from "../shared/sign_in.js";
import { ThemeSwitch } from "../shared/theme.js";
import { Time } from "../shared/time.js";
import { toast, Toasts } from "../shared/toast.js";
import { grantInWords } from "../shared/words.js";
import { KeysView, listQuery } from "./keys.js";

/** @typedef {{ key_hash: string, name: string, owner: string, rights: any[], expires_at: string }} Session */
/** @typedef {import("../shared/router.js").Place} Place */

const KNOWN = "tollgate.signed-in"; // that there is a session, nothing of it: spares a request that would fail

const ENDED = { status: 401, title: "The session has ended", detail: "Nothing was saved, and what you typed is still here: sign in and try again." };

const NAVIGATION = [
  { name: "keys", title: "Keys" },
  { name: "policies", title: "Policies" },
  { name: "apis", title: "APIs" },
  { name: "issuers", title: "Issuers" },
  { name: "audit", title: "Audit" },
  { name: "explain", title: "Why refused?" },
];

/** The views by the shape of their path; `*` is the id of a record. Each but the first is loaded when it is needed. */
/** @type {Record<string, () => Promise<(props: { place: Place }) => any>>} */
const VIEWS = {
  keys: async () => KeysView,
  "keys/new": async () => (await import("./add_key.js")).AddKeyView,
  "keys/import": async () => (await import("./import_keys.js")).ImportView,
  "keys/*": async () => (await import("./key.js")).KeyView,
  "keys/*/edit": async () => (await import("./edit_key.js")).EditKeyView,
  "keys/*/shown": async () => (await import("./shown.js")).ShownView,
  policies: async () => (await import("./policies.js")).PoliciesView,
  "policies/new": async () => (await import("./policy.js")).PolicyView,
  "policies/*": async () => (await import("./policy.js")).PolicyView,
  apis: async () => (await import("./apis.js")).ApisView,
  "apis/new": async () => (await import("./apis.js")).ApiView,
  "apis/*": async () => (await import("./apis.js")).ApiView,
  issuers: async () => (await import("./issuers.js")).IssuersView,
  "issuers/new": async () => (await import("./issuers.js")).IssuerView,
  "issuers/*": async () => (await import("./issuers.js")).IssuerView,
  audit: async () => (await import("./audit.js")).AuditView,
  explain: async () => (await import("./explain.js")).ExplainView,
};

/** @param {Place} place */
function shapeOf({ parts }) {
  if (!parts.length) return "keys";
  const literal = parts.join("/");
  return literal in VIEWS ? literal : parts.map((part, at) => (at === 1 ? "*" : part)).join("/");
}

function App() {
  const [current, setCurrent] = useState(/** @type {Session | null | undefined} */ (undefined));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [renewal, setRenewal] = useState(/** @type {{ done: () => void, cancel: () => void } | null} */ (null));
  const place = usePlace();

  const load = async () => {
    setProblem(null);
    try {
      setCurrent((await api.get("session", { isOpen: true })).body);
      remember(true);
    } catch (error) {
      const known = problemOf(error);
      remember(false);
      if (known.status === 401) setCurrent(null);
      else setProblem(known);
    }
  };
  useEffect(() => {
    load();
    session.renew = () =>
      new Promise((resolve, reject) => {
        const close = (/** @type {() => void} */ then) => () => {
          setRenewal(null);
          then();
        };
        setRenewal({
          done: close(() => {
            resolve();
            load();
          }),
          cancel: close(() => reject(new Problem(ENDED))),
        });
      });
  }, []);

  if (problem) return html`<main class="narrow"><${ProblemNote} problem=${problem} what="session" retry=${load} isPage=${true} /></main>`;
  if (current === undefined) return html`<main><${Shape} what="the dashboard" rows=${6} /></main>`;
  if (current === null) return html`<${SignInPage} onDone=${load} /><${Toasts} />`;
  return html`
    <a class="skip" href="#main" onClick=${skipToMain}>Skip to the content</a>
    <${Header} current=${current} place=${place} onSignedOut=${() => setCurrent(null)} />
    <${Connection} />
    <main id="main" tabindex="-1"><${View} place=${place} /></main>
    ${renewal &&
    html`<${Dialog} title="Your session has ended" onClose=${renewal.cancel}>
      <p>Sign in again and go on: what you typed is still here.</p>
      <${SignInForm} onDone=${renewal.done} action="Sign in and go on" />
    <//>`}
    <${Questions} />
    <${Toasts} />
  `;
}

/** @param {Event} event */
function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {boolean} isSignedIn */
function remember(isSignedIn) {
  try {
    if (isSignedIn) localStorage.setItem(KNOWN, "yes");
    else localStorage.removeItem(KNOWN);
  } catch {
    /* storage is barred: the first list waits for the session */
  }
}

/** @param {{ place: Place }} props */
function View({ place }) {
  const shape = shapeOf(place);
  const [loaded, setLoaded] = useState(/** @type {{ shape: string, Component: any } | null} */ (shape === "keys" ? { shape, Component: KeysView } : null));
  const [isBroken, setBroken] = useState(false);
  const isFirst = useRef(true);
  useEffect(() => {
    setBroken(false);
    const load = VIEWS[shape];
    load?.().then((Component) => setLoaded({ shape, Component })).catch(() => setBroken(true));
  }, [shape]);
  useLayoutEffect(() => {
    const heading = /** @type {HTMLElement | null} */ (document.querySelector("main h1"));
    document.title = heading ? `${heading.textContent} · Tollgate` : "Tollgate";
    if (!isFirst.current) {
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [place.path, loaded?.shape]);
  if (!(shape in VIEWS)) {
    return html`<section class="note problem"><h1>There is no such page</h1><p>The link is mistyped, or from another version. <a href="#/keys">All keys</a></p></section>`;
  }
  if (isBroken) {
    return html`<section class="note problem"><h1>This page was renewed</h1><p>A new version was deployed since it was opened. <button type="button" onClick=${() => location.reload()}>Load it anew</button></p></section>`;
  }
  if (loaded?.shape !== shape) return html`<${Shape} what="the page" rows=${6} />`;
  return html`<${loaded.Component} place=${place} key=${place.path} />`;
}

/** @param {{ current: Session, place: Place, onSignedOut: () => void }} props */
function Header({ current, place, onSignedOut }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [place.path]);
  const here = place.parts[0] ?? "keys";
  return html`<header class="top">
    <a class="brand" href="#/keys"><${Mark} /> Tollgate</a>
    <button type="button" class="quiet icon-button menu-button" aria-expanded=${isOpen ? "true" : "false"} aria-controls="navigation" aria-label="Menu" onClick=${() => setOpen(!isOpen)}><${Icon} name="menu" /></button>
    <nav id="navigation" class=${isOpen ? "open" : ""} aria-label="Main">
      ${NAVIGATION.map(({ name, title }) => html`<a key=${name} href=${linkTo([name])} aria-current=${here === name ? "page" : null}>${title}</a>`)}
      <a href="docs">API reference</a>
    </nav>
    <div class="top-end">
      <${ThemeSwitch} />
      <${Who} current=${current} onSignedOut=${onSignedOut} />
    </div>
  </header>`;
}

function Mark() {
  return html`<svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><rect class="mark-ground" width="32" height="32" rx="7" /><path d="M8 25V9m0 3 16-4M5.5 25h5" stroke="#fff" stroke-width="3" stroke-linecap="round" fill="none" /><circle cx="24" cy="8" r="2.2" fill="#ffd166" /></svg>`;
}

/** Who is signed in, with what rights, until when. @param {{ current: Session, onSignedOut: () => void }} props */
function Who({ current, onSignedOut }) {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      if (menu.current && !menu.current.contains(/** @type {Node} */ (event.target))) menu.current.open = false;
    };
    const escape = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || !menu.current?.open) return;
      menu.current.open = false;
      menu.current.querySelector("summary")?.focus();
    };
    addEventListener("click", close);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("click", close);
      removeEventListener("keydown", escape);
    };
  }, []);
  const signOut = async (/** @type {boolean} */ everywhere) => {
    try {
      await api.delete("session", { isOpen: true, query: everywhere ? { everywhere: "true" } : {} });
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status !== 401) {
        toast(problem.message, { kind: "problem" });
        return;
      }
    }
    remember(false);
    onSignedOut();
  };
  return html`<details class="who" ref=${menu}>
    <summary>${current.name}<${Icon} name="down" /></summary>
    <div class="who-menu">
      <p><strong>${current.name}</strong>${current.owner && html`<br /><span class="faint">owner ${current.owner}</span>`}</p>
      ${Array.isArray(current.rights) && html`<ul class="rights">${current.rights.map((right, at) => html`<li key=${at}>${typeof right === "string" ? right : grantInWords(right)}</li>`)}</ul>`}
      <p class="faint">Session ends <${Time} at=${current.expires_at} /></p>
      <a href=${linkTo(["keys", current.key_hash])}>This key</a>
      <button type="button" class="secondary" onClick=${() => signOut(false)}>Sign out</button>
      <button type="button" class="secondary" onClick=${() => signOut(true)}>Sign out everywhere</button>
    </div>
  </details>`;
}

function Connection() {
  const [state, setState] = useState(connection.state);
  useEffect(() => {
    connection.listeners.add(setState);
    return () => {
      connection.listeners.delete(setState);
    };
  }, []);
  return html`<div class="connection" role="status">
    ${state !== "ok" && html`<p><${Icon} name="warning" /> ${state === "offline" ? "You are offline. This page goes on by itself when you are back." : "The API does not answer. Trying again …"}</p>`}
  </div>`;
}

/** @param {{ onDone: () => void }} props */
function SignInPage({ onDone }) {
  useEffect(() => {
    document.title = "Sign in · Tollgate";
  }, []);
  return html`<main class="sign-in">
    <div class="sign-in-head"><${Mark} /><${ThemeSwitch} /></div>
    <h1>Tollgate</h1>
    <p>Keys, policies, rate limits and quotas in front of your APIs. Sign in with an admin key.</p>
    <${SignInForm} onDone=${onDone} />
    <details>
      <summary>Where is my admin key?</summary>
      <p><code>make dev</code> prints it. On AWS, make the first with <code>create_admin_key</code> (README, “Deploy”); operators make others here, with a grant on the API <code>admin</code>.</p>
    </details>
    <p class="faint"><a href="docs">API reference</a></p>
  </main>`;
}

/** Fetch the first list beside the session, where there probably is one. */
function fetchEarly() {
  try {
    if (localStorage.getItem(KNOWN) && shapeOf(readPlace()) === "keys") prefetch("keys", { query: listQuery(readPlace().query) });
  } catch {
    /* storage is barred */
  }
}

fetchEarly();
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${App} />`, root);
