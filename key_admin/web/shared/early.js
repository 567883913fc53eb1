// @ts-check
/* Set the remembered theme before the first paint, and load the page again where a part of it did not come. A classic script, so that it runs in time. */
(() => {
  try {
    const theme = localStorage.getItem("tollgate.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    /* storage is barred: the system's theme stays */
  }

  // A part is missing while a new version is being deployed, or while the function starts: it comes a moment later.
  const RELOADS = "tollgate.reloads";
  const MOST = 3;
  const PAUSE_MS = 1_500;
  addEventListener(
    "error",
    (event) => {
      if (!(event.target instanceof HTMLScriptElement || event.target instanceof HTMLLinkElement)) return;
      const reloads = Number(sessionStorage.getItem(RELOADS));
      if (reloads >= MOST) return;
      sessionStorage.setItem(RELOADS, String(reloads + 1));
      setTimeout(() => location.reload(), PAUSE_MS);
    },
    true,
  );
  addEventListener("load", () => {
    if (document.querySelector("#app > .starting") === null) sessionStorage.removeItem(RELOADS);
  });
})();
