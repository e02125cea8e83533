// What the real Node SDKs make of a body: one job a line on stdin, {"sdk", "body" (Base64)}; one result a line on stdout,
// {"values": [...]}, the payloads that the SDK hands out, or {"error": "..."}.
import readline from "node:readline";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

let body;
const served = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
globalThis.fetch = served;
const openai = new OpenAI({ apiKey: "none", maxRetries: 0, fetch: served, logLevel: "off" });
const anthropic = new Anthropic({ apiKey: "none", maxRetries: 0, fetch: served, logLevel: "off" });
const google = new GoogleGenAI({ apiKey: "none" });
const messages = [{ role: "user", content: "?" }];

const streams = {
  openai: () => openai.chat.completions.create({ model: "m", messages, stream: true }),
  anthropic: () => anthropic.messages.create({ model: "m", max_tokens: 9, messages, stream: true }),
  google: () => google.models.generateContentStream({ model: "m", contents: "?" }),
};

async function result({ sdk, body: encoded }) {
  body = Buffer.from(encoded, "base64");
  const values = [];
  try {
    for await (const value of await streams[sdk]()) values.push(value);
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
  return { values };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await result(JSON.parse(line)))}\n`);
}
