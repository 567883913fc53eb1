// @ts-check
/** Load what a view shows: its shape while it loads, what went wrong where it cannot. */

import { Problem } from "./api.js";
import { Copy } from "./copy.js";
import { html, useCallback, useEffect, useRef, useState } from "./html.js";

/**
 * @template T
 * @typedef {{ data: T | null, problem: Problem | null, isLoading: boolean, reload: () => Promise<void> }} Load
 */

/**
 * What `load` resolves to, loaded anew whenever `causes` change; the former data stay meanwhile.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {unknown[]} causes
 * @returns {Load<T>}
 */
export function useLoad(load, causes) {
  const [state, setState] = useState(
    /** @type {{ data: T | null, problem: Problem | null, isLoading: boolean }} */ ({ data: null, problem: null, isLoading: true }),
  );
  const running = useRef(/** @type {AbortController | null} */ (null));
  const reload = useCallback(async () => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    setState((before) => ({ ...before, isLoading: true }));
    try {
      const data = await load(mine.signal);
      if (!mine.signal.aborted) setState({ data, problem: null, isLoading: false });
    } catch (error) {
      if (!mine.signal.aborted) setState({ data: null, problem: problemOf(error), isLoading: false });
    }
  }, causes);
  useEffect(() => {
    reload();
    return () => running.current?.abort();
  }, [reload]);
  return { ...state, reload };
}

/** Whatever was thrown, as a problem. @param {unknown} error */
export function problemOf(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem({ status: -1, title: "A fault of this page", detail: error instanceof Error ? error.message : String(error) });
}

/**
 * The children of a load that has data; else its shape, or its problem.
 * @template T
 * @param {{ load: Load<T>, what: string, rows?: number, gone?: any, isPage?: boolean, children: (data: T) => any }} props
 * `isPage` where the rest of the page depends on it
 */
export function Loaded({ load, what, rows = 4, gone, isPage = false, children }) {
  if (load.problem) return html`<${ProblemNote} problem=${load.problem} what=${what} retry=${load.reload} gone=${gone} isPage=${isPage} />`;
  if (load.data === null) return html`<${Shape} what=${what} rows=${rows} />`;
  return html`<div class="loaded" aria-busy=${load.isLoading ? "true" : null}>${children(load.data)}</div>`;
}

/** @param {{ what: string, rows: number }} props */
export function Shape({ what, rows }) {
  return html`<div class="shape" role="status">
    <span class="out-of-sight">Loading ${what} …</span>
    ${Array.from({ length: rows }, (_, row) => html`<div class="shape-row" key=${row} aria-hidden="true"><i /><i /><i /></div>`)}
  </div>`;
}

/** What went wrong, and what to do. @param {{ problem: Problem, what: string, retry?: () => void, gone?: any, isPage?: boolean }} props */
export function ProblemNote({ problem, what, retry, gone, isPage = false }) {
  const isGone = problem.status === 404;
  const Heading = isPage ? "h1" : "h2";
  return html`<section class="note problem" role="alert">
    <${Heading}>${isGone ? `There is no such ${what}` : problem.title}<//>
    <p>${isGone ? (gone ?? "It was deleted, or the link is mistyped.") : problem.detail}</p>
    ${problem.errors.length > 0 &&
    html`<ul>
      ${problem.errors.map((error) => html`<li key=${error.field}><code>${error.field}</code> ${error.message}</li>`)}
    </ul>`}
    ${problem.requestId &&
    problem.status >= 500 &&
    html`<p>Look in the log for the request id <code>${problem.requestId}</code> <${Copy} value=${problem.requestId} what="request id" /></p>`}
    ${retry && !isGone && html`<button type="button" onClick=${retry}>Try again</button>`}
  </section>`;
}
