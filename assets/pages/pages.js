// Makes the pages nicer where scripts run; everything works without it. The words come from the script's own element.
"use strict";
(() => {
  const words = document.currentScript.dataset;
  const all = (selector, act) => document.querySelectorAll(selector).forEach(act);

  const button = (text, className) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = className;
    made.textContent = text;
    return made;
  };

  // Show and hide a password.
  all('input[type="password"]', (input) => {
    const reveal = button(words.show, "reveal");
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      reveal.textContent = shown ? words.hide : words.show;
      reveal.setAttribute("aria-pressed", String(shown));
    };
    reveal.setAttribute("aria-controls", input.id);
    reveal.addEventListener("click", () => { show(input.type === "password"); input.focus(); });
    if (input.form) input.form.addEventListener("submit", () => show(false));
    input.classList.add("revealable");
    show(false);
    input.after(reveal);
  });

  // How hard a new password is to guess, by length and variety. Only a hint: the server decides.
  all('input[autocomplete="new-password"]', (input) => {
    const hint = document.createElement("div");
    hint.className = "strength";
    hint.setAttribute("aria-live", "polite");
    const meter = document.createElement("meter");
    Object.assign(meter, { min: 0, max: 3, low: 1.5, high: 2.5, optimum: 3, value: 0 });
    const text = document.createElement("span");
    hint.append(meter, text);
    hint.hidden = true;
    input.addEventListener("input", () => {
      const length = [...input.value].length;
      const variety = new Set(input.value).size;
      const level = length < 8 || variety < 5 ? 1 : length < 12 ? 2 : 3;
      hint.hidden = length === 0;
      meter.value = level;
      text.textContent = [words.weak, words.fair, words.good][level - 1];
    });
    input.parentElement.after(hint);
  });

  // Copy a key, or copy and save a list of codes.
  const lines = (id) => {
    const source = document.getElementById(id);
    const codes = source.querySelectorAll("code");
    return codes.length ? [...codes].map((code) => code.textContent).join("\n") : source.textContent;
  };
  all("[data-copies]", (copy) => {
    if (!navigator.clipboard) return;
    copy.textContent = words.copy;
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(lines(copy.dataset.copies));
        copy.textContent = words.copied;
        setTimeout(() => { copy.textContent = words.copy; }, 2000);
      } catch { copy.hidden = true; }
    });
  });
  all("[data-downloads]", (save) => {
    save.textContent = words.download;
    save.hidden = false;
    save.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines(save.dataset.downloads) + "\n"], { type: "text/plain" }));
      link.download = "backup-codes.txt";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });

  // A message takes a moment to arrive; so the button that sends it again comes a little later.
  all("[data-again]", (again) => {
    if (again.disabled) return;
    const label = again.textContent;
    let seconds = 20;
    again.disabled = true;
    const tick = () => {
      if (seconds === 0) {
        again.disabled = false;
        again.textContent = label;
        return;
      }
      again.textContent = `${label} ${words.wait.replace("{seconds}", seconds)}`;
      seconds -= 1;
      setTimeout(tick, 1000);
    };
    tick();
  });

  // Times in the reader's zone and manner.
  all("time[datetime]", (time) => {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    time.title = time.textContent;
    const format = { dateStyle: "medium", timeStyle: "short" };
    time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, format).format(moment);
  });

  // Security keys and passkeys: the functions come from the public API's script, which may arrive later.
  const call = (name) => { if (typeof window[name] === "function") window[name](); };
  all("[data-trigger]", (element) => {
    element.addEventListener("click", () => call(element.dataset.trigger));
    const form = element.form;
    if (form && !form.querySelector('button[type="submit"]')) {
      form.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
        event.preventDefault();
        element.click();
      });
    }
  });
  const onload = () => all("[data-onload-trigger]", (element) => call(element.dataset.onloadTrigger));
  if (window.__oryWebAuthnInitialized) onload();
  else window.addEventListener("oryWebAuthnInitialized", onload, { once: true });
})();
