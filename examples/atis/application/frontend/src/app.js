const API = "{{api}}";

async function ask(path, options = {}) {
  const answer = await fetch(`${API}/api/${path}`, { credentials: "include", ...options });
  return { ok: answer.ok, status: answer.status, body: await answer.json() };
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  Object.assign(made, attributes);
  return made;
}

async function showHealth() {
  const list = document.getElementById("health");
  try {
    const { body } = await ask("health");
    const figures = [
      [body.status, "vəziyyət"],
      [`${body.database.engine} ${body.database.version ?? ""}`, "verilənlər bazası"],
      [body.redis?.status ?? "—", "Redis"],
      [body.version, "buraxılış"],
    ];
    list.replaceChildren(...figures.map(([figure, name]) => {
      const item = element("li", "");
      item.append(element("strong", figure), name);
      return item;
    }));
  } catch (error) {
    list.replaceChildren(element("li", `Server cavab vermir: ${API || location.origin}`, { className: "wrong" }));
  }
}

async function showSurveys() {
  const place = document.getElementById("surveys");
  const { ok, status, body } = await ask("surveys?limit=10");
  if (!ok) {
    place.replaceChildren(status === 401 ? signIn() : element("p", body.error, { className: "wrong" }));
    return;
  }
  const table = element("table", "");
  for (const survey of body.results) {
    const row = table.insertRow();
    row.insertCell().textContent = survey.title;
    row.insertCell().append(element("span", survey.status, { className: `tag ${survey.status === "aktiv" ? "good" : ""}` }));
    row.insertCell().textContent = survey.deadline ?? "—";
  }
  const frame = element("div", "", { className: "table" });
  frame.append(table);
  place.replaceChildren(frame);
}

function signIn() {
  const form = element("form", "", { className: "card narrow" });
  for (const [name, text, type] of [["username", "İstifadəçi adı", "text"], ["password", "Parol", "password"]]) {
    const label = element("label", text);
    label.append(element("input", "", { name, type, required: true }));
    form.append(label);
  }
  form.append(element("button", "Daxil ol"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { ok, body } = await ask("login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    if (!ok) {
      form.prepend(element("p", body.error, { className: "wrong" }));
      return;
    }
    document.getElementById("who").textContent = body.user.name;
    await showSurveys();
  });
  return form;
}

showHealth();
showSurveys();
