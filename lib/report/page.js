// The report's only script: one switch for all code. Without it each "Code" still opens by itself.
const button = document.getElementById("all-code");
button.hidden = false;
button.addEventListener("click", () => {
  const show = button.getAttribute("aria-pressed") === "false";
  button.setAttribute("aria-pressed", String(show));
  for (const details of document.querySelectorAll("details.code")) details.open = show;
});
