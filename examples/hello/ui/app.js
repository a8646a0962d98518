// The page does not know where it is mounted: the runtime tells it where its API is.
const configuration = fetch("../ui-config.json").then((response) => response.json());
const element = (id) => document.getElementById(id);

async function greet(name) {
  const { apiBase } = await configuration;
  const url = `${apiBase}/hello`;
  const started = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const elapsed = performance.now() - started;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  element("url").textContent = `POST ${url}`;
  element("time").textContent = `${elapsed.toFixed(1)} ms`;
  return response.json();
}

async function bootTime() {
  const meta = await fetch("../meta").then((response) => response.json());
  return `${Math.round(meta.boot.total_ms)} ms`;
}

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = element("answer");
  try {
    const { message } = await greet(element("name").value);
    answer.className = "";
    answer.textContent = message;
    element("boot").textContent = await bootTime().catch(() => "unknown");
    element("facts").hidden = false;
  } catch (error) {
    answer.className = "failed";
    answer.textContent = error.message;
  }
});
