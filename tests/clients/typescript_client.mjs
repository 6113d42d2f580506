// Makes calls with the official TypeScript client, and prints their answers as one JSON document.
// Usage: node typescript_client.mjs PACKAGES, with {"command" or "url" and "headers", "calls"} on stdin.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.argv[2] + "/package.json"));
const part = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/client/" + name)));
const { Client } = await part("index.js");
const { StdioClientTransport } = await part("stdio.js");
const { StreamableHTTPClientTransport } = await part("streamableHttp.js");

const asked = JSON.parse(readFileSync(0, "utf8"));
const transport = asked.url
  ? new StreamableHTTPClientTransport(new URL(asked.url), { requestInit: { headers: asked.headers } })
  : new StdioClientTransport({ command: asked.command[0], args: asked.command.slice(1) });
const client = new Client({ name: "typescript", version: "1" });
await client.connect(transport);

const methods = {
  "prompts/list": () => client.listPrompts(),
  "prompts/get": (params, options) => client.getPrompt(params, options),
  "tools/list": () => client.listTools(),
  "tools/call": (params, options) => client.callTool(params, undefined, options),
  "completion/complete": (params) => client.complete(params),
};
const answers = {};
for (const [name, [method, params]] of Object.entries(asked.calls)) {
  const progress = [];
  const onprogress = ({ progress: done, total, message }) => progress.push([done, total, message]);
  try {
    answers[name] = { result: await methods[method](params, { onprogress }), progress };
  } catch (error) {
    if (typeof error.code !== "number") throw error;
    answers[name] = { error: { code: error.code, message: error.message, data: error.data } };
  }
}
const server = { ...client.getServerVersion(), capabilities: Object.keys(client.getServerCapabilities()).sort() };
await client.close();
console.log(JSON.stringify({ server, answers }));
