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
    const reveal = button("", "reveal");
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      reveal.textContent = shown ? words.hide : words.show;
      reveal.setAttribute("aria-label", shown ? words.hide_password : words.show_password);
    };
    reveal.setAttribute("aria-controls", input.id);
    reveal.addEventListener("click", () => { show(input.type === "password"); });
    if (input.form) input.form.addEventListener("submit", () => show(false));
    input.classList.add("revealable");
    show(false);
    input.after(reveal);
  });

  // How hard a new password is to guess, by length and variety. Only a hint: the server decides.
  all('input[autocomplete="new-password"]', (input) => {
    const hint = document.createElement("div");
    hint.className = "strength";
    const bars = document.createElement("span");
    bars.className = "bars";
    bars.setAttribute("aria-hidden", "true");
    bars.append(...[1, 2, 3].map(() => document.createElement("i")));
    const text = document.createElement("span");
    text.setAttribute("aria-live", "polite");
    hint.append(bars, text);
    hint.hidden = true;
    input.addEventListener("input", () => {
      const length = [...input.value].length;
      const variety = new Set(input.value).size;
      const level = length < 8 || variety < 5 ? 1 : length < 12 ? 2 : 3;
      hint.hidden = length === 0;
      hint.dataset.level = level;
      const said = length === 0 ? "" : [words.weak, words.fair, words.good][level - 1];
      if (text.textContent !== said) text.textContent = said;
    });
    input.parentElement.after(hint);
  });

  // A form is sent once: the second click of a double click does nothing, and the button says that it works.
  all("form", (form) => {
    let sent = null;
    form.addEventListener("submit", (event) => {
      if (sent) { event.preventDefault(); return; }
      sent = event.submitter;
      if (!sent || form.method === "get") return;
      sent.setAttribute("aria-busy", "true");
    });
    // The way back shows the page as it was left.
    window.addEventListener("pageshow", () => {
      if (sent) sent.removeAttribute("aria-busy");
      sent = null;
    });
  });

  // Copy a key, or copy, save and print a list of codes.
  const lines = (id) => {
    const source = document.getElementById(id);
    const codes = source.querySelectorAll("code");
    return codes.length ? [...codes].map((code) => code.textContent).join("\n") : source.textContent;
  };
  all("[data-copies]", (copy) => {
    if (!navigator.clipboard) return;
    copy.textContent = words.copy;
    copy.hidden = false;
    copy.setAttribute("aria-live", "polite");
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
  all("[data-prints]", (print) => {
    print.textContent = words.print;
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  });

  // Runs `tick` with the seconds that are left, once a second, to 0. The clock counts, as hidden tabs sleep.
  const countDown = (seconds, tick) => {
    const end = Date.now() + seconds * 1000;
    const step = () => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      tick(left);
      if (left > 0) setTimeout(step, 1000);
    };
    step();
  };

  // A message takes a moment to arrive; so the button that sends it again comes a little later.
  const comeBack = (submit, seconds) => {
    if (submit.disabled) return;
    const label = submit.textContent;
    countDown(seconds, (left) => {
      submit.disabled = left > 0;
      submit.textContent = left > 0 ? `${label} (${words.wait.replace("{seconds}", left)})` : label;
    });
  };
  all("[data-again]", (again) => comeBack(again, 30));

  // Too many tries: the main buttons come back when the time is over.
  all("[data-wait-seconds]", (wait) => {
    const seconds = Number(wait.dataset.waitSeconds);
    all('button.primary[type="submit"]', (submit) => comeBack(submit, seconds));
    countDown(seconds, (left) => { wait.hidden = left === 0; });
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
