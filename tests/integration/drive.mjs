// Calls the guide's functions for a test: a JSON array [name, ...arguments] a line in, {"value"} or {"error"} a line out.
import { createInterface } from "node:readline";
import Redis from "ioredis";
import * as producer from "./producer.mjs";
import * as reader from "./reader.mjs";

const redis = new Redis(process.env.REDIS_URL);
const functions = {
  enqueue: producer.enqueue,
  enqueueInline: producer.enqueueInline,
  enqueueAtOnce: (redis, picture, times) =>
    Promise.all(Array.from({ length: times }, () => producer.enqueue(redis, picture))),
  results: async (redis, keys) => Object.fromEntries(await reader.results(redis, keys)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: await functions[name](redis, ...args) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
redis.disconnect();
