// Keys, and who may connect with them. Decides; the socket asks.
// Every tcp listener runs CURVE: a peer must hold a key pair whose public half is on the list.

/** A CURVE key pair, each half 40 characters of Z85. */
export interface KeyPair {
  publicKey: string;
  secretKey: string;
}

/** The public keys that may connect to this process. */
export class AllowList {
  readonly #keys = new Set<string>();

  add(publicKey: string): void {
    this.#keys.add(publicKey);
  }

  remove(publicKey: string): void {
    this.#keys.delete(publicKey);
  }

  has(publicKey: string): boolean {
    return this.#keys.has(publicKey);
  }
}

/**
 * Answers a request of ZeroMQ's authentication protocol (RFC 27): version, request id, domain, address, identity,
 * mechanism, then for CURVE the client's 32-byte public key. Each listener of a process is a domain of its own.
 */
export function answerZap(parts: readonly Uint8Array[], listFor: (domain: string) => AllowList | undefined): string[] {
  const [version, requestId, domain, , , mechanism, key] = parts;
  const id = text(requestId);
  if (text(version) !== "1.0") return ["1.0", id, "500", "version not supported", "", ""];
  const isKey = text(mechanism) === "CURVE" && key !== undefined && key.length === 32;
  const isAllowed = isKey && listFor(text(domain))?.has(encodeZ85(key));
  return isAllowed ? ["1.0", id, "200", "OK", "", ""] : ["1.0", id, "400", "this key is not on the list", "", ""];
}

const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/** ZeroMQ's text form of binary keys (RFC 32): four bytes become five characters. */
export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let encoded = "";
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    let value = view.getUint32(at);
    let group = "";
    for (let digit = 0; digit < 5; digit += 1) {
      group = z85[value % 85]! + group;
      value = Math.floor(value / 85);
    }
    encoded += group;
  }
  return encoded;
}

/** True for an address that no other machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function text(part: Uint8Array | undefined): string {
  return part ? Buffer.from(part).toString() : "";
}
