// @ts-check
/**
 * Where one is: the hash of the address, `#/keys?owner=acme`.
 *
 * The hash never reaches the server, so pages need no routes of their own there, and filters have links.
 */

import { useEffect, useState } from "./html.js";

/** @typedef {{ path: string, parts: string[], query: Record<string, string> }} Place */

/** What asks before one leaves: resolves to whether to go. */
/** @type {(() => Promise<boolean>) | null} */
let guard = null;
/** @type {Set<() => void>} */
const listeners = new Set();
let current = location.hash;
let isRestoring = false;

/** @param {string} [hash] @returns {Place} */
export function readPlace(hash = current) {
  const [path, search = ""] = (hash.replace(/^#/, "") || "/").split("?");
  const parts = path.split("/").filter(Boolean).map(decode);
  return { path, parts, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** The link to a place; empty values of the query are left out. @param {string[]} parts @param {Record<string, string | null | undefined>} [query] */
export function linkTo(parts, query = {}) {
  const filled = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(/** @type {[string, string][]} */ (filled)).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/** @param {string} link */
export function navigate(link) {
  location.hash = link;
}

/** Change the address without a step in the history: for filters. @param {string} link */
export function replacePlace(link) {
  history.replaceState(null, "", link);
  current = location.hash;
  announce();
}

/** The place, anew whenever it changes. */
export function usePlace() {
  const [place, setPlace] = useState(() => readPlace());
  useEffect(() => {
    const listener = () => setPlace(readPlace());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return place;
}

/** Ask before one leaves, while `isDirty`. @param {boolean} isDirty @param {() => Promise<boolean>} ask */
export function useLeaveGuard(isDirty, ask) {
  useEffect(() => {
    if (!isDirty) return undefined;
    const warn = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    guard = ask;
    addEventListener("beforeunload", warn);
    return () => {
      guard = null;
      removeEventListener("beforeunload", warn);
    };
  }, [isDirty, ask]);
}

/** Leave without being asked: what was typed has been saved. @param {string} link */
export function leaveTo(link) {
  guard = null;
  navigate(link);
}

addEventListener("hashchange", async () => {
  if (isRestoring) {
    isRestoring = false;
    return;
  }
  const wanted = location.hash;
  if (wanted === current) return;
  if (guard && readPlace(wanted).path !== readPlace().path) {
    const ask = guard;
    isRestoring = true;
    location.hash = current || "#/";
    if (!(await ask())) return;
    guard = null;
    location.hash = wanted;
    return;
  }
  current = wanted;
  announce();
});

function announce() {
  for (const listener of listeners) listener();
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
