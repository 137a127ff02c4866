// Copies codes and links, and shows new mail as it comes. Everything else works without it.
"use strict";

for (const button of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.textContent;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

async function follow(list) {
  const query = new URLSearchParams({ timeout: "30s" });
  if (list.dataset.to) query.set("to", list.dataset.to);
  if (list.dataset.newest) query.set("after", list.dataset.newest);
  for (;;) {
    try {
      const answer = await fetch(`/api/messages/next?${query}`);
      if (answer.status === 200) { location.reload(); return; }
      if (answer.status !== 204) return;
    } catch {
      await new Promise((done) => setTimeout(done, 5000));
    }
  }
}

const list = document.getElementById("list");
if (list) follow(list);
