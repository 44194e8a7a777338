// Makes calls with node's `soap`, once for each call in the JSON on stdin. Argument: the endpoint.
// An object with "xsi:type" is one of several types, as selectors are.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const soap = createRequire(import.meta.url)("soap"); // unlike import, this looks into NODE_PATH
const namespace = "http://www.marketo.com/mktows/";
const client = await soap.createClientAsync(`${process.argv[2]}?WSDL`);

function typed(value) {
  if (Array.isArray(value)) return value.map(typed);
  if (value === null || typeof value !== "object") return value;
  const { "xsi:type": type, ...rest } = value;
  const children = Object.fromEntries(Object.entries(rest).map(([name, inner]) => [name, typed(inner)]));
  return type ? { attributes: { xsi_type: { type, xmlns: namespace } }, ...children } : children;
}

async function outcome({ operation, userId, encryptionKey, timestamp, workspace, params }) {
  const requestTimestamp = timestamp ?? new Date().toISOString();
  const requestSignature = createHmac("sha1", encryptionKey).update(requestTimestamp + userId).digest("hex");
  client.clearSoapHeaders();
  const header = { mktowsUserId: userId, requestSignature, requestTimestamp };
  client.addSoapHeader({ AuthenticationHeader: header }, "", "tns", namespace);
  if (workspace) {
    client.addSoapHeader({ MktowsContextHeader: { targetWorkspace: workspace } }, "", "tns", namespace);
  }
  try {
    const [answer] = await client[`${operation}Async`](typed(params));
    return Object.values(answer)[0];
  } catch (error) {
    const { faultcode, faultstring, detail } = error.root?.Envelope.Body.Fault ?? { faultstring: String(error) };
    return { faultcode, faultstring, exception: detail?.serviceException };
  }
}

const outcomes = [];
for (const call of JSON.parse(readFileSync(0, "utf8"))) {
  outcomes.push(await outcome(call));
}
console.log(JSON.stringify(outcomes));
