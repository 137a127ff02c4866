// The whole walk of a person through the pages, once with scripts and once without: sign up, read the mail, verify,
// sign out and in, add a second factor, change the password, forget it, recover, sign other devices out.
// Each step is what a person would see and press; nothing is asked of the API, but whether a mail has come.
import { mkdir } from "node:fs/promises";

import { launch, Person } from "./browser.mjs";
import { look, PICTURES } from "./look.mjs";
import { start } from "./server.mjs";
import { Authenticator } from "./totp.mjs";

const FIRST_PASSWORD = "violet-harbour-7-lantern";
const SECOND_PASSWORD = "amber-meadow-4-compass";
const THIRD_PASSWORD = "copper-window-9-thistle";
const wantsPictures = process.argv.includes("--pictures");

class Walk {
  constructor(server, browser, scripts) {
    this.server = server;
    this.browser = browser;
    this.scripts = scripts;
    this.address = scripts ? "ada@example.org" : "grace@example.org";
    this.people = [];
    this.seen = new Set();
  }

  async person(name, options = {}) {
    const person = await Person.open(this.browser, { scripts: this.scripts, name, ...options });
    this.people.push(person);
    return person;
  }

  url(path) {
    return new URL(path, this.server.pages).href;
  }

  /** Looks at a page closely, once in the walk with scripts, and keeps pictures for the documentation. */
  async look(person, name, pictures = ["desk-light", "phone-dark"]) {
    if (!this.scripts || this.seen.has(name)) return;
    this.seen.add(name);
    await look(person, name, wantsPictures ? pictures : []);
  }

  /** Opens the newest mail to us in the inbox and reads the code in it. */
  async code(person) {
    const query = new URLSearchParams({ to: this.address, timeout: "10s", ...(this.lastMail && { after: this.lastMail }) });
    const answer = await fetch(new URL(`/api/messages/next?${query}`, this.server.inbox));
    if (answer.status !== 200) throw new Error(`no mail to ${this.address} came: ${answer.status}`);
    this.mail = await answer.json();
    this.lastMail = this.mail.id;
    const reader = await person.context.newPage();
    await reader.goto(new URL(`/?to=${encodeURIComponent(this.address)}`, this.server.inbox).href);
    await reader.locator(`a[href="/messages/${this.lastMail}"]`).click();
    const code = await reader.locator("code.big").innerText();
    if (wantsPictures && this.scripts && !this.seen.has("inbox")) await reader.screenshot({ path: `${PICTURES}inbox.png` });
    this.seen.add("inbox");
    await reader.close();
    return code.trim();
  }

  async overview(person) {
    await person.page.goto(this.url("/"));
    await person.sees("Your account");
  }

  async signOut(person) {
    await this.overview(person);
    await person.page.locator("#logout button").click();
    await person.sees("Sign in");
  }

  async password(person, password) {
    await person.page.goto(this.url("/"));
    await person.click("Sign in");
    await person.sees("Sign in");
    await this.look(person, "login", ["desk-light", "desk-dark", "phone-light", "phone-dark"]);
    await person.fill({ identifier: this.address });
    if (await person.has("method", "identifier_first")) await person.press("method", "identifier_first");
    await person.fill({ password });
    await person.press("method", "password");
  }

  async signUp(person) {
    await person.page.goto(this.url("/"));
    await person.sees("Welcome");
    await this.look(person, "welcome");
    await person.click("Create an account");
    await person.sees("Create your account");
    await person.fill({ "traits.email": this.address });
    for (const name of ["traits.name.first", "traits.name.last", "traits.name"]) {
      if (await person.page.locator(`input[name="${name}"]`).count()) await person.fill({ [name]: "Ada" });
    }
    await this.look(person, "registration");
    if (await person.has("method", "profile")) {
      await person.press("method", "profile");
      await person.reads("Choose how you want to sign in");
    }
    // A refusal stands next to its field and keeps what was typed.
    await person.fill({ password: "short" });
    await person.press("method", "password");
    await person.page.locator('p.message.error[role="alert"]').first().waitFor();
    const wrong = person.page.locator('input[name="password"]');
    if ((await wrong.getAttribute("aria-invalid")) !== "true") throw new Error("the wrong field is not marked");
    if (!(await wrong.evaluate((field) => field === document.activeElement))) throw new Error("the wrong field has no focus");
    await this.look(person, "registration-refused");
    await person.fill({ password: FIRST_PASSWORD });
    await person.press("method", "password");
  }

  async verify(person) {
    await person.sees("Check your messages");
    await this.look(person, "verification");
    await person.fill({ code: "000000" });
    await person.press("method", "code");
    await person.reads("not right");
    await person.fill({ code: await this.code(person) });
    await person.press("method", "code");
    await person.sees("All done");
    await this.look(person, "verified");
    // The account is there now, and its person signs in.
    await person.click("Continue");
    await person.sees("Sign in");
  }

  async verified(person) {
    await person.page.locator(".badge.good", { hasText: /^verified$/ }).waitFor();
  }

  async addSecondFactors(person) {
    await this.overview(person);
    await person.click("Settings");
    await person.sees("Account settings");
    await this.look(person, "settings");
    const secret = await person.page.locator('[data-group="totp"] .secret code').first().innerText();
    this.app = new Authenticator(secret);
    await person.page.locator('img[src^="data:image/png"]').waitFor();
    await person.fill({ totp_code: this.app.code() });
    await person.press("method", "totp");
    await person.reads("Your changes are saved.");
    await person.press("lookup_secret_regenerate", "true");
    await person.page.locator(".codes code").first().waitFor();
    this.backup = await person.page.locator(".codes code").allInnerTexts();
    if (this.backup.length !== 12) throw new Error(`12 backup codes were expected: ${this.backup}`);
    await this.look(person, "backup-codes");
    await person.press("lookup_secret_confirm", "true");
    await person.reads("Your changes are saved.");
  }

  async secondStep(person, fields, method) {
    await person.sees("One more step");
    await this.look(person, "second-step");
    await person.unfold(method);
    await person.fill(fields);
    await person.press("method", method);
    await this.overview(person);
  }

  async changePassword(person) {
    await person.page.goto(this.url("/settings"));
    await person.sees("Account settings");
    await person.fill({ password: SECOND_PASSWORD });
    await person.press("method", "password");
    await person.reads("Your changes are saved.");
  }

  async recover(person) {
    await person.page.goto(this.url("/login"));
    await person.click("Forgot your password?");
    await person.sees("Recover your account");
    await this.look(person, "recovery");
    await person.fill({ email: this.address });
    await person.press("method", "code");
    await person.sees("Check your messages");
    await person.fill({ code: await this.code(person) });
    await person.press("method", "code");
    // The address is proven; the account asks for its second factor before it changes anything.
    await person.sees("One more step");
    await person.unfold("lookup_secret");
    await person.fill({ lookup_secret: this.backup[0] });
    await person.press("method", "lookup_secret");
    await person.sees("Account settings");
    await person.fill({ password: THIRD_PASSWORD });
    await person.press("method", "password");
    await person.reads("Your changes are saved.");
  }

  async otherDevices(person) {
    const phone = await this.person("the phone", { userAgent: "Mozilla/5.0 (iPhone) Safari/604.1", viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    const tablet = await this.person("the tablet", { userAgent: "Mozilla/5.0 (iPad) Safari/604.1", colorScheme: "dark" });
    await this.password(phone, THIRD_PASSWORD);
    await this.secondStep(phone, { lookup_secret: this.backup[1] }, "lookup_secret");
    await this.password(tablet, THIRD_PASSWORD);
    await this.secondStep(tablet, { lookup_secret: this.backup[2] }, "lookup_secret");
    await this.overview(person);
    await person.reads("Safari on iPad");
    await this.look(person, "overview");
    await person.page.locator("li", { hasText: "Safari on iPhone" }).getByRole("button").click();
    await person.reads("The other device is signed out.");
    await phone.page.goto(this.url("/"));
    await phone.sees("Welcome");
    await this.overview(tablet);
    await this.overview(person);
    await person.page.locator("#revoke-others button").click();
    await person.reads("All other devices are signed out.");
    await person.reads("You are signed in nowhere else.");
    await tablet.page.goto(this.url("/"));
    await tablet.sees("Welcome");
  }

  /** Whoever asks for German gets it on every page and in mails, until they ask for something else. */
  async language(person) {
    await person.page.goto(this.url("/login"));
    await person.click("Deutsch");
    await person.sees("Anmelden");
    await this.look(person, "login-german", ["phone-light"]);
    await person.click("Passwort vergessen?");
    await person.sees("Konto wiederherstellen");
    await person.fill({ email: this.address });
    await person.press("method", "code");
    await person.sees("Prüfen Sie Ihre Nachrichten");
    await this.look(person, "recovery-sent-german", ["desk-light"]);
    await this.code(person);
    if (!this.mail.subject.includes("ist Ihr Code")) throw new Error(`the mail is not in German: ${this.mail.subject}`);
    await person.click("English");
    await person.sees("Check your messages");
    const german = await this.person("the German", { locale: "de-AT" });
    await german.page.goto(this.url("/"));
    await german.sees("Willkommen");
  }

  /** Old links, second tabs and the way back lead on; a page that is not there says so. */
  async detours(person) {
    await person.page.goto(this.url("/login"));
    await person.sees("Sign in");
    const first = person.page.url();
    await person.page.goto(this.url("/registration"));
    await person.page.goBack();
    await person.sees("Sign in");
    if (person.page.url() !== first) throw new Error(`the way back leads to ${person.page.url()}`);
    await person.page.goto(this.url("/login?flow=00000000-0000-4000-8000-000000000000"));
    await person.sees("Sign in");
    await person.reads("That form was not valid any more");
    await this.look(person, "restarted", []);
    const lost = await this.person("the lost");
    await lost.page.goto(this.url("/nowhere"));
    await lost.sees("Page not found");
    await this.look(lost, "not-found");
    await lost.page.goto(this.url("/error?id=00000000-0000-4000-8000-000000000000"));
    await lost.sees("Something went wrong");
    await this.look(lost, "error");
    await lost.click("Go to the start page");
    await lost.sees("Welcome");
    // Both pages answer 404 and browsers log it; anything else would be a fault.
    lost.complaints = lost.complaints.filter((complaint) => !complaint.includes("404"));
  }

  /** Signs in with the keyboard alone: each stop can be seen, and Enter does what the page is about. */
  async keyboard() {
    const typist = await this.person("the typist");
    const { page } = typist;
    const press = async (key) => {
      await page.keyboard.press(key);
      await page.waitForLoadState();
    };
    const stop = () => page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      const shown = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      return { text: document.activeElement.textContent.trim(), name: document.activeElement.name ?? "", shown };
    });
    const tabTo = async (wanted) => {
      for (let stops = 0; stops < 40; stops += 1) {
        await press("Tab");
        const { text, name, shown } = await stop();
        if (!shown) throw new Error(`the focus on "${text || name}" cannot be seen at ${page.url()}`);
        if (text === wanted || name === wanted) return;
      }
      throw new Error(`no way by keyboard to "${wanted}" at ${page.url()}`);
    };
    await page.goto(this.url("/"));
    await tabTo("Sign in");
    await press("Enter");
    await typist.sees("Sign in");
    // The first field has the focus already.
    await page.keyboard.type(this.address);
    await tabTo("password");
    await page.keyboard.type(THIRD_PASSWORD);
    await press("Enter");
    await typist.sees("One more step");
    await tabTo("Use a backup code instead");
    await press("Enter");
    await tabTo("lookup_secret");
    await page.keyboard.type(this.backup[3]);
    await press("Enter");
    await typist.sees("Your account");
    await tabTo("Settings");
    await press("Enter");
    await typist.sees("Account settings");
    await page.goto(this.url("/"));
    await tabTo("Sign out");
    await press("Enter");
    await typist.sees("Sign in");
  }

  /** Two clicks send a form once. */
  async doubleClick(person) {
    if (!this.scripts) return;
    await person.page.goto(this.url("/recovery"));
    await person.fill({ email: "nobody@example.org" });
    let sent = 0;
    const count = (request) => { sent += request.method() === "POST" ? 1 : 0; };
    person.page.on("request", count);
    await person.page.locator('button[name="method"][value="code"]').first().dblclick();
    await person.sees("Check your messages");
    person.page.off("request", count);
    if (sent !== 1) throw new Error(`two clicks sent the form ${sent} times`);
  }

  async run() {
    const ada = await this.person("the desk");
    const step = async (name, act) => {
      const start = Date.now();
      await act();
      console.log(`  ${name} (${Date.now() - start} ms)`);
    };
    await step("sign up", () => this.signUp(ada));
    await step("verify the address", () => this.verify(ada));
    await step("sign in", async () => {
      await this.password(ada, "not-the-password");
      await ada.reads("not right");
      await this.password(ada, FIRST_PASSWORD);
      await this.overview(ada);
      await this.verified(ada);
    });
    await step("add an authenticator app and backup codes", () => this.addSecondFactors(ada));
    await step("sign out", () => this.signOut(ada));
    await step("sign in with the second factor", async () => {
      await this.password(ada, FIRST_PASSWORD);
      await this.secondStep(ada, { totp_code: this.app.code() }, "totp");
    });
    await step("change the password", () => this.changePassword(ada));
    await step("sign out", () => this.signOut(ada));
    await step("recover", () => this.recover(ada));
    await step("sign other devices out", () => this.otherDevices(ada));
    await step("sign out", () => this.signOut(ada));
    await step("sign in by keyboard", () => this.keyboard());
    await step("read German", () => this.language(ada));
    await step("take detours", () => this.detours(ada));
    await step("click twice", () => this.doubleClick(ada));
  }

  async close() {
    for (const person of this.people) await person.context.close();
  }
}

if (wantsPictures) await mkdir(PICTURES, { recursive: true });
const server = await start(process.env.LIMEN);
const browser = await launch();
let failures = 0;
try {
  for (const scripts of [true, false]) {
    console.log(scripts ? "with scripts" : "without scripts");
    const walk = new Walk(server, browser, scripts);
    try {
      await walk.run();
      const complaints = walk.people.flatMap((person) => person.complaints);
      if (complaints.length) throw new Error(`the browser complains:\n${complaints.join("\n")}`);
    } catch (error) {
      failures += 1;
      console.error(`  FAILED ${error.message}`);
      for (const person of walk.people) for (const complaint of person.complaints) console.error(`  ${complaint}`);
    } finally {
      await walk.close();
    }
  }
} finally {
  await browser.close();
  await server.stop(failures > 0);
}
console.log(failures === 0 ? "browser test: passed" : `browser test: ${failures} of 2 walks failed`);
process.exitCode = failures === 0 ? 0 : 1;
