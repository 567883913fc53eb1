// @ts-check
/**
 * Programs that sign a first token, in five languages: for an HMAC secret those of docs/first-token.md,
 * for a key pair the same with the private key in private.pem. They take what is secret from the environment.
 */

/** @typedef {{ algorithm: string, keyId: string, secret: string, isEncoded: boolean, privateKey?: string }} Material */

export const LANGUAGES = [
  { name: "Python", file: "sign_token.py", run: "python3 sign_token.py" },
  { name: "Node", file: "sign_token.mjs", run: "node sign_token.mjs" },
  { name: "openssl", file: "sign_token.sh", run: "bash sign_token.sh" },
  { name: "Go", file: "sign_token.go", run: "go run sign_token.go" },
  { name: "Java", file: "Token.java", run: "java Token.java" },
];

/** What the programs read: as commands of a shell. @param {Material} material */
export function settingsOf({ keyId, secret, isEncoded, privateKey, algorithm }) {
  const id = `export KEY_ID=${quoted(keyId)}`;
  if (privateKey) return `${id}\n(umask 077; cat > private.pem) <<'PEM'\n${privateKey.trim()}\nPEM`;
  return algorithm.startsWith("HS") ? `${id} SECRET=${quoted(secret)} ENCODING=${isEncoded ? "base64url" : "text"}` : `${id} # your private key stands in private.pem`;
}

/** @param {string} language @param {Material} material */
export function programOf(language, material) {
  const family = material.algorithm.slice(0, 2);
  return PROGRAMS[language][family === "HS" ? "secret" : "pair"](material);
}

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string} algorithm */
const bits = (algorithm) => algorithm.slice(2);
const COORDINATE_BYTES = /** @type {Record<string, number>} */ ({ ES256: 32, ES384: 48, ES512: 66 });

/** @type {Record<string, Record<string, (material: Material) => string>>} */
const PROGRAMS = {
  Python: {
    secret: ({ algorithm }) => `import base64, hashlib, hmac, json, os, time


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


header = {"alg": "${algorithm}", "typ": "JWT", "kid": os.environ["KEY_ID"]}
claims = {"exp": int(time.time()) + 60}
text = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
secret = os.environ["SECRET"].encode()
if os.environ.get("ENCODING") == "base64url":
    secret = base64.urlsafe_b64decode(secret + b"==")
signature = hmac.digest(secret, text, hashlib.sha${bits(algorithm)})
print((text + b"." + part(signature)).decode())
`,
    pair: ({ algorithm }) => `import os, time

import jwt  # pip install "pyjwt[crypto]"

claims = {"exp": int(time.time()) + 60}
private_key = open("private.pem").read()
print(jwt.encode(claims, private_key, algorithm="${algorithm}", headers={"kid": os.environ["KEY_ID"]}))
`,
  },
  Node: {
    secret: ({ algorithm }) => `import { createHmac } from "node:crypto";
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const text = part({ alg: "${algorithm}", typ: "JWT", kid: process.env.KEY_ID }) + "." +
  part({ exp: Math.floor(Date.now() / 1000) + 60 });
const secret = Buffer.from(process.env.SECRET, process.env.ENCODING === "base64url" ? "base64url" : "utf8");
console.log(text + "." + createHmac("sha${bits(algorithm)}", secret).update(text).digest("base64url"));
`,
    pair: ({ algorithm }) => `import { constants, sign } from "node:crypto";
import { readFileSync } from "node:fs";
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const text = part({ alg: "${algorithm}", typ: "JWT", kid: process.env.KEY_ID }) + "." +
  part({ exp: Math.floor(Date.now() / 1000) + 60 });
const key = { key: readFileSync("private.pem")${nodeOptions(algorithm)} };
console.log(text + "." + sign(${algorithm === "EdDSA" ? "null" : `"sha${bits(algorithm)}"`}, Buffer.from(text), key).toString("base64url"));
`.replace(/import \{ constants, sign \}/, algorithm.startsWith("PS") ? "import { constants, sign }" : "import { sign }"),
  },
  openssl: {
    secret: ({ algorithm }) => `part() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
HEADER=$(printf '{"alg":"${algorithm}","typ":"JWT","kid":"%s"}' "$KEY_ID" | part)
CLAIMS=$(printf '{"exp":%d}' "$(($(date +%s) + 60))" | part)
bytes() { printf '%s' "$SECRET"; }
if [ "\${ENCODING:-text}" = base64url ]; then
  bytes() { printf '%s==' "$SECRET" | tr -- '-_' '+/' | cut -c "1-$(((\${#SECRET} + 3) / 4 * 4))" | openssl base64 -d -A; }
fi
HEX=$(bytes | od -An -v -tx1 | tr -d ' \\n')
SIGNATURE=$(printf '%s' "$HEADER.$CLAIMS" | openssl dgst -sha${bits(algorithm)} -mac HMAC -macopt "hexkey:$HEX" -binary | part)
echo "$HEADER.$CLAIMS.$SIGNATURE"
`,
    pair: ({ algorithm }) => `part() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
HEADER=$(printf '{"alg":"${algorithm}","typ":"JWT","kid":"%s"}' "$KEY_ID" | part)
CLAIMS=$(printf '{"exp":%d}' "$(($(date +%s) + 60))" | part)
${opensslSignature(algorithm)}
echo "$HEADER.$CLAIMS.$SIGNATURE"
`,
  },
  Go: {
    secret: ({ algorithm }) => {
      const size = bits(algorithm);
      const [module, digest] = size === "256" ? ["crypto/sha256", "sha256.New"] : ["crypto/sha512", size === "384" ? "sha512.New384" : "sha512.New"];
      return `package main

import (
	"crypto/hmac"
	"${module}"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func part(value any) string {
	data, _ := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(data)
}

func main() {
	text := part(map[string]any{"alg": "${algorithm}", "typ": "JWT", "kid": os.Getenv("KEY_ID")}) + "." +
		part(map[string]any{"exp": time.Now().Unix() + 60})
	secret := []byte(os.Getenv("SECRET"))
	if os.Getenv("ENCODING") == "base64url" {
		secret, _ = base64.RawURLEncoding.DecodeString(os.Getenv("SECRET"))
	}
	mac := hmac.New(${digest}, secret)
	mac.Write([]byte(text))
	fmt.Println(text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}
`;
    },
    pair: goPair,
  },
  Java: {
    secret: ({ algorithm }) => `import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Token {
    static String part(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    public static void main(String[] arguments) throws Exception {
        String header = "{\\"alg\\":\\"${algorithm}\\",\\"typ\\":\\"JWT\\",\\"kid\\":\\"" + System.getenv("KEY_ID") + "\\"}";
        String claims = "{\\"exp\\":" + (System.currentTimeMillis() / 1000 + 60) + "}";
        String text = part(header.getBytes("UTF-8")) + "." + part(claims.getBytes("UTF-8"));
        byte[] secret = System.getenv("SECRET").getBytes("UTF-8");
        if ("base64url".equals(System.getenv("ENCODING"))) secret = Base64.getUrlDecoder().decode(secret);
        Mac mac = Mac.getInstance("HmacSHA${bits(algorithm)}");
        mac.init(new SecretKeySpec(secret, "HmacSHA${bits(algorithm)}"));
        System.out.println(text + "." + part(mac.doFinal(text.getBytes("UTF-8"))));
    }
}
`,
    pair: javaPair,
  },
};

/** @param {string} algorithm */
function nodeOptions(algorithm) {
  if (algorithm.startsWith("ES")) return ', dsaEncoding: "ieee-p1363"';
  return algorithm.startsWith("PS") ? `, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: ${Number(bits(algorithm)) / 8}` : "";
}

/** @param {string} algorithm */
function opensslSignature(algorithm) {
  if (algorithm === "EdDSA") {
    return `printf '%s' "$HEADER.$CLAIMS" > text.tmp
SIGNATURE=$(openssl pkeyutl -sign -rawin -inkey private.pem -in text.tmp | part)
rm text.tmp`;
  }
  const sign = `printf '%s' "$HEADER.$CLAIMS" | openssl dgst -sha${bits(algorithm)} -sign private.pem`;
  if (algorithm.startsWith("ES")) {
    const digits = COORDINATE_BYTES[algorithm] * 2;
    return `# openssl writes r and s in DER; a JWT holds the bare numbers
NUMBERS=$(${sign} | openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p')
HEX=$(for number in $NUMBERS; do printf '%${digits}s' "$number"; done | tr ' ' 0)
SIGNATURE=$(printf "$(printf '%s' "$HEX" | sed 's/../\\\\x&/g')" | part)`;
  }
  const padding = algorithm.startsWith("PS") ? " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1" : "";
  return `SIGNATURE=$(${sign}${padding} -binary | part)`;
}

/** @param {Material} material */
function goPair({ algorithm }) {
  const hash = `crypto.SHA${bits(algorithm)}`;
  const [module, digest] = bits(algorithm) === "256" ? ["crypto/sha256", "sha256.Sum256"] : ["crypto/sha512", `sha512.Sum${bits(algorithm)}`];
  const [imports, lines] = algorithm === "EdDSA"
    ? [["crypto/ed25519"], `	signature := ed25519.Sign(key.(ed25519.PrivateKey), []byte(text))`]
    : algorithm.startsWith("ES")
      ? [["crypto/ecdsa", "crypto/rand", module], `	digest := ${digest}([]byte(text))
	r, s, _ := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), digest[:])
	signature := make([]byte, ${COORDINATE_BYTES[algorithm] * 2})
	r.FillBytes(signature[:${COORDINATE_BYTES[algorithm]}])
	s.FillBytes(signature[${COORDINATE_BYTES[algorithm]}:])`]
      : [["crypto", "crypto/rand", "crypto/rsa", module], `	digest := ${digest}([]byte(text))
	signature, _ := ${algorithm.startsWith("PS") ? `rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), ${hash}, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})` : `rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), ${hash}, digest[:])`}`];
  const all = [...imports, "crypto/x509", "encoding/base64", "encoding/json", "encoding/pem", "fmt", "os", "time"];
  return `package main

import (
${all.map((name) => `	"${name}"`).join("\n")}
)

func part(value any) string {
	data, _ := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(data)
}

func main() {
	file, _ := os.ReadFile("private.pem")
	block, _ := pem.Decode(file)
	key, _ := x509.ParsePKCS8PrivateKey(block.Bytes)
	text := part(map[string]any{"alg": "${algorithm}", "typ": "JWT", "kid": os.Getenv("KEY_ID")}) + "." +
		part(map[string]any{"exp": time.Now().Unix() + 60})
${lines}
	fmt.Println(text + "." + base64.RawURLEncoding.EncodeToString(signature))
}
`;
}

/** @param {Material} material */
function javaPair({ algorithm }) {
  const size = bits(algorithm);
  const family = algorithm === "EdDSA" ? "Ed25519" : algorithm.startsWith("ES") ? "EC" : "RSA";
  const name = { Ed25519: "Ed25519", EC: `SHA${size}withECDSAinP1363Format`, RSA: algorithm.startsWith("PS") ? "RSASSA-PSS" : `SHA${size}withRSA` }[family];
  const parameters = algorithm.startsWith("PS")
    ? `
        signer.setParameter(new java.security.spec.PSSParameterSpec("SHA-${size}", "MGF1", java.security.spec.MGF1ParameterSpec.SHA${size}, ${Number(size) / 8}, 1));`
    : "";
  return `import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

public class Token {
    static String part(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    public static void main(String[] arguments) throws Exception {
        String pem = Files.readString(Path.of("private.pem")).replaceAll("-----[A-Z ]+-----", "");
        byte[] key = Base64.getMimeDecoder().decode(pem);
        String header = "{\\"alg\\":\\"${algorithm}\\",\\"typ\\":\\"JWT\\",\\"kid\\":\\"" + System.getenv("KEY_ID") + "\\"}";
        String claims = "{\\"exp\\":" + (System.currentTimeMillis() / 1000 + 60) + "}";
        String text = part(header.getBytes("UTF-8")) + "." + part(claims.getBytes("UTF-8"));
        Signature signer = Signature.getInstance("${name}");${parameters}
        signer.initSign(KeyFactory.getInstance("${family}").generatePrivate(new PKCS8EncodedKeySpec(key)));
        signer.update(text.getBytes("UTF-8"));
        System.out.println(text + "." + part(signer.sign()));
    }
}
`;
}
