import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { fromFloat16Bits, Tensor } from "../tensor/index.ts";
import { checkPictureName, decodePicture, encodePicture, type Picture } from "./image.ts";
import { imageNet, isPictureShape, plain, toPicture, toTensor } from "./pixels.ts";

/** 4 wide, 2 high: left half red, right half blue. */
const redBlue = Buffer.from([0, 1].flatMap(() => [255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255]));
const raw = { raw: { width: 4, height: 2, channels: 3 as const } };
const rgb = { channels: 3, resize: "crop" } as const;
const pixel = ({ data, width, channels }: Picture, y: number, x: number) => [
  ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
];

describe("decoding", () => {
  test("keeps size and values", async () => {
    const picture = await decodePicture(await sharp(redBlue, raw).png().toBuffer(), "p", rgb);
    expect([picture.height, picture.width, picture.channels]).toEqual([2, 4, 3]);
    expect(Buffer.from(picture.data)).toEqual(redBlue);
  });

  test("turns a picture as its EXIF orientation says", async () => {
    const bytes = await sharp(redBlue, raw).withMetadata({ orientation: 6 }).png().toBuffer();
    const picture = await decodePicture(bytes, "p", rgb);
    // Orientation 6 is shown turned a quarter clockwise: red above, blue below.
    expect([picture.height, picture.width]).toEqual([4, 2]);
    expect(pixel(picture, 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(picture, 3, 0)).toEqual([0, 0, 255]);
  });

  test("puts transparent pixels on white", async () => {
    const clear = { r: 0, g: 0, b: 0, alpha: 0 };
    const create = { width: 1, height: 1, channels: 4 as const, background: clear };
    const picture = await decodePicture(await sharp({ create }).png().toBuffer(), "p", rgb);
    expect([...picture.data]).toEqual([255, 255, 255]);
  });

  test.each([
    ["grey", 1],
    ["RGB", 3],
  ] as const)("16-bit grey with alpha to %s", async (_, channels) => {
    const grey = Uint16Array.of(0x8080, 0xffff);
    const bytes = await sharp(grey, { raw: { width: 1, height: 1, channels: 2 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const picture = await decodePicture(bytes, "p", { channels, resize: "crop" });
    expect([...picture.data]).toEqual(new Array(channels).fill(128));
  });

  test("RGB to grey", async () => {
    const bytes = await sharp(redBlue, raw).png().toBuffer();
    const picture = await decodePicture(bytes, "p", { channels: 1, resize: "crop" });
    expect(picture.data.length).toBe(8);
  });

  test.each([
    ["crop", [255, 0, 0], [0, 0, 255], [255, 0, 0]],
    ["stretch", [255, 0, 0], [0, 0, 255], [255, 0, 0]],
    ["letterbox", [114, 114, 114], [114, 114, 114], [255, 0, 0]],
  ] as const)("%s to a square", async (resize, topLeft, bottomRight, left) => {
    const bytes = await sharp(redBlue, raw)
      .resize(400, 200, { kernel: "nearest" })
      .png()
      .toBuffer();
    const size = { height: 100, width: 100 };
    const picture = await decodePicture(bytes, "p", { channels: 3, size, resize });
    expect([picture.height, picture.width]).toEqual([100, 100]);
    expect(pixel(picture, 0, 0)).toEqual(topLeft);
    expect(pixel(picture, 99, 99)).toEqual(bottomRight);
    expect(pixel(picture, 50, 0)).toEqual(left);
  });

  test("crop keeps the middle: nothing of the outer quarters", async () => {
    const strip = Buffer.from([9, 9, 9, 80, 80, 80, 90, 90, 90, 9, 9, 9]);
    const wide = { raw: { width: 4, height: 1, channels: 3 as const } };
    const bytes = await sharp(strip, wide).resize(400, 200, { kernel: "nearest", fit: "fill" });
    const size = { height: 20, width: 20 };
    const png = await bytes.png().toBuffer();
    const picture = await decodePicture(png, "p", { channels: 3, size, resize: "crop" });
    expect(pixel(picture, 10, 5)).toEqual([80, 80, 80]);
    expect(pixel(picture, 10, 15)).toEqual([90, 90, 90]);
  });
});

describe("what is no picture", () => {
  test.each([
    ["text", async () => Buffer.from("this is text"), /not a picture/],
    ["a PNG cut short", async () => half(await noise("png")), /damaged/],
    ["a JPEG cut short", async () => half(await noise("jpeg")), /damaged/],
    ["nothing", async () => Buffer.alloc(0), /./],
    ["a PNG's first bytes", async () => (await noise("png")).subarray(0, 12), /damaged|not a pict/],
  ])("%s", async (_, make, message) => {
    const error = await decodePicture(await make(), "p.png", rgb).catch((e) => e);
    expect(error.code).toBe("image-invalid");
    expect(error.message).toMatch(/^p\.png: /);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
  });
});

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2);

/** A picture that does not compress: cut short, it surely lacks pixels. */
function noise(format: "png" | "jpeg"): Promise<Buffer> {
  const data = Uint8Array.from({ length: 100 * 100 * 3 }, (_, i) => (i * i * 31) >> 3);
  return sharp(data, { raw: { width: 100, height: 100, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

describe("pixels", () => {
  const picture: Picture = {
    height: 1,
    width: 2,
    channels: 3,
    data: Uint8Array.of(0, 51, 255, 102, 0, 51),
  };

  test("become NCHW values in 0..1", () => {
    const t = toTensor([picture, picture], "float32", plain);
    expect(t.dims).toEqual([2, 3, 1, 2]);
    const expected = [0, 0.4, 0.2, 0, 1, 0.2].map(Math.fround);
    expect([...t.data]).toEqual([...expected, ...expected]);
  });

  test("are normalized by channel", () => {
    const { data } = toTensor([picture], "float32", imageNet);
    expect(data[0]).toBeCloseTo(-0.485 / 0.229, 5);
    expect(data[2]).toBeCloseTo((0.2 - 0.456) / 0.224, 5);
    expect(data[4]).toBeCloseTo((1 - 0.406) / 0.225, 5);
  });

  test("as float16 and uint8", () => {
    const half = toTensor([picture], "float16", plain);
    expect(fromFloat16Bits(half.data[4] as number)).toBe(1);
    expect([...toTensor([picture], "uint8", imageNet).data]).toEqual([0, 102, 51, 0, 255, 51]);
  });

  test("refuse a mean with the wrong number of channels", () => {
    const grey: Picture = { height: 1, width: 1, channels: 1, data: Uint8Array.of(1) };
    expect(() => toTensor([grey], "float32", imageNet)).toThrow(/3 numbers.*1 channel/);
  });

  test("come back from values, cut off at the range's ends", () => {
    const t = Tensor.from("float32", [-1, 0, 0.5, 1, 9, Number.NaN], [2, 3, 1, 1]);
    expect([...toPicture(t, 0, [0, 1]).data]).toEqual([0, 0, 128]);
    expect([...toPicture(t, 1, [-1, 1]).data]).toEqual([255, 255, 0]);
    expect(toTensor([picture], "float16", plain).dtype).toBe("float16");
    expect(toPicture(toTensor([picture], "float16", plain), 0, [0, 1])).toEqual(picture);
  });

  test.each([
    [[1, 3, 8, 8], true],
    [["N", 1, "H", "W"], true],
    [[1, 3, 1, 1], false],
    [[1, 4, 8, 8], false],
    [[3, 8, 8], false],
  ])("picture shape %j: %s", (dims, expected) => {
    expect(isPictureShape(dims)).toBe(expected);
  });
});

describe("encoding", () => {
  const gradient: Picture = {
    height: 16,
    width: 16,
    channels: 3,
    data: Uint8Array.from({ length: 768 }, (_, i) => i / 3),
  };
  test.each(["o.png", "o.webp", "o.TIFF", "o.jpg"])("%s", async (path) => {
    const back = await decodePicture(await encodePicture(gradient, path), path, rgb);
    const worst = Math.max(...back.data.map((v, i) => Math.abs(v - gradient.data[i]!)));
    expect(worst).toBeLessThanOrEqual(path === "o.jpg" ? 12 : 0);
  });

  test("names that are no picture format", () => {
    expect(() => checkPictureName("out.txt")).toThrow(/\.txt is not a picture format/);
    expect(() => checkPictureName("out")).toThrow(/without an ending/);
  });
});
