// What a page of an invocation does beyond showing: follows the end of the log, and leaves its connection to others
// while nobody sees it, as a browser has six to a server.
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
