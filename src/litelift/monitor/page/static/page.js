// Keeps the page as it is now: what the server sends is put where it differs, so that focus, open details, scrolling and
// selection stay. Without it the page loads itself again (noscript), in UTC.
"use strict";
(() => {
  const root = document.documentElement;
  const COLOURS = "litelift-colours";
  const LOST_AFTER = 45000;

  // ---- colours: before anything is drawn
  const kept = () => { try { return localStorage.getItem(COLOURS) || ""; } catch { return ""; } };
  const colour = (name) => { if (name) root.dataset.colours = name; else delete root.dataset.colours; };
  colour(kept());
  root.classList.add("script");

  // ---- moments, in the reader's time; by hand, for not every browser has every language
  const MONTHS = {
    en: "January February March April May June July August September October November December".split(" "),
    az: "yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr".split(" "),
  }[root.lang] || [];
  const two = (value) => String(value).padStart(2, "0");
  const written = (at, form) => {
    const clock = two(at.getHours()) + ":" + two(at.getMinutes());
    if (form === "clock") return clock;
    const day = at.getDate() + " " + MONTHS[at.getMonth()];
    const far = form === "day" || Math.abs(Date.now() - at) > 300 * 86400000;
    return day + (far ? " " + at.getFullYear() : "") + (form === "day" ? "" : ", " + clock);
  };
  const number = (value, digits, unit) => {
    const shown = value.toLocaleString("en", { maximumFractionDigits: digits });
    const local = root.lang === "en" ? shown : shown.replace(/[,.]/g, (mark) => (mark === "," ? "." : ","));
    return local + (unit ? " " + unit : "");
  };
  const localise = (within) => {
    for (const one of within.querySelectorAll("time[datetime]")) {
      const at = new Date(one.dateTime);
      one.textContent = written(at, one.dataset.form);
      one.title = one.dateTime.replace("T", " ").replace("Z", " UTC");
    }
    for (const one of within.querySelectorAll("[data-time]")) one.textContent = written(new Date(one.dataset.time), "clock");
  };

  // ---- what differs is put into the page
  const name = (node) => (node.nodeType === 1 ? node.id || node.getAttribute("data-key") : "") || "";
  const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && name(one) === name(other);
  const sameMoment = (one, other) => ["datetime", "data-time"].some((key) => one.hasAttribute(key) && one.getAttribute(key) === other.getAttribute(key));

  const isAdded = (node) => node.nodeType === 1 && node.hasAttribute("data-added");

  const attributes = (old, now) => {
    for (const { name: key } of [...old.attributes]) {
      if (!now.hasAttribute(key) && !(key === "open" || key === "title")) old.removeAttribute(key);
    }
    for (const { name: key, value } of now.attributes) if (old.getAttribute(key) !== value && key !== "open") old.setAttribute(key, value);
  };
  const children = (old, now) => {
    let at = old.firstChild;
    for (const wanted of [...now.childNodes]) {
      while (at && (isAdded(at) || !(alike(at, wanted) || name(at)))) {
        const next = at.nextSibling;
        if (!isAdded(at)) at.remove();
        at = next;
      }
      let found = at;
      if (!found || !alike(found, wanted)) {
        const key = name(wanted);
        found = key ? [...old.children].find((one) => alike(one, wanted)) : null;
        if (found) old.insertBefore(found, at);
      }
      if (found) {
        if (found === at) at = at.nextSibling;
        put(found, wanted);
      } else {
        old.insertBefore(wanted, at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      if (!isAdded(at)) at.remove();
      at = next;
    }
    // What was added to something that is gone, or stands elsewhere now.
    for (const one of [...old.children]) {
      if (isAdded(one) && !(one.previousSibling && one.previousSibling.nodeName === "CODE")) one.remove();
    }
  };
  const put = (old, now) => {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== now.nodeValue) old.nodeValue = now.nodeValue;
      return;
    }
    if (old.hasAttribute("data-own") || sameMoment(old, now)) return;
    attributes(old, now);
    if (!(old.hasAttribute("data-part") && now.childNodes.length === 0)) children(old, now);
  };

  const selectedIn = (element) => {
    const selection = getSelection();
    return selection && !selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(element);
  };
  const waiting = new Map();
  const show = (id, html) => {
    const element = document.getElementById(id);
    if (!element) return;
    if (selectedIn(element)) {
      waiting.set(id, html);
      return;
    }
    waiting.delete(id);
    // An inert document: nothing in it is loaded or run. Of SVG too, whose elements have a namespace of their own.
    const made = document.implementation.createHTMLDocument("");
    made.body.innerHTML = html;
    const focused = document.activeElement;
    children(element, made.body);
    dress(element);
    // What has another place now has lost it.
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  };
  document.addEventListener("selectionchange", () => {
    for (const [id, html] of [...waiting]) show(id, html);
  });

  // ---- what is added to what the server wrote
  const dress = (within) => {
    localise(within);
    for (const command of within.querySelectorAll(".typed > code")) {
      if (command.nextSibling) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.dataset.added = "";
      button.textContent = page.dataset.copy;
      command.after(button);
    }
    for (const plot of within.querySelectorAll(".plot")) chart(plot);
    if (within.id === "state" || within === document) announce();
  };

  let told = null;
  const announce = () => {
    const verdict = document.querySelector(".verdict");
    if (!verdict) return;
    document.title = verdict.dataset.title;
    document.getElementById("icon").href = verdict.dataset.icon;
    if (told !== null && told !== verdict.dataset.say) document.getElementById("announce").textContent = verdict.dataset.say;
    told = verdict.dataset.say;
  };

  const copy = async (button) => {
    const command = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      // Where it is no secure context: the words are selected, so that the keyboard's copy takes them.
      getSelection().selectAllChildren(command);
      return;
    }
    button.textContent = page.dataset.copied;
    setTimeout(() => { button.textContent = page.dataset.copy; }, 2000);
  };

  // ---- a chart: along its points by pointer or arrow keys
  const charts = new WeakMap();
  const chart = (plot) => {
    const { since, step, steps, unit, digits, points } = plot.dataset;
    const along = plot.querySelector(".along");
    const list = points.split(" ").map((one) => one.split(",").map(Number));
    const before = charts.get(plot);
    const last = before ? before.chosen : null;
    const of = { list, chosen: null };
    charts.set(plot, of);
    along.max = list.length - 1;
    const output = plot.closest("figure").querySelector("output");
    const cursor = plot.querySelector("g.cursor");
    const line = cursor.querySelector("line");
    const circle = cursor.querySelector("circle");
    const words = (point) => {
      const at = new Date((Number(since) + point[0] * step) * 1000);
      const [low, mean, high] = point.slice(1).map((value) => number(value, Number(digits), unit));
      return page.dataset.at.replace("{at}", written(at, "clock")).replace("{mean}", mean).replace("{low}", low).replace("{high}", high);
    };
    const height = (mean) => {
      // The axis is linear: two of its labels say where a value stands.
      const [from, to] = plot.dataset.range.split(" ").map(Number);
      return 12 + (1 - (mean - from) / (to - from)) * Number(plot.dataset.height);
    };
    of.choose = (index) => {
      of.chosen = list[index][0];
      along.value = index;
      const x = ((list[index][0] + 0.5) / steps) * 100 + "%";
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      circle.setAttribute("cx", x);
      circle.setAttribute("cy", height(list[index][2]));
      cursor.setAttribute("visibility", "visible");
      output.textContent = along.ariaValueText = words(list[index]);
    };
    of.leave = () => {
      of.chosen = null;
      cursor.setAttribute("visibility", "hidden");
      output.textContent = "";
    };
    of.nearest = (share) => {
      const wanted = share * steps - 0.5;
      let best = 0;
      list.forEach((point, index) => { if (Math.abs(point[0] - wanted) < Math.abs(list[best][0] - wanted)) best = index; });
      return best;
    };
    along.ariaValueText = words(list[list.length - 1]);
    if (last !== null) of.choose(of.nearest((last + 0.5) / steps));
    if (before) return;
    const now = () => charts.get(plot);
    along.addEventListener("input", () => now().choose(Number(along.value)));
    along.addEventListener("focus", () => now().choose(Number(along.value)));
    along.addEventListener("blur", () => now().leave());
    for (const event of ["pointermove", "pointerdown"]) {
      along.addEventListener(event, (one) => {
        const box = along.getBoundingClientRect();
        now().choose(now().nearest((one.clientX - box.left) / box.width));
      });
    }
    along.addEventListener("pointerleave", () => { if (document.activeElement !== along) now().leave(); });
    // The slider by itself would jump to where its thumb would be.
    along.addEventListener("mousedown", (one) => {
      one.preventDefault();
      const chosen = Number(along.value);
      along.focus({ preventScroll: true });
      now().choose(chosen);
    });
  };

  // ---- the server's events
  let page, lost, source, seen = Date.now(), alive = false, pause = 2000;
  const away = (yes) => {
    if (lost.hidden !== yes) return;
    lost.hidden = !yes;
    root.classList.toggle("away", yes);
    if (yes) lost.querySelector(".words").textContent = lost.dataset.words.replace("{at}", written(new Date(seen), "clock"));
  };
  const heard = () => {
    seen = Date.now();
    pause = 2000;
    away(false);
  };
  const listen = () => {
    source = new EventSource(page.dataset.events);
    source.addEventListener("open", heard);
    source.addEventListener("alive", () => { alive = true; heard(); });
    source.addEventListener("update", (event) => {
      heard();
      for (const [id, html] of Object.entries(JSON.parse(event.data).fragments)) show(id, html);
    });
    source.addEventListener("error", () => {
      away(true);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(listen, pause);
      pause = Math.min(pause * 2, 60000);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    const colours = document.getElementById("colours");
    if (colours) {
      colours.value = kept();
      colours.addEventListener("change", () => {
        try { localStorage.setItem(COLOURS, colours.value); } catch { /* it holds for this page */ }
        colour(colours.value);
      });
    }
    for (const link of document.querySelectorAll(".languages a")) {
      link.addEventListener("click", () => { link.hash = location.hash; });
    }
    page = document.getElementById("page");
    if (!page) {
      localise(document);
      return;
    }
    lost = document.getElementById("lost");
    dress(document);
    document.addEventListener("click", (event) => { if (event.target.matches(".copy")) copy(event.target); });
    // A connection may be gone without a word: where the server gives signs of life, it is missed when they end.
    setInterval(() => { if (alive && Date.now() - seen > LOST_AFTER) { alive = false; away(true); source.close(); listen(); } }, 5000);
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
    listen();
  });
})();
