// Sets the colours before the first paint. A file of its own, because the page allows no inline scripts.
(function () {
  var theme = "auto";
  try {
    theme = localStorage.getItem("rigi.theme") || "auto";
  } catch (e) {
    // Storage is switched off: follow the system.
  }
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", theme);
})();
