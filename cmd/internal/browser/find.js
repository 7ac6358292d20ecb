// The element that a person would mean, and where to press it. Returns null while
// there is none that could be pressed, with the reason in globalThis.__belayWhy.
async ({ kind, value, field }) => {
  const norm = (s) => (s ?? "").replace(/\s+/g, " ").trim();
  const shown = (el) => {
    const box = el.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && el.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  };
  const controls = "button, a[href], summary, label, input, select, textarea, [role=button], [role=link], [role=tab], [role=switch], [role=checkbox], [role=radio], [role=menuitem], [role=option]";
  // The words of a label, without what stands in a control inside it.
  const words = (label) => {
    const copy = label.cloneNode(true);
    for (const control of copy.querySelectorAll("select, textarea, button, datalist")) control.remove();
    return norm(copy.textContent);
  };
  const name = (el) => {
    const by = el.getAttribute("aria-labelledby");
    if (by) return norm(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "));
    if (el.getAttribute("aria-label")) return norm(el.getAttribute("aria-label"));
    if (el.labels?.length) return norm([...el.labels].map(words).join(" "));
    if (el.matches("input[type=submit], input[type=button]")) return norm(el.value);
    return norm(el.innerText);
  };
  const best = (list) => {
    const exact = list.filter((el) => name(el) === value || norm(el.innerText) === value);
    const found = exact.length ? exact : list.filter((el) => name(el).includes(value) || norm(el.innerText).includes(value));
    // Of elements inside each other the innermost is meant.
    return found.filter((el) => !found.some((other) => other !== el && el.contains(other)));
  };
  let all;
  if (kind === "css") all = [...document.querySelectorAll(value)];
  else if (kind === "testid") all = [...document.querySelectorAll(`[data-testid="${CSS.escape(value)}"]`)];
  else if (field) all = best([...document.querySelectorAll("input, select, textarea, [contenteditable]")]);
  else {
    all = best([...document.querySelectorAll(controls)].filter(shown));
    // A label and its control are one thing to press.
    all = all.filter((el) => !(el.control && all.includes(el.control)));
    if (!all.length) all = best([...document.querySelectorAll("body *")].filter(shown));
  }
  const why = (reason) => {
    globalThis.__belayWhy = reason;
    return null;
  };
  if (!all.length) return why("it is not on the page");
  const visible = all.filter(shown);
  if (!visible.length) return why("it is on the page, but not visible");
  if (visible.length > 1) return why(`it could be ${visible.length} things: ${visible.slice(0, 4).map((el) => el.outerHTML.slice(0, 90)).join(" | ")}`);
  const el = visible[0];
  if (el.matches(":disabled") || el.closest("[inert]") || el.getAttribute("aria-disabled") === "true") return why("it is disabled");
  el.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let box = el.getBoundingClientRect();
  for (let still = 0; still < 2; ) {
    await pause(20);
    const now = el.getBoundingClientRect();
    still = now.x === box.x && now.y === box.y && now.width === box.width && now.height === box.height ? still + 1 : 0;
    box = now;
    if (!el.isConnected) return why("it was taken away while it was looked at");
  }
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  let top = document.elementFromPoint(x, y);
  while (top?.shadowRoot) {
    const inner = top.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === top) break;
    top = inner;
  }
  if (!top) return why("it is outside the viewport");
  const hit = el.contains(top) || (el.control && el.control.contains(top)) || (el.labels && [...el.labels].includes(top.closest("label")));
  if (!hit) return why(`it is covered by ${top.outerHTML.slice(0, 120)}`);
  if (field) {
    el.focus();
    if (typeof el.select === "function") el.select();
  }
  return { x, y };
}
