// Starts the built binary as `make up` would, in a directory of its own and on ports that are free.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** As many different free ports. They are held until all are known. */
const freePorts = async (count) => {
  const held = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  })));
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};

const answers = async (url, child) => {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) return false;
    try {
      const answer = await fetch(url);
      if (answer.status < 500) return true;
    } catch { /* not yet */ }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
};

export { answers, freePorts, join, mkdtemp, readFile, rm, spawn, tmpdir, writeFile };
