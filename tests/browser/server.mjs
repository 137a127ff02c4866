// Starts the built binary as a newcomer would: in development, with the configuration that it makes for itself, in a
// directory of its own. Only the ports are moved to free ones.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PORTS = { public: 4433, admin: 4434, pages: 4455, inbox: 4436 };

/** As many different free ports. They are held until all are known. */
const freePorts = async (count) => {
  const listening = () => new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
  const held = await Promise.all(Array.from({ length: count }, listening));
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};

/** Moves every port of a configuration. All at once, as a new port may be the old one of another listener. */
const moved = (configuration, ports) =>
  configuration.replace(/\b(4433|4434|4455|4436)\b/g, (port) => ports[port]);

const ended = (child) => new Promise((resolve) => {
  if (child.exitCode !== null || child.signalCode !== null) resolve();
  else child.on("exit", resolve);
});

/** Waits until the server is ready; throws with what it said if it ends or stays silent. */
const ready = async (url, child, log) => {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    if (child.exitCode !== null) break;
    try {
      if ((await fetch(url)).ok) return;
    } catch { /* It does not listen yet. */ }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`limen did not become ready at ${url}. It said:\n${log.join("")}`);
};

/** A configuration as the first start makes it. The first start is ended as soon as the file is there. */
const firstConfiguration = async (limen, data) => {
  const file = join(data, "limen.yml");
  // `config check` only reads, so a start has to make the file. A taken port or a signal ends it; either will do.
  const first = spawn(limen, ["serve", "identity", "--dev", "--data", data], { stdio: "ignore" });
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text) {
      first.kill("SIGTERM");
      await ended(first);
      return { file, text };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  first.kill("SIGKILL");
  throw new Error(`limen made no configuration at ${file}`);
};

/** Starts limen; answers where its pages and its inbox are, and how to stop it. */
export const start = async (limen) => {
  const version = spawnSync(limen, ["version"], { encoding: "utf8" });
  if (version.status !== 0) throw new Error(`${limen} does not run: ${version.error ?? version.stderr}`);
  const folder = await mkdtemp(join(tmpdir(), "limen-browser-"));
  const data = join(folder, "data");
  const { file, text } = await firstConfiguration(limen, data);
  const free = await freePorts(4);
  const ports = Object.fromEntries(Object.values(PORTS).map((port, index) => [port, free[index]]));
  await writeFile(file, moved(text, ports));

  const log = [];
  const child = spawn(limen, ["serve", "identity", "--dev", "--data", data], { cwd: folder });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log.push(String(chunk)));
  const at = (name) => `http://localhost:${ports[PORTS[name]]}/`;
  const stop = async (show) => {
    child.kill("SIGTERM");
    const impatience = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended(child);
    clearTimeout(impatience);
    if (show) console.error(`the end of limen's log:\n${log.join("").split("\n").slice(-60).join("\n")}`);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(`${at("public")}health/ready`, child, log);
  } catch (error) {
    await stop(false);
    throw error;
  }
  return { pages: at("pages"), inbox: at("inbox"), stop };
};
