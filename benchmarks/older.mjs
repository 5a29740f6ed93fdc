// What the older worker does with a picture: two decodes, MMCQ on 40 pixels, a 20-pixel placeholder under a strong blur.
// Reads a path a line, answers with a JSON object a line; CPU is that of the whole process, its threads included.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import sharp from "sharp";
import quantize from "quantize";

sharp.concurrency(1);
sharp.cache(false);

async function generate(data) {
  const { data: raw, info } = await sharp(data)
    .rotate()
    .resize(40, 40, { fit: "inside" })
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const pixels = [];
  for (let at = 0; at < raw.length; at += info.channels) pixels.push([raw[at], raw[at + 1], raw[at + 2]]);
  const map = quantize(pixels, 5);
  const placeholder = await sharp(data)
    .rotate()
    .resize(20, 20, { fit: "cover" })
    .blur(8)
    .jpeg({ quality: 60, mozjpeg: true })
    .toBuffer();
  return { palette: map ? map.palette() : [pixels[0]], placeholder: placeholder.toString("base64") };
}

for await (const path of createInterface({ input: process.stdin })) {
  const data = readFileSync(path);
  const before = process.cpuUsage();
  const answer = await generate(data);
  const spent = process.cpuUsage(before);
  console.log(JSON.stringify({ ...answer, cpuMs: (spent.user + spent.system) / 1000 }));
}
