// @ts-check
/** Light, dark, or as the system says; the choice is remembered. */

import { html, useState } from "./html.js";
import { Icon } from "./icons.js";

const STORED = "tollgate.theme";
/** @typedef {"system" | "light" | "dark"} Theme */
/** @type {Record<Theme, { next: Theme, words: string }>} */
const THEMES = {
  system: { next: "light", words: "Theme: as the system" },
  light: { next: "dark", words: "Theme: light" },
  dark: { next: "system", words: "Theme: dark" },
};

/** @returns {Theme} */
function currentTheme() {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

/** @param {Theme} theme */
function applyTheme(theme) {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    /* storage is barred: the choice lasts as long as the page */
  }
}

/** A button that goes through the three themes. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(currentTheme());
  const { next, words } = THEMES[theme];
  const change = () => {
    applyTheme(next);
    setTheme(next);
  };
  return html`<button type="button" class="quiet icon-button" onClick=${change} aria-label=${words} title=${words}>
    <${Icon} name=${theme} />
  </button>`;
}
