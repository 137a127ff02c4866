// A browser that takes no complaint: a page that breaks its security policy or logs an error fails the test.
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });

/** A person's browser: cookies of its own, and a list of what went wrong in it. */
export class Person {
  complaints = [];

  static async open(browser, { scripts, name, ...options }) {
    const person = new Person();
    person.name = name;
    person.context = await browser.newContext({ javaScriptEnabled: scripts, locale: "en", ...options });
    person.context.setDefaultTimeout(15_000);
    person.page = await person.context.newPage();
    const note = (text) => person.complaints.push(`${name} at ${person.page.url()}: ${text}`);
    person.page.on("console", (message) => message.type() === "error" && note(message.text()));
    person.page.on("pageerror", (error) => note(error.message));
    person.page.on("response", (response) => {
      if (response.status() >= 400) note(`${response.status()} for ${response.request().method()} ${response.url()}`);
    });
    return person;
  }

  /** Fills in inputs by name. Where several forms have one, the first counts. */
  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      await this.page.locator(`input[name="${name}"]:not([type="hidden"])`).first().fill(value);
    }
  }

  /** Presses the button that sends `name=value`. */
  async press(name, value) {
    await this.page.locator(`button[name="${name}"][value="${value}"]`).first().click();
  }

  /** Opens another way of a second step, if it is folded. */
  async unfold(group) {
    const folded = this.page.locator(`details[data-group="${group}"]:not([open]) > summary`);
    if (await folded.count()) await folded.click();
  }

  async has(name, value) {
    return (await this.page.locator(`button[name="${name}"][value="${value}"]`).count()) > 0;
  }

  async click(text) {
    await this.page.getByRole("link", { name: text, exact: true }).or(this.page.getByRole("button", { name: text, exact: true })).first().click();
  }

  /** Waits until the page's heading is this. */
  async sees(heading) {
    try {
      await this.page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
    } catch {
      const shown = await this.page.locator("body").innerText();
      throw new Error(`${this.name} expected "${heading}" at ${this.page.url()}, and sees:\n${shown}`);
    }
  }

  /** Waits until the page says this somewhere. */
  async reads(text) {
    try {
      await this.page.getByText(text).first().waitFor();
    } catch {
      const shown = await this.page.locator("body").innerText();
      throw new Error(`${this.name} expected to read "${text}" at ${this.page.url()}, and reads:\n${shown}`);
    }
  }
}
