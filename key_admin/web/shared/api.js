// @ts-check
/**
 * Requests to the API that serves this page.
 *
 * A refusal is a `Problem` (RFC 9457). What may be repeated is repeated while the API does not answer,
 * and `connection` says so. Where the session has ended, the request waits for a new one and goes on.
 */

/** @typedef {{ field: string, message: string }} FieldError */
/** @typedef {{ body: any, version: string | null, status: number }} Answer */
/**
 * @typedef {object} Options
 * @property {Record<string, string | number | boolean | null | undefined>} [query] empty values are left out
 * @property {unknown} [body] sent as JSON
 * @property {string | null} [version] the ETag that the record must still have
 * @property {string} [once] the Idempotency-Key of a POST
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [isOpen] needs no session, so a 401 is an answer like any other
 */

export const BASE = new URL(".", location.href);
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;
const PROBLEM_TYPE = "application/problem+json";

/** An answer other than success, or none at all (status 0). */
export class Problem extends Error {
  /** @param {{ status: number, title: string, detail: string, errors?: FieldError[], requestId?: string | null, code?: string }} members */
  constructor({ status, title, detail, errors = [], requestId = null, code = "" }) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.requestId = requestId;
    this.code = code;
  }
}

/** Whether the API answers: "ok", "waiting" or "offline". */
export const connection = {
  state: "ok",
  /** @type {Set<(state: string) => void>} */
  listeners: new Set(),
  /** @param {string} state */
  set(state) {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.listeners) listener(state);
  },
};

export const session = {
  /** Opens a session anew and resolves, or rejects where nobody signs in. Set by the page. */
  /** @type {() => Promise<void>} */
  renew: () => Promise.reject(new Problem({ status: 401, title: "Not signed in", detail: "Sign in first." })),
  /** @type {Promise<void> | null} */
  renewal: null,
};

export const api = {
  /** @param {string} path @param {Options} [options] */
  get: (path, options) => request("GET", path, options),
  /** @param {string} path @param {unknown} [body] @param {Options} [options] */
  post: (path, body, options) => request("POST", path, { once: randomId(), ...options, body }),
  /** @param {string} path @param {unknown} body @param {Options} [options] */
  patch: (path, body, options) => request("PATCH", path, { ...options, body }),
  /** @param {string} path @param {unknown} body @param {Options} [options] */
  put: (path, body, options) => request("PUT", path, { ...options, body }),
  /** @param {string} path @param {Options} [options] */
  delete: (path, options) => request("DELETE", path, options),
};

/** An Idempotency-Key: 128 random bits. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @type {Map<string, Promise<Answer>>} */
const early = new Map();

/** Ask for what the first view will ask for, while its modules still load. @param {string} path @param {Options} [options] */
export function prefetch(path, options) {
  const answer = request("GET", path, options);
  answer.catch(() => {}); // whoever asks in earnest hears of it
  early.set(addressOf(path, options?.query).href, answer);
}

/** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<Answer>} */
async function request(method, path, options = {}) {
  const address = addressOf(path, options.query);
  const fetched = method === "GET" ? early.get(address.href) : undefined;
  if (fetched) {
    early.delete(address.href);
    return fetched;
  }
  for (let tries = 1; ; ) {
    const response = await send(method, address, options);
    if (response && response.status !== 503) {
      connection.set("ok");
      if (options.isOpen || !(await isSessionEnded(response))) return read(response);
      await renewSession();
    } else if (mayRepeat(method, options) && tries < MAX_TRIES) {
      connection.set(navigator.onLine ? "waiting" : "offline");
      await pause(tries++, response, options.signal);
    } else {
      connection.set("ok");
      if (response) return read(response);
      throw new Problem({ status: 0, title: "No answer", detail: "The API does not answer. What was typed is still here; try again." });
    }
  }
}

/** @param {string} method @param {URL} address @param {Options} options @returns {Promise<Response | null>} null: no answer */
async function send(method, address, { body, version, once, headers, signal }) {
  /** @type {Record<string, string>} */
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (version) sent["If-Match"] = version;
  if (once && method === "POST") sent["Idempotency-Key"] = once;
  try {
    return await fetch(address, {
      method,
      headers: sent,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    return null;
  }
}

/** @param {string} path @param {Options["query"]} [query] */
function addressOf(path, query = {}) {
  const address = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, String(value));
  }
  return address;
}

/** The gateway answers a dead session as it answers a missing right; `GET /session` tells them apart. @param {Response} response */
async function isSessionEnded(response) {
  if (response.status === 401) return true;
  if (response.status !== 403 || isProblem(response)) return false;
  const asked = await send("GET", addressOf("session"), {});
  return asked?.status === 401;
}

function renewSession() {
  session.renewal ??= session.renew().finally(() => {
    session.renewal = null;
  });
  return session.renewal;
}

/** A POST carries an Idempotency-Key, so it is performed once however often it is sent. @param {string} method @param {Options} options */
function mayRepeat(method, options) {
  return method === "GET" || (method === "POST" && Boolean(options.once));
}

/** @param {number} tries @param {Response | null} response @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(tries, response, signal) {
  const asked = Number(response?.headers.get("Retry-After")) * 1_000 || 0;
  const milliseconds = Math.max(asked, Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS));
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
    signal?.addEventListener("abort", go);
  });
}

/** @param {Response} response @returns {Promise<Answer>} */
async function read(response) {
  const body = response.headers.get("Content-Type")?.includes("json") ? await response.json() : null;
  if (response.ok) return { body, version: response.headers.get("ETag"), status: response.status };
  throw new Problem({
    status: response.status,
    title: body?.title ?? (response.statusText || `Status ${response.status}`),
    detail: body?.detail ?? FALLBACKS[response.status] ?? "",
    errors: body?.errors,
    requestId: response.headers.get("apigw-requestid"),
    code: String(body?.type ?? "").split("/").pop(),
  });
}

/** @type {Record<number, string>} */
const FALLBACKS = {
  403: "The key that you signed in with has no right to do this.",
  404: "There is no such page or record.",
  429: "The key that you signed in with has reached its limit; wait a moment.",
  500: "A fault on the server.",
};

/** @param {Response} response */
function isProblem(response) {
  return Boolean(response.headers.get("Content-Type")?.includes(PROBLEM_TYPE));
}
