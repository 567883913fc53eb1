// Measures aws-jwt-verify. First line in: [{"algorithm", "token", "jwk", "issuer"}, …], all verified until warm.
// Then an algorithm a line in, the microseconds of CPU of one verification out.
const { JwtVerifier } = require("aws-jwt-verify");
const readline = require("node:readline");

const WARM_UP = 500;
const CALLS = 50;
const work = new Map();

function prepare({ algorithm, token, jwk, issuer }) {
  const verifier = JwtVerifier.create({ issuer, audience: null, jwksUri: "https://localhost/never-fetched" });
  verifier.cacheJwks({ keys: [jwk] });
  work.set(algorithm, () => verifier.verifySync(token));
}

function measure(once, calls) {
  const start = process.cpuUsage();
  for (let call = 0; call < calls; call++) once();
  const spent = process.cpuUsage(start);
  return (spent.user + spent.system) / calls;
}

let isFirst = true;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (isFirst) {
    isFirst = false;
    JSON.parse(line).forEach(prepare);
    for (const once of work.values()) measure(once, WARM_UP);
    console.log("ready");
  } else {
    console.log(measure(work.get(line), CALLS));
  }
});
