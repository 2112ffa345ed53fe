// What a page of an invocation does beyond showing: counts the time that it has been as it is, follows the end of the
// log, and leaves its connection to others while nobody sees it, as a browser has six to a server.
(() => {
  "use strict";
  const follow = document.getElementById("follow");
  const live = document.getElementById("live");
  const log = () => document.querySelector("ol.log");
  const toEnd = () => {
    if (log() && (!follow || follow.checked)) log().scrollTop = log().scrollHeight;
  };
  toEnd();
  if (!follow || !live) return;

  const began = new WeakMap();  // by the browser's clock of elapsed time, which no other clock has to agree with
  const inUnits = (seconds) => {  // as the server writes it
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const whole = Math.floor(seconds);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
    return `${Math.floor(whole / 86400)} d ${Math.floor(whole % 86400 / 3600)} h`;
  };
  const count = () => {
    for (const one of live.querySelectorAll("[data-elapsed]")) {
      if (!began.has(one)) began.set(one, performance.now() - 1000 * Number(one.dataset.elapsed));
      one.textContent = inUnits((performance.now() - began.get(one)) / 1000);
    }
  };
  count();
  setInterval(count, 1000);
  document.body.addEventListener("htmx:sseMessage", count);

  follow.parentElement.hidden = false;
  follow.addEventListener("change", toEnd);
  document.addEventListener("scroll", (event) => {
    if (event.target !== log()) return;
    follow.checked = log().scrollTop + log().clientHeight >= log().scrollHeight - 30;
  }, true);
  document.body.addEventListener("htmx:sseMessage", toEnd);
  let source = null;
  document.body.addEventListener("htmx:sseOpen", (event) => { source = event.detail.source; });
  document.body.addEventListener("htmx:sseClose", (event) => {
    if (event.detail.type === "message") live.removeAttribute("sse-connect");
  });
  document.addEventListener("visibilitychange", () => {
    if (!live.hasAttribute("sse-connect")) return;
    if (document.hidden && source) {
      source.close();
      source = null;
    } else if (!document.hidden && !source) {
      for (const part of [live, ...live.querySelectorAll("[sse-swap]")]) htmx.trigger(part, "htmx:afterProcessNode");
    }
  });
})();
