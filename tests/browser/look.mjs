// Looks at a page as different people get it: light and dark, at a desk and on a phone. Each look is checked for what
// keeps people out (WCAG 2.2 AA, by axe-core) and for what makes them scroll sideways; some are kept as pictures.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const DESK = { width: 1100, height: 760 };
const PHONE = { width: 390, height: 844 };
/** The narrowest page that has to do without scrolling sideways: success criterion 1.4.10. */
const NARROWEST = { width: 320, height: 640 };
const LOOKS = [["desk", DESK, "light"], ["desk", DESK, "dark"], ["phone", PHONE, "light"], ["phone", PHONE, "dark"]];

export const PICTURES = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));

/** What axe finds, in one line each. */
const violations = async (page) => {
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) => globalThis.axe.run({ runOnly: rules }), RULES);
  return found.violations.map((violation) =>
    `${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.target.join(" ")).join(", ")}`);
};

/**
 * Checks the page that somebody sees in every look, and keeps `pictures` of it as `<name>-<place>-<theme>.png`.
 * The page is as before afterwards. Throws with everything that is wrong.
 */
export const look = async (person, name, pictures = []) => {
  const { page } = person;
  const before = page.viewportSize();
  const wrong = [];
  for (const [place, size, theme] of LOOKS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const violation of await violations(page)) wrong.push(`${name} (${place}, ${theme}): ${violation}`);
    if (pictures.includes(`${place}-${theme}`)) {
      await page.screenshot({ path: `${PICTURES}${name}-${place}-${theme}.png`, fullPage: true });
    }
  }
  await page.setViewportSize(NARROWEST);
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > seen) wrong.push(`${name}: ${wide} pixels wide where ${seen} fit`);
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (wrong.length) throw new Error(`not everybody can use this page:\n${wrong.join("\n")}`);
};
