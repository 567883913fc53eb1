// @ts-check
/* Set the remembered theme before the first paint. A classic script, so that it runs in time. */
(() => {
  try {
    const theme = localStorage.getItem("tollgate.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    /* storage is barred: the system's theme stays */
  }
})();
