// @ts-check
/**
 * What pasted key material is: its kind, algorithm, size and thumbprint (RFC 7638), read here, before anything is sent.
 * The server judges; this only says early what it is, and keeps private keys on this side.
 */

/**
 * @typedef {object} Recognized
 * @property {"public" | "certificate" | "jwk" | "private" | "unknown" | "empty"} kind
 * @property {string} words what it is, in a sentence
 * @property {string} [advice] what to do instead
 * @property {string} [algorithm] the one that is assumed for it
 * @property {Record<string, string>} [jwk] its public members
 * @property {any} [parsed] a JWK as it was pasted
 */

const OIDS = /** @type {Record<string, string>} */ ({
  "2a864886f70d010101": "RSA",
  "2a864886f70d01010a": "RSA-PSS",
  "2a8648ce3d0201": "EC",
  "2b6570": "Ed25519",
});
const CURVES = /** @type {Record<string, { name: string, algorithm: string, size: number }>} */ ({
  "2a8648ce3d030107": { name: "P-256", algorithm: "ES256", size: 32 },
  "2b81040022": { name: "P-384", algorithm: "ES384", size: 48 },
  "2b81040023": { name: "P-521", algorithm: "ES512", size: 66 },
});
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth"];
const KEEP_IT = "It stays in this page: nothing was sent.";
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;

/** @param {string} pasted @returns {Recognized} */
export function recognize(pasted) {
  const text = pasted.trim();
  if (!text) return { kind: "empty", words: "" };
  if (text.startsWith("{")) return recognizeJwk(text);
  if (/PRIVATE KEY|PuTTY-User-Key-File/.test(text)) {
    return {
      kind: "private",
      words: "This is a private key.",
      advice: `${KEEP_IT} Paste its public half: openssl pkey -in private.pem -pubout`,
    };
  }
  return recognizePem(text);
}

/** @param {string} text @returns {Recognized} */
function recognizePem(text) {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)];
  if (!blocks.length) return { kind: "unknown", words: "Not a PEM block or a JWK yet." };
  if (blocks.length > 1) return { kind: "unknown", words: `${blocks.length} PEM blocks.`, advice: "Give one of them: of a chain, the first." };
  const [, label, base64] = blocks[0];
  try {
    const der = Uint8Array.from(atob(base64.replace(/\s/g, "")), (character) => character.charCodeAt(0));
    if (label === "PUBLIC KEY") return { kind: "public", ...readPublicKey(read(der)) };
    if (label === "RSA PUBLIC KEY") return { kind: "public", ...readRsa(read(der), "RS256") };
    if (label === "CERTIFICATE") return readCertificate(der);
  } catch {
    return { kind: "unknown", words: `A ${label} block that cannot be read.`, advice: "Was it cut off when it was copied?" };
  }
  return { kind: "unknown", words: `A ${label} block.`, advice: "PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE are taken." };
}

/** @param {string} text @returns {Recognized} */
function recognizeJwk(text) {
  let jwk;
  try {
    jwk = JSON.parse(text);
  } catch {
    return { kind: "unknown", words: "JSON that is not complete yet." };
  }
  if (Array.isArray(jwk.keys)) return { kind: "unknown", words: `A set of ${jwk.keys.length} keys.`, advice: "Paste one of them." };
  if (jwk.kty !== "oct" && PRIVATE_MEMBERS.some((name) => name in jwk)) {
    return { kind: "private", words: "This JWK holds a private key.", advice: KEEP_IT, parsed: jwk };
  }
  const algorithm = jwk.alg ?? { RSA: "RS256", OKP: "EdDSA", oct: "HS256" }[/** @type {"RSA"} */ (jwk.kty)] ?? curveNamed(jwk.crv)?.algorithm;
  const size = jwk.kty === "RSA" ? `${bitsOf(fromBase64Url(jwk.n ?? ""))} bits` : (jwk.crv ?? "");
  return { kind: "jwk", words: `A JWK: ${[jwk.kty, size].filter(Boolean).join(", ")}.`, algorithm, jwk: requiredMembers(jwk), parsed: jwk };
}

/** A private JWK without its private members. @param {any} jwk */
export function publicHalf(jwk) {
  const kept = Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name) && name !== "key_ops");
  return JSON.stringify(Object.fromEntries(kept), null, 2);
}

/** The thumbprint of RFC 7638; empty where the browser has no WebCrypto (plain http). @param {Record<string, string>} jwk */
export async function thumbprintOf(jwk) {
  if (!crypto.subtle) return "";
  const sorted = Object.fromEntries(Object.entries(jwk).sort(([one], [other]) => (one < other ? -1 : 1)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(sorted)));
  return toBase64Url(new Uint8Array(digest));
}

/** @param {any} jwk @returns {Record<string, string> | undefined} */
function requiredMembers(jwk) {
  const names = /** @type {Record<string, string[]>} */ ({ RSA: ["e", "kty", "n"], EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"] })[jwk.kty];
  return names && Object.fromEntries(names.map((name) => [name, String(jwk[name])]));
}

/** @param {string | undefined} name */
function curveNamed(name) {
  return Object.values(CURVES).find((curve) => curve.name === name);
}

// --- DER (X.690), as far as keys and certificates need it --------------------------------------

/** @typedef {{ tag: number, content: Uint8Array, end: number }} Element */

/** @param {Uint8Array} bytes @param {number} [at] @returns {Element} */
function read(bytes, at = 0) {
  let length = bytes[at + 1];
  let start = at + 2;
  if (length & 0x80) {
    const digits = length & 0x7f;
    length = 0;
    for (let digit = 0; digit < digits; digit++) length = length * 256 + bytes[start++];
  }
  const end = start + length;
  if (!(end <= bytes.length)) throw new RangeError("cut off");
  return { tag: bytes[at], content: bytes.subarray(start, end), end };
}

/** @param {Element} element @returns {Element[]} */
function parts({ content }) {
  const found = [];
  for (let at = 0; at < content.length; ) {
    const part = read(content, at);
    found.push(part);
    at = part.end;
  }
  return found;
}

/** SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). @param {Element} element */
function readPublicKey(element) {
  const [identifier, bits] = parts(element);
  if (bits?.tag !== BIT_STRING) throw new TypeError("no SubjectPublicKeyInfo");
  const [oid, parameters] = parts(identifier);
  const kind = OIDS[hex(oid.content)];
  const key = bits.content.subarray(1);
  if (kind === "RSA") return readRsa(read(key), "RS256");
  if (kind === "RSA-PSS") return readRsa(read(key), "PS256");
  if (kind === "Ed25519") {
    return { words: "An Ed25519 public key.", algorithm: "EdDSA", jwk: { crv: "Ed25519", kty: "OKP", x: toBase64Url(key) } };
  }
  const curve = kind === "EC" ? CURVES[hex(parameters.content)] : undefined;
  if (!curve) return { words: "A public key of a kind that is not taken.", advice: "RSA, P-256, P-384, P-521 and Ed25519 are taken." };
  const jwk = { crv: curve.name, kty: "EC", x: toBase64Url(key.subarray(1, 1 + curve.size)), y: toBase64Url(key.subarray(1 + curve.size)) };
  return { words: `An EC public key on ${curve.name}.`, algorithm: curve.algorithm, jwk };
}

/** RSAPublicKey (RFC 8017, A.1.1). @param {Element} element @param {string} algorithm */
function readRsa(element, algorithm) {
  const [modulus, exponent] = parts(element).map(({ content }) => (content[0] === 0 ? content.subarray(1) : content));
  return {
    words: `An RSA public key of ${bitsOf(modulus)} bits.`,
    algorithm,
    jwk: { e: toBase64Url(exponent), kty: "RSA", n: toBase64Url(modulus) },
  };
}

/** The key of a certificate: after the version, which is optional, it stands sixth (RFC 5280, 4.1). @param {Uint8Array} der @returns {Recognized} */
function readCertificate(der) {
  const [body] = parts(read(der));
  const fields = parts(body).filter(({ tag }) => tag !== 0xa0);
  const key = fields[5];
  if (key?.tag !== SEQUENCE) throw new TypeError("no certificate");
  const until = new TextDecoder().decode(parts(fields[3])[1].content);
  const known = readPublicKey(key);
  return { kind: "certificate", ...known, words: `A certificate until ${dateOf(until)}, with: ${known.words}` };
}

/** UTCTime or GeneralizedTime as a date. @param {string} time */
function dateOf(time) {
  const full = time.length === 13 ? `${Number(time.slice(0, 2)) < 50 ? "20" : "19"}${time}` : time;
  return `${full.slice(0, 4)}-${full.slice(4, 6)}-${full.slice(6, 8)}`;
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes */
function bitsOf(bytes) {
  const first = bytes.findIndex(Boolean);
  return first < 0 ? 0 : (bytes.length - first - 1) * 8 + bytes[first].toString(2).length;
}

/** @param {Uint8Array} bytes */
function toBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {string} text */
function fromBase64Url(text) {
  try {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

// --- secrets -----------------------------------------------------------------------------------

const LEAST_BYTES = /** @type {Record<string, number>} */ ({ HS256: 32, HS384: 48, HS512: 64 });

/** What a typed secret is good for. @param {string} secret @param {string} algorithm @param {string} encoding @returns {Recognized} */
export function recognizeSecret(secret, algorithm, encoding) {
  if (!secret) return { kind: "empty", words: "" };
  if (/-----BEGIN/.test(secret)) {
    const known = recognize(secret);
    if (known.kind === "private") return known;
    return { kind: "unknown", words: "This is a key, not a secret.", advice: "Choose “Public key” above." };
  }
  const bytes = encoding === "base64url" ? fromBase64Url(secret).length : new TextEncoder().encode(secret).length;
  const least = LEAST_BYTES[algorithm || "HS256"];
  if (bytes < least) return { kind: "unknown", words: `${bytes} bytes.`, advice: `${algorithm || "HS256"} takes ${least} or more (RFC 7518, 3.2).` };
  return { kind: "public", words: `${bytes} bytes: long enough for ${Object.keys(LEAST_BYTES).filter((name) => LEAST_BYTES[name] <= bytes).join(", ")}.` };
}
