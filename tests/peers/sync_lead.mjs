// Calls syncLead with node's `soap`, once for each call in the JSON on stdin. Argument: the endpoint.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const soap = createRequire(import.meta.url)("soap"); // unlike import, this looks into NODE_PATH
const namespace = "http://www.marketo.com/mktows/";
const client = await soap.createClientAsync(`${process.argv[2]}?WSDL`);

async function outcome({ userId, encryptionKey, timestamp, workspace, params }) {
  const requestTimestamp = timestamp ?? new Date().toISOString();
  const requestSignature = createHmac("sha1", encryptionKey).update(requestTimestamp + userId).digest("hex");
  client.clearSoapHeaders();
  const header = { mktowsUserId: userId, requestSignature, requestTimestamp };
  client.addSoapHeader({ AuthenticationHeader: header }, "", "tns", namespace);
  if (workspace) {
    client.addSoapHeader({ MktowsContextHeader: { targetWorkspace: workspace } }, "", "tns", namespace);
  }
  try {
    const [{ result }] = await client.syncLeadAsync(params);
    return result;
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
