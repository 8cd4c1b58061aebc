"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = Object.fromEntries(data.columns.map((name, place) => [name, place]));
  const text = (row, name) => data.texts[row[at[name]]];
  const find = (id) => document.getElementById(id);
  const STEP = 50;
  const body = find("rows"), said = find("said"), more = find("more");
  const pictures = find("pictures").content;
  const cards = new Map(JSON.parse(find("cards").textContent).map((card) => [card.id, card]));
  let low = null, chosen = [], shown = 0, group = "";

  const make = (tag, content, look) => {
    const one = document.createElement(tag);
    if (content) one.textContent = content;
    if (look) one.className = look;
    return one;
  };
  const cell = (label, ...parts) => {
    const one = make("td");
    one.dataset.label = label;
    one.append(...parts);
    return one;
  };

  const details = (row) => {
    const list = make("dl");
    const facts = [
      ["Risk", `${row[at.risk]}: ${text(row, "reasons")}`], ["Suggested", text(row, "remedy")], ["First seen", text(row, "since")],
      ["Client", text(row, "client")], ["Manager", text(row, "manager")], ["Controls", text(row, "controls")],
      ["Subject", text(row, "subject")], ["About", text(row, "about")], ["In words", `access-review explain ${text(row, "id").slice(0, 12)}`],
    ];
    for (const [name, value] of facts) if (value) list.append(make("dt", name), make("dd", value));
    const drawn = pictures.querySelector(`[data-finding="${text(row, "id")}"]`);
    if (!drawn) return [list];
    return [drawn.cloneNode(true), list];
  };

  // What there is a card of is a button; a dialog gives the focus back to it.
  const named = (name, id) => {
    if (!cards.has(id)) return make("bdi", name);
    const button = make("button", "", "named");
    button.type = "button";
    button.append(make("bdi", name));
    button.addEventListener("click", () => openCard(cards.get(id)));
    return button;
  };

  const openCard = (card) => {
    find("card-kind").textContent = card.kind;
    find("card-title").textContent = card.title;
    const list = make("dl");
    for (const [name, value] of card.facts) list.append(make("dt", name), make("dd", value));
    const drawn = find("card-pictures").content.querySelector(`[data-card="${CSS.escape(card.id)}"]`);
    const about = data.rows.filter((row) => text(row, "person") === card.id || text(row, "about") === card.id || text(row, "subject") === card.id);
    const told = make("ul");
    for (const row of about.slice(0, 8)) told.append(make("li", `${text(row, "rag")}: ${text(row, "title")}. ${text(row, "who")}: ${text(row, "reason")}`));
    if (about.length > 8) told.append(make("li", `and ${(about.length - 8).toLocaleString("en")} more`));
    const heading = make("h3", about.length === 1 ? "1 finding" : `${about.length.toLocaleString("en")} findings`);
    find("card-body").replaceChildren(list, ...(drawn ? [drawn.cloneNode(true)] : []), ...(about.length ? [heading, told] : []));
    find("card").showModal();
    find("card-title").focus();
  };

  const draw = (row) => {
    const line = make("tr", "", text(row, "rag"));
    line.id = `f-${text(row, "id")}`;
    const who = make("th");
    who.scope = "row";
    who.append(named(text(row, "who"), text(row, "person")));
    if (text(row, "account")) who.append(make("br"), make("bdi", text(row, "account"), "small"));
    const why = cell("Why", make("span", text(row, "title"), "title"));
    if (document.body.dataset.earlier && text(row, "status") === "new") why.append(" ", make("span", "new", "badge"));
    why.append(make("br"), text(row, "reason"));
    const opening = make("details");
    opening.append(make("summary", "Details"));
    opening.addEventListener("toggle", () => { if (opening.children.length === 1) opening.append(...details(row)); });
    why.append(opening);
    const risk = cell("Risk", String(row[at.risk]), " ", make("span", text(row, "rag"), `badge ${text(row, "rag")}`));
    const what = cell("What", named(text(row, "what") || text(row, "system"), text(row, "about")));
    line.append(who, what, why, risk);
    return line;
  };

  const extend = (number) => {
    const lines = document.createDocumentFragment();
    for (const row of chosen.slice(shown, shown + number)) lines.append(draw(row));
    body.append(lines);
    shown = Math.min(chosen.length, shown + number);
    more.hidden = shown >= chosen.length;
    more.textContent = `Show ${Math.min(STEP, chosen.length - shown).toLocaleString("en")} more`;
    const count = chosen.length.toLocaleString("en"), all = data.rows.length.toLocaleString("en");
    said.textContent = `${count} of ${all} findings${group ? ", of one line of what to do" : ""}; ${shown.toLocaleString("en")} shown.`;
  };

  // A word is looked for once in each text, not once in each row.
  const SEARCHED = ["id", "who", "account", "what", "system", "rule", "title", "reason", "client", "manager", "subject", "about"].map((name) => at[name]);
  const places = (word) => {
    low = low || data.texts.map((one) => one.toLowerCase());
    return Uint8Array.from(low, (one) => one.includes(word) ? 1 : 0);
  };

  const choose = () => {
    const asked = find("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const person = find("person").value.trim().toLowerCase();
    const same = ["rule", "system", "manager"].map((name) => [at[name], data.texts.indexOf(find(name).value), find(name).value]);
    const looks = new Set(["red", "amber", "green"].filter((one) => find(`show-${one}`).checked).map((one) => data.texts.indexOf(one)));
    const hits = asked.map(places);
    const named = person ? places(person) : null;
    const wanted = group ? data.texts.indexOf(group) : -1;
    chosen = data.rows.filter((row) =>
      looks.has(row[at.rag])
      && (!group || row[at.group] === wanted)
      && same.every(([column, value, name]) => !name || row[column] === value)
      && (!named || named[row[at.who]] || named[row[at.account]])
      && hits.every((hit) => SEARCHED.some((column) => hit[row[column]])));
    body.replaceChildren();
    shown = 0;
    extend(STEP);
    find("whole").hidden = !group;
  };

  const offer = (name, title) => {
    const found = new Map();
    for (const row of data.rows) {
      const value = text(row, name);
      if (value && !found.has(value)) found.set(value, title ? text(row, title) : value);
    }
    for (const [value, label] of [...found].sort((a, b) => a[1] < b[1] ? -1 : 1)) {
      const one = make("option", label);
      one.value = value;
      find(name).append(one);
    }
  };

  offer("rule", "title");
  offer("system");
  offer("manager");
  for (const id of ["search", "person"]) find(id).addEventListener("input", choose);
  for (const id of ["rule", "system", "manager", "show-red", "show-amber", "show-green"]) find(id).addEventListener("change", choose);
  more.addEventListener("click", () => extend(STEP));
  find("whole").addEventListener("click", () => { group = ""; choose(); find("search").focus(); });
  for (const button of document.querySelectorAll("button[data-group]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      group = button.dataset.group;
      choose();
      find("findings").scrollIntoView();
      find("whole").focus({ preventScroll: true });
    });
  }
  addEventListener("beforeprint", () => extend(Math.max(0, 500 - shown)));
  const lookUp = () => {
    const asked = find("name").value.trim().toLowerCase();
    const all = [...cards.values()];
    const card = all.find((one) => one.title.toLowerCase() === asked) || (asked && all.find((one) => one.title.toLowerCase().includes(asked)));
    find("unknown").textContent = card ? "" : "There is no card of that name here: access-review explain says more.";
    if (card) openCard(card);
  };
  find("show").addEventListener("click", lookUp);
  find("name").addEventListener("keydown", (event) => { if (event.key === "Enter") lookUp(); });
  find("close").addEventListener("click", () => find("card").close());
  find("look").hidden = !cards.size;
  find("choose").hidden = false;
  choose();
  setTimeout(() => places(" "), 100);
})();
