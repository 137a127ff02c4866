// The whole walk of a person through the pages, once with scripts and once without: sign up, read the mail, verify,
// sign out and in, add a second factor, change the password, forget it, recover, sign other devices out.
// Each step is what a person would see and press; nothing is asked of the API, but whether a mail has come.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { launch, Person } from "./browser.mjs";
import { start } from "./server.mjs";
import { Authenticator } from "./totp.mjs";

const FIRST_PASSWORD = "violet-harbour-7-lantern";
const SECOND_PASSWORD = "amber-meadow-4-compass";
const THIRD_PASSWORD = "copper-window-9-thistle";
const PICTURES = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));
const wantsPictures = process.argv.includes("--pictures");

class Walk {
  constructor(server, browser, scripts) {
    this.server = server;
    this.browser = browser;
    this.scripts = scripts;
    this.address = scripts ? "ada@example.org" : "grace@example.org";
    this.people = [];
  }

  async person(name, options = {}) {
    const person = await Person.open(this.browser, { scripts: this.scripts, name, ...options });
    this.people.push(person);
    return person;
  }

  url(path) {
    return new URL(path, this.server.pages).href;
  }

  /** Keeps a picture for the documentation, of the walk with scripts. */
  async picture(person, name, options = {}) {
    if (!wantsPictures || !this.scripts) return;
    await person.page.screenshot({ path: `${PICTURES}${name}.png`, ...options });
  }

  /** Opens the newest mail to us in the inbox and reads the code in it. */
  async code(person) {
    const query = new URLSearchParams({ to: this.address, timeout: "10s", ...(this.lastMail && { after: this.lastMail }) });
    const answer = await fetch(new URL(`/api/messages/next?${query}`, this.server.inbox));
    if (answer.status !== 200) throw new Error(`no mail to ${this.address} came: ${answer.status}`);
    this.lastMail = (await answer.json()).id;
    const reader = await person.context.newPage();
    await reader.goto(new URL(`/?to=${encodeURIComponent(this.address)}`, this.server.inbox).href);
    await reader.locator(`a[href="/messages/${this.lastMail}"]`).click();
    const code = await reader.locator("code.big").innerText();
    if (wantsPictures && this.scripts) await reader.screenshot({ path: `${PICTURES}inbox.png` });
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
    const picture = { "the desk": "login", "the phone": "login-phone" }[person.name];
    if (picture) await this.picture(person, picture);
    await person.fill({ identifier: this.address });
    if (await person.has("method", "identifier_first")) await person.press("method", "identifier_first");
    await person.fill({ password });
    await person.press("method", "password");
  }

  async signUp(person) {
    await person.page.goto(this.url("/"));
    await person.sees("Welcome");
    await this.picture(person, "welcome");
    await person.click("Create an account");
    await person.sees("Create your account");
    await person.fill({ "traits.email": this.address });
    for (const name of ["traits.name.first", "traits.name.last", "traits.name"]) {
      if (await person.page.locator(`input[name="${name}"]`).count()) await person.fill({ [name]: "Ada" });
    }
    await this.picture(person, "registration");
    if (await person.has("method", "profile")) {
      await person.press("method", "profile");
      await person.reads("Choose how you want to sign in");
    }
    // A refusal stands next to its field and keeps what was typed.
    await person.fill({ password: "short" });
    await person.press("method", "password");
    await person.page.locator('p.message.error[role="alert"]').first().waitFor();
    await person.fill({ password: FIRST_PASSWORD });
    await person.press("method", "password");
  }

  async verify(person) {
    await person.sees("Check your messages");
    await this.picture(person, "verification");
    await person.fill({ code: "000000" });
    await person.press("method", "code");
    await person.reads("not right");
    await person.fill({ code: await this.code(person) });
    await person.press("method", "code");
    await person.sees("All done");
    await person.click("Continue");
    await this.overview(person);
    await person.page.locator(".badge.good", { hasText: /^verified$/ }).waitFor();
  }

  async addSecondFactors(person) {
    await this.overview(person);
    await person.click("Settings");
    await person.sees("Account settings");
    await this.picture(person, "settings", { fullPage: true });
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
    await this.picture(person, "backup-codes", { fullPage: true });
    await person.press("lookup_secret_confirm", "true");
    await person.reads("Your changes are saved.");
  }

  async secondStep(person, fields, method) {
    await person.sees("One more step");
    await this.picture(person, "second-step");
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
    await person.fill({ email: this.address });
    await person.press("method", "code");
    await person.sees("Check your messages");
    await person.fill({ code: await this.code(person) });
    await person.press("method", "code");
    // The address is proven; the account asks for its second factor before it changes anything.
    await person.sees("One more step");
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
    await this.picture(phone, "overview-phone");
    await this.password(tablet, THIRD_PASSWORD);
    await this.secondStep(tablet, { lookup_secret: this.backup[2] }, "lookup_secret");
    await this.overview(person);
    await person.reads("Safari on iPad");
    await this.picture(person, "overview", { fullPage: true });
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

  async run() {
    const ada = await this.person("the desk");
    const step = async (name, act) => {
      const start = Date.now();
      await act();
      console.log(`  ${name} (${Date.now() - start} ms)`);
    };
    await step("sign up", () => this.signUp(ada));
    await step("verify the address", () => this.verify(ada));
    await step("sign out", () => this.signOut(ada));
    await step("sign in", async () => {
      await this.password(ada, "not-the-password");
      await ada.reads("not right");
      await this.password(ada, FIRST_PASSWORD);
      await this.overview(ada);
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
