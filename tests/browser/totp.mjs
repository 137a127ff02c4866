// An authenticator app: codes of RFC 6238 from a base32 secret. It never gives the same code twice, as a server that
// takes each code once expects: a second request within 30 seconds gets the code of the next step, which servers
// accept because clocks differ.
import { createHmac } from "node:crypto";

const STEP = 30_000;

const decode = (base32) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...base32.replace(/[\s=]/g, "")].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
};

export class Authenticator {
  #key;
  #last = 0;

  constructor(secret) {
    this.#key = decode(secret);
  }

  code() {
    const now = Math.floor(Date.now() / STEP);
    if (this.#last > now) throw new Error("the codes that a server accepts now are used up");
    this.#last = Math.max(now, this.#last + 1);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(this.#last));
    const hash = createHmac("sha1", this.#key).update(counter).digest();
    const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  }
}
