// The real Node SDKs, used as people use them. One job a line on stdin, one result a line on stdout, in any order:
//   {"id": 1, "client": "openai-node chat", "url": "http://127.0.0.1:8080/fault/x", "model": "m", "tools": ["f"]}
//   {"id": 1, "answer": {"text", "reasoning", "tools": [{"id", "name", "arguments"}], "stop", "usage": [input, output]}}
//   {"id": 1, "failure": {"error", "message", "reported"}}
// `reported`: the SDK's own error, which callers catch and retry; false where it broke on something inside.
import readline from "node:readline";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic, { AnthropicError } from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import { APICallError, jsonSchema, NoOutputGeneratedError, streamText, tool } from "ai";
import OpenAI, { OpenAIError } from "openai";

const TIMEOUT = 30_000;
const QUESTION = "When is high tide?";
const MESSAGES = [{ role: "user", content: QUESTION }];

/** An error event that an SDK hands on like any other event; a consumer of events sees it. */
class StreamError extends Error {}

const emptyAnswer = () => ({ text: "", reasoning: "", tools: [], stop: null, usage: null });
const ioUsage = (usage) => (usage ? [usage.input_tokens ?? null, usage.output_tokens ?? null] : null);
const chatUsage = (usage) => (usage ? [usage.prompt_tokens ?? null, usage.completion_tokens ?? null] : null);

// -- openai ------------------------------------------------------------------------------------

const openai = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, timeout: TIMEOUT });

function addChatDelta(answer, delta, slots) {
  answer.text += delta.content ?? "";
  answer.reasoning += delta.reasoning_content ?? "";
  for (const call of delta.tool_calls ?? []) {
    if (!slots.has(call.index)) {
      slots.set(call.index, { id: null, name: null, arguments: "" });
      answer.tools.push(slots.get(call.index));
    }
    const slot = slots.get(call.index);
    slot.id ??= call.id ?? null;
    slot.name ??= call.function?.name ?? null;
    slot.arguments += call.function?.arguments ?? "";
  }
}

async function openaiChat({ url, model }) {
  const answer = emptyAnswer();
  const slots = new Map();
  const body = { model, messages: MESSAGES, stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await openai(url).chat.completions.create(body)) {
    answer.usage = chatUsage(chunk.usage) ?? answer.usage;
    for (const choice of chunk.choices ?? []) {
      answer.stop = choice.finish_reason || answer.stop;
      if (choice.delta) addChatDelta(answer, choice.delta, slots);
    }
  }
  return answer;
}

async function openaiChatHelper({ url, model }) {
  const final = await openai(url).chat.completions.stream({ model, messages: MESSAGES }).finalChatCompletion();
  const { message, finish_reason: stop } = final.choices[0];
  const tools = (message.tool_calls ?? []).map((call) => ({ id: call.id, name: call.function.name, arguments: call.function.arguments }));
  return { text: message.content ?? "", reasoning: "", tools, stop, usage: chatUsage(final.usage) };
}

function addResponsesEvent(answer, event, slots) {
  switch (event.type) {
    case "response.output_item.added":
      if (event.item.type === "function_call") {
        slots.set(event.output_index, { id: event.item.call_id, name: event.item.name, arguments: "" });
        answer.tools.push(slots.get(event.output_index));
      }
      break;
    case "response.output_text.delta":
      answer.text += event.delta;
      break;
    case "response.reasoning_text.delta":
    case "response.reasoning_summary_text.delta":
      answer.reasoning += event.delta;
      break;
    case "response.function_call_arguments.delta":
      slots.get(event.output_index).arguments += event.delta;
      break;
    case "response.completed":
    case "response.incomplete":
      answer.stop = event.response.status;
      answer.usage = ioUsage(event.response.usage);
      break;
    case "error":
      throw new StreamError(event.message);
    case "response.failed":
      throw new StreamError(event.response.error.message);
  }
}

async function openaiResponses({ url, model }) {
  const answer = emptyAnswer();
  const slots = new Map();
  for await (const event of await openai(url).responses.create({ model, input: QUESTION, stream: true })) {
    addResponsesEvent(answer, event, slots);
  }
  return answer;
}

async function openaiResponsesHelper({ url, model }) {
  const final = await openai(url).responses.stream({ model, input: QUESTION }).finalResponse();
  if (final.status === "failed") throw new StreamError(final.error?.message ?? "failed");
  const calls = final.output.filter((item) => item.type === "function_call");
  const tools = calls.map((call) => ({ id: call.call_id, name: call.name, arguments: call.arguments }));
  return { text: final.output_text, reasoning: "", tools, stop: final.status, usage: ioUsage(final.usage) };
}

// -- anthropic ---------------------------------------------------------------------------------

const anthropic = (url) => new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0, timeout: TIMEOUT });

function addAnthropicEvent(answer, event, state) {
  switch (event.type) {
    case "message_start":
      state.input = event.message.usage.input_tokens;
      break;
    case "content_block_start":
      if (event.content_block.type === "tool_use") {
        state.slots.set(event.index, { id: event.content_block.id, name: event.content_block.name, arguments: "" });
        answer.tools.push(state.slots.get(event.index));
      }
      break;
    case "content_block_delta":
      if (event.delta.type === "text_delta") answer.text += event.delta.text;
      if (event.delta.type === "thinking_delta") answer.reasoning += event.delta.thinking;
      if (event.delta.type === "input_json_delta") state.slots.get(event.index).arguments += event.delta.partial_json;
      break;
    case "message_delta":
      answer.stop = event.delta.stop_reason;
      answer.usage = [state.input ?? null, event.usage.output_tokens ?? null];
      break;
  }
}

async function anthropicMessages({ url, model }) {
  const answer = emptyAnswer();
  const state = { input: null, slots: new Map() };
  for await (const event of await anthropic(url).messages.create({ model, max_tokens: 64, messages: MESSAGES, stream: true })) {
    addAnthropicEvent(answer, event, state);
  }
  return answer;
}

async function anthropicMessagesHelper({ url, model }) {
  const final = await anthropic(url).messages.stream({ model, max_tokens: 64, messages: MESSAGES }).finalMessage();
  const of = (type) => final.content.filter((block) => block.type === type);
  const tools = of("tool_use").map((block) => ({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) }));
  const join = (type, key) => of(type).map((block) => block[key]).join("");
  return { text: join("text", "text"), reasoning: join("thinking", "thinking"), tools, stop: final.stop_reason, usage: ioUsage(final.usage) };
}

// -- the AI SDK --------------------------------------------------------------------------------

/** The SDK calls a finished response of the Responses API by why it stopped; the API calls it completed. */
const AI_COMPLETED = new Set(["stop", "tool-calls"]);

const aiStop = (part, unified) => (unified && AI_COMPLETED.has(part.finishReason) ? "completed" : (part.rawFinishReason ?? null));

function addAiPart(answer, part, unified) {
  switch (part.type) {
    case "text-delta":
      answer.text += part.text;
      break;
    case "reasoning-delta":
      answer.reasoning += part.text;
      break;
    case "tool-call":
      answer.tools.push({ id: part.toolCallId, name: part.toolName, arguments: typeof part.input === "string" ? part.input : JSON.stringify(part.input) });
      break;
    case "finish":
      answer.stop = aiStop(part, unified);
      answer.usage = part.totalUsage.inputTokens === undefined ? null : [part.totalUsage.inputTokens, part.totalUsage.outputTokens ?? null];
      break;
    case "error":
      throw aiError(part.error);
  }
}

/** An error event of the stream reaches the user as its bare payload. */
const aiError = (error) => (error instanceof Error ? error : new StreamError(error?.message ?? error?.error?.message ?? JSON.stringify(error)));

const ai = (model, { unified = false } = {}) => async (job) => {
  const answer = emptyAnswer();
  const tools = Object.fromEntries(job.tools.map((name) => [name, tool({ inputSchema: jsonSchema({ type: "object" }) })]));
  const result = streamText({ model: model(job), prompt: QUESTION, tools, maxRetries: 0, abortSignal: AbortSignal.timeout(TIMEOUT), onError() {} });
  for await (const part of result.fullStream) addAiPart(answer, part, unified);
  return answer;
};

const aiOpenai = ({ url }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const aiCompatible = ({ url }) => createOpenAICompatible({ name: "local", baseURL: `${url}/v1`, includeUsage: true });

// -- google ------------------------------------------------------------------------------------

async function googleContents({ url, model }) {
  const google = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: url, timeout: TIMEOUT } });
  const answer = emptyAnswer();
  for await (const chunk of await google.models.generateContentStream({ model, contents: QUESTION })) {
    const usage = chunk.usageMetadata;
    if (usage) answer.usage = [usage.promptTokenCount ?? null, usage.candidatesTokenCount ?? null];
    const [candidate] = chunk.candidates ?? [];
    answer.stop = candidate?.finishReason ?? answer.stop;
    for (const part of candidate?.content?.parts ?? []) {
      if (part.functionCall) answer.tools.push({ id: part.functionCall.id ?? null, name: part.functionCall.name, arguments: JSON.stringify(part.functionCall.args) });
      else if (part.thought) answer.reasoning += part.text ?? "";
      else answer.text += part.text ?? "";
    }
  }
  return answer;
}

// ----------------------------------------------------------------------------------------------

const CLIENTS = {
  "openai-node chat": openaiChat,
  "openai-node chat .stream()": openaiChatHelper,
  "openai-node responses": openaiResponses,
  "openai-node responses .stream()": openaiResponsesHelper,
  "anthropic-node": anthropicMessages,
  "anthropic-node .stream()": anthropicMessagesHelper,
  "ai @ai-sdk/openai chat": ai((job) => aiOpenai(job).chat(job.model)),
  "ai @ai-sdk/openai responses": ai((job) => aiOpenai(job).responses(job.model), { unified: true }),
  "ai @ai-sdk/openai-compatible": ai((job) => aiCompatible(job).chatModel(job.model)),
  "ai @ai-sdk/anthropic": ai((job) => createAnthropic({ baseURL: `${job.url}/v1`, apiKey: "none" })(job.model)),
  "@google/genai": googleContents,
};

const REPORTED = [OpenAIError, AnthropicError, ApiError, StreamError];
/** openai-node's helper throws the event itself. */
const isErrorEvent = (error) => !(error instanceof Error) && error?.type === "error";
const isReported = (error) =>
  isErrorEvent(error) ||
  REPORTED.some((kind) => error instanceof kind) || APICallError.isInstance(error) || NoOutputGeneratedError.isInstance(error);

async function run(job) {
  try {
    return { id: job.id, answer: await CLIENTS[job.client](job) };
  } catch (error) {
    const message = String(error?.message ?? error).replace(/\s+/g, " ").trim();
    return { id: job.id, failure: { error: error?.constructor?.name ?? "Error", message, reported: isReported(error) } };
  }
}

globalThis.AI_SDK_LOG_WARNINGS = false;
for (const method of ["log", "info", "warn", "error", "debug"]) console[method] = () => {}; // stdout is for results
process.on("unhandledRejection", () => {}); // of promises that an SDK makes and nobody asked for

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const result = await run(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(result)}\n`);
});
