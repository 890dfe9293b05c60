"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const views = all(".view");
  const byId = (id) => document.getElementById(id);

  // -- pages: #ID, or #ID?q=TEXT&status=STATUS&sort=COLUMN&down=1

  function place() {
    const [id, query] = location.hash.slice(1).split("?");
    return [id, new URLSearchParams(query || "")];
  }

  function show(moved) {
    const [id, query] = place();
    const target = byId(id) || views[0];
    const view = target.closest(".view") || views[0];
    const key = view.dataset.cluster;
    const old = document.querySelector(".view.current");
    old?.classList.remove("current");
    view.classList.add("current");
    root.dataset.kind = view.classList.contains("detail") ? "detail" : "page";
    for (const menu of all(".menu")) menu.classList.toggle("current", menu.dataset.cluster === (key || menu.dataset.cluster));
    for (const page of all(".view.page")) page.classList.toggle("printed", !key || page.dataset.cluster === key);
    const under = view.dataset.under ? `${key}-${view.dataset.under}` : view.id;
    for (const link of all(".menu a")) {
      if (link.hash === `#${under}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const chooser = byId("cluster");
    if (chooser && key) chooser.value = key;
    document.title = `${view.dataset.title} – ${byId("content").dataset.report}`;
    prepare(view);
    restore(view, query);
    all("tr.hit").forEach((row) => row.classList.remove("hit"));
    if (target !== view) {
      target.classList.add("hit");
      target.scrollIntoView({ block: "center" });
    } else if (moved && view !== old) {
      window.scrollTo(0, 0);
    }
    if (moved && view !== old) {
      const heading = view.querySelector("h1");
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }

  // -- tables

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v ?? cell.textContent.trim();
  };

  function sort(table, column, down) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const numbers = rows.every((row) => value(row, column) === "" || Number.isFinite(Number(value(row, column))));
    const compare = numbers
      ? (a, b) => Number(value(a, column)) - Number(value(b, column))
      : (a, b) => value(a, column).localeCompare(value(b, column), "en", { numeric: true });
    rows.sort((a, b) => (down ? -compare(a, b) : compare(a, b)));
    body.append(...rows);
    all("thead th", table).forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function filter(tools) {
    const table = byId(tools.dataset.for);
    const words = tools.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = tools.querySelector("select")?.value || "";
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.text ??= row.textContent.toLowerCase();
      const fits = (!status || row.dataset.status === status) && words.every((word) => row.text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    const total = table.tBodies[0].rows.length;
    tools.querySelector("output").value = shown === total ? `${total} in all` : `${shown} of ${total}`;
  }

  function restore(view, query) {
    const tools = view.querySelector(".tools");
    if (!tools) return;
    const table = byId(tools.dataset.for);
    tools.querySelector("input").value = query.get("q") || "";
    const select = tools.querySelector("select");
    if (select) select.value = query.get("status") || "";
    if (query.has("sort")) sort(table, Number(query.get("sort")), query.has("down"));
    filter(tools);
  }

  function keep(view) {
    const tools = view.querySelector(".tools");
    const query = new URLSearchParams();
    const add = (name, text) => text && query.set(name, text);
    if (tools) {
      add("q", tools.querySelector("input").value);
      add("status", tools.querySelector("select")?.value);
      const heads = all("thead th", byId(tools.dataset.for));
      const sorted = heads.findIndex((head) => head.hasAttribute("aria-sort"));
      if (sorted >= 0) {
        query.set("sort", sorted);
        if (heads[sorted].getAttribute("aria-sort") === "descending") query.set("down", "1");
      }
    }
    const text = query.toString();
    history.replaceState(null, "", `#${view.id}${text ? `?${text}` : ""}`);
  }

  for (const tools of all(".tools")) {
    tools.addEventListener("input", () => {
      filter(tools);
      keep(tools.closest(".view"));
    });
  }
  // Only when a page is shown: there are hundreds.
  function prepare(view) {
    if (view.dataset.ready) return;
    view.dataset.ready = "1";
    for (const table of all("table.data", view)) {
      const heads = all("thead th", table);
      const titles = heads.map((head) => head.textContent);
      heads.forEach((head, index) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = titles[index];
        head.replaceChildren(button);
        button.addEventListener("click", () => {
          sort(table, index, head.getAttribute("aria-sort") === "ascending");
          if (table.id) keep(view);
        });
      });
      // On narrow screens each cell has its column's name beside it.
      for (const row of table.tBodies[0].rows) {
        for (const cell of row.cells) if (cell.tagName === "TD") cell.dataset.label = titles[cell.cellIndex];
      }
    }
  }

  // -- find

  const find = byId("find");
  const found = byId("found");
  const many = byId("cluster") !== null;
  let things = null;

  function look() {
    things ??= all("[data-find]").map((element) => ({
      id: element.id,
      kind: element.dataset.find,
      name: element.dataset.name,
      low: element.dataset.name.toLowerCase(),
      cluster: element.closest(".view").dataset.cluster,
    }));
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = things.filter((thing) => words.every((word) => thing.low.includes(word)));
    const items = hits.slice(0, 12).map((thing) => {
      const [item, link, kind] = ["li", "a", "span"].map((tag) => document.createElement(tag));
      link.href = `#${thing.id}`;
      link.textContent = thing.name;
      kind.className = "dim";
      kind.textContent = many ? `${thing.kind}, ${thing.cluster}` : thing.kind;
      link.append(kind);
      item.append(link);
      return item;
    });
    const rest = hits.length - items.length;
    if (!hits.length || rest > 0) {
      const item = document.createElement("li");
      item.className = "dim";
      item.textContent = hits.length ? `${rest} more` : "Nothing found";
      items.push(item);
    }
    found.replaceChildren(...items);
    found.hidden = !words.length;
  }
  find.addEventListener("input", look);
  found.addEventListener("click", () => {
    found.hidden = true;
    find.value = "";
  });

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && !found.hidden) {
      found.hidden = true;
      find.focus();
    } else if (["ArrowDown", "ArrowUp", "Enter"].includes(event.key) && !found.hidden) {
      const links = all("a", found);
      const at = links.indexOf(document.activeElement);
      if (event.key === "Enter") {
        if (document.activeElement === find && links.length) links[0].click();
        return;
      }
      event.preventDefault();
      (links[at + (event.key === "ArrowDown" ? 1 : -1)] || find).focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) found.hidden = true;
  });

  // -- the rest

  const theme = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", isDark() ? "Use light colors" : "Use dark colors");
  };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  dark.addEventListener("change", name);
  name();
  byId("cluster")?.addEventListener("change", (event) => {
    location.hash = `#${event.target.value}-overview`;
  });
  window.addEventListener("hashchange", () => show(true));
  show(false);
  root.classList.add("ready");
})();
